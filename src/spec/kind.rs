//! The kinds of checks, by the key that tells them apart.

use super::check::CheckKind;
use super::config::ConfigCheck;
use super::entry::{Defaults, first_line};
use super::file::FileCheck;
use super::imports::Imports;
use super::run::{RunCheck, RunSettings};
use super::tools::{Helps, Versions};
use crate::diagnostic::Diagnostic;
use crate::source::Place;
use crate::yaml::{Context, Entries, Kind, Node};

/// Every key that makes a check.
pub(super) const KINDS: [&str; 6] = ["run", "file", "config", "version", "help", "imports"];

/// A check that an entry makes. One entry may make several.
pub(super) struct Found {
    /// What tells it from the others of its entry; its name when the entry has none.
    pub(super) name: String,
    /// Where it stands, if that is not the entry itself.
    pub(super) place: Option<Place>,
    pub(super) kind: CheckKind,
}

impl From<CheckKind> for Found {
    fn from(kind: CheckKind) -> Self {
        Self {
            name: kind.default_name(),
            place: None,
            kind,
        }
    }
}

impl Found {
    /// One of several checks of an entry.
    fn at(place: Place, kind: CheckKind) -> Self {
        Self {
            place: Some(place),
            ..kind.into()
        }
    }
}

/// Reads what the entry is about: all keys but those of any check.
pub(super) fn read(
    node: &Node,
    entries: &mut Entries<'_>,
    defaults: &Defaults,
    context: &mut Context,
) -> Option<Vec<Found>> {
    let kinds: Vec<&str> = KINDS.into_iter().filter(|kind| entries.has(kind)).collect();
    match kinds[..] {
        ["run"] => {
            let run = RunCheck::take(entries, context);
            let settings = settings(entries, defaults, context);
            let (run, settings) = (run?, settings?);
            run.validate(&settings, context);
            Some(vec![
                CheckKind::Run(Box::new(run), Box::new(settings)).into(),
            ])
        }
        ["file"] => {
            let file = FileCheck::take(entries, context)?;
            file.validate(context);
            Some(vec![CheckKind::File(Box::new(file)).into()])
        }
        ["config"] => {
            let config = ConfigCheck::take_from(entries, context)?;
            Some(vec![CheckKind::Config(Box::new(config)).into()])
        }
        ["version"] => {
            let versions = entries.required::<Versions>("version", "a check", context);
            let settings = settings(entries, defaults, context);
            let (versions, settings) = (versions?, Box::new(settings?));
            let found = versions.0.into_iter().map(|check| {
                let place = check.tool.name.place.clone();
                Found::at(place, CheckKind::Version(Box::new(check), settings.clone()))
            });
            Some(found.collect())
        }
        ["help"] => {
            let helps = entries.required::<Helps>("help", "a check", context);
            let settings = settings(entries, defaults, context);
            let (helps, settings) = (helps?, Box::new(settings?));
            let found = helps.0.into_iter().map(|check| {
                let place = check.tool.name.place.clone();
                Found::at(place, CheckKind::Help(Box::new(check), settings.clone()))
            });
            Some(found.collect())
        }
        ["imports"] => {
            let imports = entries.required::<Imports>("imports", "a check", context);
            let settings = settings(entries, defaults, context);
            let (imports, settings) = (imports?, Box::new(settings?));
            let found = imports.0.iter().map(|import| Found {
                name: import.name(),
                place: Some(import.place().clone()),
                kind: CheckKind::Run(Box::new(import.check()), settings.clone()),
            });
            Some(found.collect())
        }
        _ => {
            context.report(undecided_kind(node, &kinds));
            None
        }
    }
}

/// Whether an entry runs commands, which have a `timeout` among their settings.
pub(super) fn runs_command(node: &Node) -> bool {
    let Kind::Mapping(entries) = &node.kind else {
        return false;
    };
    let runs = |key: &Node| matches!(key.scalar(), Some("run" | "version" | "help" | "imports"));
    entries.iter().any(|(key, _)| runs(key))
}

/// The second of several tools or modules that an entry is about.
pub(super) fn second(node: &Node) -> Option<Place> {
    let Kind::Mapping(entries) = &node.kind else {
        return None;
    };
    let said = |name: &str| {
        let found = entries.iter().find(|(key, _)| key.scalar() == Some(name));
        found.map(|(_, value)| value)
    };
    let items = |node: &Node| -> Vec<Place> {
        match &node.kind {
            Kind::Scalar { .. } => vec![node.place.clone()],
            Kind::Sequence(items) => items.iter().map(|item| item.place.clone()).collect(),
            Kind::Mapping(entries) => entries.iter().map(|(key, _)| key.place.clone()).collect(),
        }
    };
    if let Some(tools) = said("version").or_else(|| said("help")) {
        return items(tools).into_iter().nth(1);
    }
    match &said("imports")?.kind {
        Kind::Mapping(languages) => languages.iter().flat_map(|(_, list)| items(list)).nth(1),
        _ => None,
    }
}

/// The settings of a container, with the defaults of the spec.
fn settings(
    entries: &mut Entries<'_>,
    defaults: &Defaults,
    context: &mut Context,
) -> Option<RunSettings> {
    let settings = RunSettings::take(entries, context)?;
    settings.validate(context);
    Some(settings.or(&defaults.settings))
}

/// How a check of this kind is called in messages.
pub(super) fn describe(kind: &str) -> &'static str {
    match kind {
        "run" => "a run check",
        "file" => "a file check",
        "config" => "a config check",
        "version" => "a version check",
        "help" => "a help check",
        "imports" => "an imports check",
        _ => "a check",
    }
}

fn undecided_kind(node: &Node, kinds: &[&str]) -> Diagnostic {
    let place = first_line(node);
    if !kinds.is_empty() {
        let kinds = kinds.join("` and `");
        return Diagnostic::new(&place, format!("this check is both `{kinds}`"))
            .help("make two of it");
    }
    // A mistyped kind is the likeliest reason: `rum: …`.
    if let Kind::Mapping(entries) = &node.kind {
        for (key, _) in entries {
            let key_text = key.scalar().unwrap_or_default();
            let near = |kind: &&str| strsim::damerau_levenshtein(kind, key_text) == 1;
            if KINDS.iter().any(near) {
                return Diagnostic::new(&key.place, format!("unknown key `{key_text}` in a check"))
                    .suggest(key_text, KINDS);
            }
        }
    }
    Diagnostic::new(&place, "this check looks at nothing")
        .help(format!("a check has one of the keys {}", KINDS.join(", ")))
}
