//! A spec and its checks.

use std::collections::HashMap;
use std::sync::Arc;

use super::config::ConfigCheck;
use super::file::FileCheck;
use super::hygiene::HygieneCheck;
use super::libraries::LibraryCheck;
use super::packages::PackageCheck;
use super::preset::{self, Expanded};
use super::run::{RunCheck, RunSettings};
use crate::diagnostic::Diagnostic;
use crate::source::{Located, Place, Source};
use crate::yaml::{Context, Decode, Entries, Kind, Node};

/// The kinds of checks, by the key that tells them apart.
const KINDS: [&str; 3] = ["run", "file", "config"];

/// One spec file.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The file.
    pub source: Arc<Source>,
    /// The image that is checked: a name of the project file or any image reference.
    pub image: Located<String>,
    /// What must hold. Never empty; names differ from each other.
    pub checks: Vec<Check>,
}

/// One thing that must hold.
#[derive(Debug, Clone)]
pub struct Check {
    /// Its name, unique within the image.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// What it looks at and expects.
    pub kind: CheckKind,
}

/// What a check looks at.
#[derive(Debug, Clone)]
pub enum CheckKind {
    /// A command in a fresh container.
    Run(Box<RunCheck>, Box<RunSettings>),
    /// A path of the image.
    File(Box<FileCheck>),
    /// The image's configuration.
    Config(Box<ConfigCheck>),
    /// The libraries of a program.
    Library(Box<LibraryCheck>),
    /// An installed package.
    Package(Box<PackageCheck>),
    /// A rule about what is left in the image.
    Hygiene(Box<HygieneCheck>),
}

/// The checks before they are read, because reading them needs the defaults.
#[derive(Debug, Clone)]
struct RawList(Vec<Node>);

impl Decode for RawList {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match &node.kind {
            Kind::Sequence(items) if !items.is_empty() => Some(Self(items.clone())),
            Kind::Sequence(_) => {
                context.report(
                    Diagnostic::new(&node.place, "a spec without a check proves nothing")
                        .help("add at least one check, such as `- run: true`"),
                );
                None
            }
            _ if node.is_null() => {
                context.report(Diagnostic::new(
                    &node.place,
                    "a spec without a check proves nothing",
                ));
                None
            }
            _ => context.mismatch(node, "a list of checks"),
        }
    }
}

impl Spec {
    /// Reads one spec file; mistakes go to `context`.
    pub(super) fn read(source: &Arc<Source>, node: &Node, context: &mut Context) -> Option<Self> {
        let mut entries = Entries::new(node, "a spec", context)?;
        let image = entries.required::<Located<String>>("image", "a spec", context);
        if let Some(image) = image.as_ref().filter(|image| image.trim().is_empty()) {
            context.report(Diagnostic::new(&image.place, "there is no image name here"));
        }
        let defaults = entries.optional::<RunSettings>("defaults", context);
        // A mistake in the defaults must not hide those in the checks.
        let defaults = defaults.flatten().unwrap_or(RunSettings::EMPTY);
        defaults.validate(context);
        let checks = entries.required::<RawList>("checks", "a spec", context);
        entries.finish("a spec", context);
        let checks: Vec<Option<Vec<Check>>> = checks?
            .0
            .iter()
            .map(|node| Check::read(node, &defaults, context))
            .collect();
        let checks: Vec<Check> = checks.into_iter().flatten().flatten().collect();
        refuse_duplicates(&checks, context);
        Some(Self {
            source: Arc::clone(source),
            image: image?,
            checks,
        })
    }
}

impl Check {
    /// Reads an entry of the list: one check, or the several of a preset.
    fn read(node: &Node, defaults: &RunSettings, context: &mut Context) -> Option<Vec<Self>> {
        let mut entries = Entries::new(node, "a check", context)?;
        let name = entries.optional::<Located<String>>("name", context);
        let kinds: Vec<&str> = all_kinds().filter(|kind| entries.has(kind)).collect();
        let (kind, what) = match kinds[..] {
            ["run"] => {
                let run = RunCheck::take(&mut entries, context);
                let settings = RunSettings::take(&mut entries, context);
                if let Some(settings) = &settings {
                    settings.validate(context);
                }
                let kind = run.zip(settings).map(|(run, settings)| {
                    CheckKind::Run(Box::new(run), Box::new(settings.or(defaults)))
                });
                (kind, "a run check")
            }
            ["file"] => {
                let file = FileCheck::take(&mut entries, context);
                if let Some(file) = &file {
                    file.validate(context);
                }
                (
                    file.map(|file| CheckKind::File(Box::new(file))),
                    "a file check",
                )
            }
            ["config"] => {
                let config = ConfigCheck::take_from(&mut entries, context);
                let kind = config.map(|config| CheckKind::Config(Box::new(config)));
                (kind, "a config check")
            }
            [kind] => {
                let expanded = preset::take(kind, &mut entries, context);
                entries.finish(&format!("a {kind} check"), context);
                return Self::expand(name?.as_ref(), expanded?, context);
            }
            _ => {
                context.report(undecided_kind(node, &kinds));
                return None;
            }
        };
        entries.finish(what, context);
        let (name, kind) = (name?, kind?);
        let place = name
            .as_ref()
            .map_or_else(|| first_line(node), |name| name.place.clone());
        let name = match name {
            Some(name) => valid_name(&name, context)?,
            None => default_name(&kind),
        };
        Some(vec![Self { name, place, kind }])
    }

    /// The checks of a preset; its name, if it has one, stands before that of each.
    fn expand(
        name: Option<&Located<String>>,
        expanded: Vec<Expanded>,
        context: &mut Context,
    ) -> Option<Vec<Self>> {
        let name = match name {
            Some(name) => Some(valid_name(name, context)?),
            None => None,
        };
        let check = |one: Expanded| {
            let name = match &name {
                Some(name) => format!("{name}: {}", one.item),
                None => one.default_name,
            };
            Self {
                name: printable(&name),
                place: one.place,
                kind: one.kind,
            }
        };
        Some(expanded.into_iter().map(check).collect())
    }
}

/// The keys that tell what a check is, presets included.
fn all_kinds() -> impl Iterator<Item = &'static str> {
    KINDS.into_iter().chain(preset::KINDS)
}

fn undecided_kind(node: &Node, kinds: &[&str]) -> Diagnostic {
    let place = first_line(node);
    let diagnostic = if kinds.is_empty() {
        Diagnostic::new(&place, "this check looks at nothing")
    } else {
        let kinds = kinds.join("` and `");
        Diagnostic::new(&place, format!("this check is both `{kinds}`")).help("make two of it")
    };
    if !kinds.is_empty() {
        return diagnostic;
    }
    // A mistyped kind is the likeliest reason: `rum: …`.
    if let Kind::Mapping(entries) = &node.kind {
        for (key, _) in entries {
            let key_text = key.scalar().unwrap_or_default();
            if all_kinds().any(|kind| strsim::damerau_levenshtein(kind, key_text) == 1) {
                return Diagnostic::new(&key.place, format!("unknown key `{key_text}` in a check"))
                    .suggest(key_text, all_kinds());
            }
        }
    }
    let kinds: Vec<&str> = all_kinds().collect();
    diagnostic.help(format!("a check has one of the keys {}", kinds.join(", ")))
}

fn first_line(node: &Node) -> Place {
    let start = node.place.range().start;
    let line = node.place.text().lines().next().unwrap_or("").trim_end();
    Place::new(node.place.source(), start..start + line.len())
}

/// Names go into reports, file names of CI systems and filters: one line, no control characters.
fn valid_name(name: &Located<String>, context: &mut Context) -> Option<String> {
    let text = name.value.trim();
    let problem = if text.is_empty() {
        "a name can't be empty"
    } else if text.chars().any(char::is_control) {
        "a name is one line without control characters"
    } else if text.chars().count() > 200 {
        "a name has at most 200 characters"
    } else {
        return Some(text.to_owned());
    };
    context.report(Diagnostic::new(&name.place, problem));
    None
}

fn default_name(kind: &CheckKind) -> String {
    let name = match kind {
        CheckKind::Run(run, _) => run.run.summary(),
        CheckKind::File(file) => match &file.exists {
            Some(exists) if !exists.value => format!("no file {}", file.file.value),
            _ => format!("file {}", file.file.value),
        },
        CheckKind::Config(_) => "config".to_owned(),
        // Presets name what they expand into.
        CheckKind::Library(_) | CheckKind::Package(_) | CheckKind::Hygiene(_) => String::new(),
    };
    printable(&name)
}

/// A name that is fit for reports.
fn printable(name: &str) -> String {
    let printable = name.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(200).collect::<String>().trim().to_owned()
}

fn refuse_duplicates(checks: &[Check], context: &mut Context) {
    let mut seen: HashMap<&str, &Place> = HashMap::new();
    for check in checks {
        if let Some(first) = seen.insert(&check.name, &check.place) {
            context.report(
                Diagnostic::new(
                    &check.place,
                    format!("duplicate check name `{}`", check.name),
                )
                .label("used again here")
                .related(first, "first used here")
                .help("give one of them a `name` of its own"),
            );
        }
    }
}
