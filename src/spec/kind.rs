//! The kinds of checks, by the key that tells them apart.

use super::check::CheckKind;
use super::config::ConfigCheck;
use super::entry::{Defaults, first_line};
use super::file::FileCheck;
use super::imports::Imports;
use super::run::{RunCheck, RunSettings};
use super::tools::{Helps, Versions};
use crate::diagnostic::{Diagnostic, is_close};
use crate::source::Place;
use crate::yaml::{Context, Decode, Definitions, Describe, Entries, Key, Keys, Kind, Node};

/// A kind of checks. To add one, add a row to [`KINDS`].
pub(super) struct CheckType {
    /// The key that makes a check one of this kind.
    pub(super) key: &'static str,
    /// What a check of this kind is called in messages.
    pub(super) what: &'static str,
    /// Reads what the check is about: all keys but those of any check.
    read: fn(&mut Entries<'_>, &Defaults, &mut Context) -> Option<Vec<Found>>,
    /// The keys that it reads, for the schema.
    pub(super) keys: fn(&mut Definitions) -> Vec<Key>,
}

/// Every kind.
pub(super) const KINDS: [CheckType; 6] = [
    CheckType {
        key: "run",
        what: "a run check",
        read: run,
        keys: |definitions| with_settings(RunCheck::keys(definitions), definitions),
    },
    CheckType {
        key: "file",
        what: "a file check",
        read: |entries, _, context| {
            let file = FileCheck::take(entries, context)?;
            file.validate(context);
            one(CheckKind::File(Box::new(file)))
        },
        keys: FileCheck::keys,
    },
    CheckType {
        key: "config",
        what: "a config check",
        read: |entries, _, context| {
            let config = ConfigCheck::take_from(entries, context)?;
            one(CheckKind::Config(Box::new(config)))
        },
        keys: |definitions| {
            vec![preset::<ConfigCheck>(
                "config",
                "What the image's configuration must say.",
                definitions,
            )]
        },
    },
    CheckType {
        key: "version",
        what: "a version check",
        read: |entries, defaults, context| {
            let (versions, settings) =
                with_container::<Versions>("version", entries, defaults, context)?;
            let found = versions.0.into_iter().map(|check| {
                let place = check.tool.name.place.clone();
                Found::at(place, CheckKind::Version(Box::new(check), settings.clone()))
            });
            Some(found.collect())
        },
        keys: |definitions| {
            let about = "Tools that must tell their version, and what that must be: a name, a list, \
                         or a map of names and versions. One check for each tool.";
            let own = preset::<Versions>("version", about, definitions);
            with_settings(vec![own], definitions)
        },
    },
    CheckType {
        key: "help",
        what: "a help check",
        read: |entries, defaults, context| {
            let (helps, settings) = with_container::<Helps>("help", entries, defaults, context)?;
            let found = helps.0.into_iter().map(|check| {
                let place = check.tool.name.place.clone();
                Found::at(place, CheckKind::Help(Box::new(check), settings.clone()))
            });
            Some(found.collect())
        },
        keys: |definitions| {
            let about = "Tools that must explain how they are used: a name, a list, or a map. One \
                         check for each tool.";
            let own = preset::<Helps>("help", about, definitions);
            with_settings(vec![own], definitions)
        },
    },
    CheckType {
        key: "imports",
        what: "an imports check",
        read: |entries, defaults, context| {
            let (imports, settings) =
                with_container::<Imports>("imports", entries, defaults, context)?;
            let found = imports.0.iter().map(|import| Found {
                name: import.name(),
                place: Some(import.place().clone()),
                kind: CheckKind::Run(Box::new(import.check()), settings.clone()),
            });
            Some(found.collect())
        },
        keys: |definitions| {
            let about = "Modules that must load, by language: `python`, `r`, `perl`, or an \
                         interpreter of the image. One check for each module.";
            let own = preset::<Imports>("imports", about, definitions);
            with_settings(vec![own], definitions)
        },
    },
];

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
    pub(super) fn at(place: Place, kind: CheckKind) -> Self {
        Self {
            place: Some(place),
            ..kind.into()
        }
    }
}

/// The kind of an entry, if it has exactly one.
pub(super) fn of(
    node: &Node,
    entries: &Entries<'_>,
    context: &mut Context,
) -> Option<&'static CheckType> {
    const ALL: &[CheckType] = &KINDS;
    let kinds: Vec<&CheckType> = ALL.iter().filter(|kind| entries.has(kind.key)).collect();
    match kinds[..] {
        [kind] => Some(kind),
        // The size of a file, and the size of an image.
        [file, other] if file.key == "file" && other.key == "size" => Some(file),
        _ => {
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.key).collect();
            context.report(undecided(node, &kinds));
            None
        }
    }
}

impl CheckType {
    /// Reads what the check is about: all keys but those of any check.
    pub(super) fn read(
        &self,
        entries: &mut Entries<'_>,
        defaults: &Defaults,
        context: &mut Context,
    ) -> Option<Vec<Found>> {
        (self.read)(entries, defaults, context)
    }
}

fn run(
    entries: &mut Entries<'_>,
    defaults: &Defaults,
    context: &mut Context,
) -> Option<Vec<Found>> {
    let run = RunCheck::take(entries, context);
    let settings = settings(entries, defaults, context);
    let (run, settings) = (run?, settings?);
    run.validate(&settings, context);
    one(CheckKind::Run(Box::new(run), Box::new(settings)))
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "what the readers of all kinds give"
)]
fn one(kind: CheckKind) -> Option<Vec<Found>> {
    Some(vec![kind.into()])
}

/// The value of `key`, and the settings of the containers that it needs.
fn with_container<T: Decode>(
    key: &'static str,
    entries: &mut Entries<'_>,
    defaults: &Defaults,
    context: &mut Context,
) -> Option<(T, Box<RunSettings>)> {
    let value = entries.required::<T>(key, "a check", context);
    let settings = settings(entries, defaults, context);
    Some((value?, Box::new(settings?)))
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

fn preset<T: Describe>(
    name: &'static str,
    description: &str,
    definitions: &mut Definitions,
) -> Key {
    Key {
        name,
        description: description.to_owned(),
        is_required: true,
        schema: T::schema(definitions),
    }
}

fn with_settings(mut keys: Vec<Key>, definitions: &mut Definitions) -> Vec<Key> {
    keys.extend(RunSettings::keys(definitions));
    keys
}

fn undecided(node: &Node, kinds: &[&str]) -> Diagnostic {
    let place = first_line(node);
    if !kinds.is_empty() {
        let kinds = kinds.join("` and `");
        return Diagnostic::new(&place, format!("this check is both `{kinds}`"))
            .help("make two of it");
    }
    let known: Vec<&str> = KINDS.iter().map(|kind| kind.key).collect();
    // A mistyped kind is the likeliest reason: `rum: …`.
    if let Kind::Mapping(entries) = &node.kind {
        for (key, _) in entries {
            let key_text = key.scalar().unwrap_or_default();
            if known.iter().any(|kind| is_close(key_text, kind)) {
                return Diagnostic::new(&key.place, format!("unknown key `{key_text}` in a check"))
                    .suggest(key_text, known);
            }
        }
    }
    Diagnostic::new(&place, "this check looks at nothing")
        .help(format!("a check has one of the keys {}", known.join(", ")))
}
