//! The preset `packages`: what package managers must have installed.

use serde_json::{Value, json};

use super::check::CheckKind;
use super::kind::{CheckType, Found, preset};
use super::package_version::PackageVersion;
use crate::diagnostic::{Diagnostic, is_close};
use crate::inspect::packages::Manager;
use crate::source::Located;
use crate::yaml::{Context, Decode, Definitions, Describe, Kind, Node, Pairs, object, text};

/// `packages`
pub(super) const TYPE: CheckType = CheckType {
    key: "packages",
    what: "a packages check",
    read: |entries, _, context| expand(entries.take("packages")?, context),
    keys: |definitions| {
        let about = "What package managers must have installed: `dpkg`, `apk`, `pip`, `conda`, `r`, `rpm`. One check for each package.";
        vec![preset::<Packages>("packages", about, definitions)]
    },
};

/// A package that must be installed, or must not be.
#[derive(Debug, Clone)]
pub struct PackageCheck {
    /// Whose package it is.
    pub manager: PackageManager,
    /// Its name.
    pub name: Located<String>,
    /// What must hold for it.
    pub wanted: WantedPackage,
    /// The environment to look into; without it all of them count.
    pub folder: Option<Located<String>>,
}

/// Who knows of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageManager {
    /// One whose records can be read.
    Readable(Manager),
    /// `rpm`, whose database only rpm itself can read.
    Rpm,
}

/// What must hold for a package.
#[derive(Debug, Clone)]
pub enum WantedPackage {
    /// It is installed, in whatever version.
    Any,
    /// It is not installed.
    Absent,
    /// It is installed, and its version meets this.
    Version(Located<PackageVersion>),
}

object! {
    /// The long form of what must hold for a package.
    struct PackageKeys: "a package" {
        /// Its version; any unless said otherwise.
        optional version: WantedPackage,
        /// The environment to look into.
        optional folder("in"): Located<String>,
    }
}

impl PackageManager {
    /// The word in specs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Readable(manager) => manager.word(),
            Self::Rpm => "rpm",
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        Manager::ALL
            .map(Self::Readable)
            .into_iter()
            .chain([Self::Rpm])
    }
}

impl Decode for WantedPackage {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match node.scalar() {
            Some("any") => Some(Self::Any),
            Some("absent") => Some(Self::Absent),
            // What people write who want any version, or none.
            Some("true" | "false" | "yes" | "no" | "latest" | "present" | "installed" | "") => {
                context.mismatch(node, "a version such as `>=1.16`, `any` or `absent`")
            }
            Some(_) if !node.is_null() => Located::decode(node, context).map(Self::Version),
            _ => context.mismatch(node, "a version such as `>=1.16`, `any` or `absent`"),
        }
    }
}

/// The packages of one manager: a list of names, or a map of names to what they must be.
struct OfManager(Vec<(Located<String>, WantedPackage, Option<Located<String>>)>);

impl Decode for OfManager {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let packages: Vec<_> = match &node.kind {
            Kind::Sequence(_) => {
                let names = Vec::<Located<String>>::decode(node, context)?;
                let any = |name| (name, WantedPackage::Any, None);
                names.into_iter().map(any).collect()
            }
            Kind::Mapping(_) => {
                let pairs = Pairs::<Entry>::decode(node, context)?.0;
                let package = |(name, value): (_, Entry)| (name, value.0, value.1);
                pairs.into_iter().map(package).collect()
            }
            Kind::Scalar { .. } => {
                let found = node.describe();
                let message = format!("expected a list or a map of packages, found {found}");
                let mut mistake = Diagnostic::new(&node.place, message);
                if let Some(name) = node.scalar().filter(|_| !node.is_null()) {
                    mistake = mistake.help(format!("write `[{name}]`"));
                }
                context.report(mistake);
                return None;
            }
        };
        if packages.is_empty() {
            context.report(
                Diagnostic::new(&node.place, "this expects nothing").help("name a package"),
            );
            return None;
        }
        Some(Self(packages))
    }
}

struct Entry(WantedPackage, Option<Located<String>>);

impl Decode for Entry {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let Kind::Mapping(_) = node.kind else {
            return WantedPackage::decode(node, context).map(|wanted| Self(wanted, None));
        };
        let before = context.count();
        let options = PackageKeys::decode(node, context)?;
        if context.count() > before {
            return None;
        }
        if options.version.is_none() && options.folder.is_none() {
            context.report(
                Diagnostic::new(&node.place, "this expects nothing")
                    .help("write `any` for a package of whatever version"),
            );
            return None;
        }
        let wanted = options.version.unwrap_or(WantedPackage::Any);
        Some(Self(wanted, options.folder))
    }
}

/// The manager that `word` stands for. The names are too short to go by their spelling alone: `apt`
/// is not `apk`.
fn meant(word: &str) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    let kin = [
        ("dpkg", &["apt", "apt-get", "aptitude", "deb", "debian"][..]),
        ("apk", &["alpine"]),
        ("pip", &["pip3", "pypi", "python", "uv"]),
        ("conda", &["mamba", "micromamba", "anaconda", "pixi"]),
        ("r", &["cran", "bioconductor"]),
        ("rpm", &["yum", "dnf", "microdnf", "zypper"]),
    ];
    let of_other_things = ["npm", "gem", "gpg", "cargo", "brew"];
    let known = kin
        .iter()
        .find(|(name, others)| *name == lower || others.contains(&&*lower));
    let close = || {
        let close = kin
            .iter()
            .find(|(name, _)| name.len() > 1 && is_close(&lower, name));
        close.filter(|_| !of_other_things.contains(&&*lower))
    };
    known.or_else(close).map(|(name, _)| *name)
}

/// One check for each package.
pub(super) fn expand(node: &Node, context: &mut Context) -> Option<Vec<Found>> {
    let Kind::Mapping(managers) = &node.kind else {
        return context.mismatch(node, "a map of package managers to packages");
    };
    if managers.is_empty() {
        context.report(Diagnostic::new(&node.place, "this expects nothing"));
        return None;
    }
    let mut checks = Vec::new();
    for (key, packages) in managers {
        let word = key.scalar().unwrap_or_default();
        let Some(manager) = PackageManager::all().find(|manager| manager.word() == word) else {
            let message = format!("unknown package manager `{word}`");
            let known = PackageManager::all().map(PackageManager::word);
            let mistake = Diagnostic::new(&key.place, message);
            context.report(match meant(word) {
                Some(meant) => mistake.help(format!("did you mean `{meant}`?")),
                None => mistake.help(format!(
                    "known here: {}",
                    known.collect::<Vec<_>>().join(", ")
                )),
            });
            checks.push(None);
            continue;
        };
        match OfManager::decode(packages, context) {
            Some(packages) => {
                for (name, wanted, folder) in packages.0 {
                    checks.push(check(manager, name, wanted, folder, context));
                }
            }
            None => checks.push(None),
        }
    }
    checks.into_iter().collect()
}

fn check(
    manager: PackageManager,
    name: Located<String>,
    wanted: WantedPackage,
    folder: Option<Located<String>>,
    context: &mut Context,
) -> Option<Found> {
    let is_name = |c: char| !c.is_whitespace() && !c.is_control() && !"=<>!~^,;".contains(c);
    if name.is_empty() || !name.chars().all(is_name) || name.starts_with('-') {
        context.report(
            Diagnostic::new(&name.place, "not the name of a package")
                .help("a version stands behind the name: `{samtools: \">=1.16\"}`"),
        );
        return None;
    }
    if let Some(folder) = &folder {
        let has_environments =
            matches!(manager, PackageManager::Readable(manager) if manager.has_environments());
        let problem = if !has_environments {
            format!("an image has one set of {} packages", manager.word())
        } else if !folder.starts_with('/') {
            "the folder of an environment is an absolute path".to_owned()
        } else {
            String::new()
        };
        if !problem.is_empty() {
            context.report(Diagnostic::new(&folder.place, problem));
            return None;
        }
    }
    let item = match &folder {
        Some(folder) => format!("{} {} in {}", manager.word(), name.value, folder.value),
        None => format!("{} {}", manager.word(), name.value),
    };
    let rest = item.trim_start_matches(manager.word());
    let no = if matches!(wanted, WantedPackage::Absent) {
        "no "
    } else {
        ""
    };
    Some(Found {
        name: format!("{no}{} package{rest}", manager.word()),
        item: Some(format!("{no}{item}")),
        place: Some(name.place.clone()),
        kind: CheckKind::Package(Box::new(PackageCheck {
            manager,
            name,
            wanted,
            folder,
        })),
    })
}

/// The form of the preset, for its schema.
struct Packages;

impl Describe for WantedPackage {
    fn schema(_: &mut Definitions) -> Value {
        text("", &[">=1.16, <2", "any", "absent"])
    }
}

impl Describe for Packages {
    fn schema(definitions: &mut Definitions) -> Value {
        let names = Vec::<String>::schema(definitions);
        let wanted = WantedPackage::schema(definitions);
        let keys = PackageKeys::schema(definitions);
        let map = json!({
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"anyOf": [wanted, keys]},
        });
        let managers = PackageManager::all().map(|manager| {
            let packages = json!({"anyOf": [names, map]});
            (manager.word().to_owned(), packages)
        });
        json!({
            "type": "object",
            "minProperties": 1,
            "properties": managers.collect::<serde_json::Map<_, _>>(),
            "additionalProperties": false,
            "examples": [{"dpkg": {"samtools": ">=1.16", "gcc": "absent"}, "pip": ["pysam"]}],
        })
    }
}
