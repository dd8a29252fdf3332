//! The kinds of checks, by the key that tells them apart.

use super::check::CheckKind;
use super::entry::{Defaults, first_line};
use super::run::RunSettings;
use crate::diagnostic::{Diagnostic, is_close};
use crate::source::Place;
use crate::yaml::{Context, Decode, Definitions, Describe, Entries, Key, Keys, Kind, Node};

/// Reads the keys of one kind of check, with the defaults of the spec.
type Read = fn(&mut Entries<'_>, &Defaults, &mut Context) -> Option<Vec<Found>>;

/// A kind of checks. Each stands beside the types that it is read into; [`KINDS`] has them all.
pub(super) struct CheckType {
    /// The key that makes a check one of this kind.
    pub(super) key: &'static str,
    /// What a check of this kind is called in messages.
    pub(super) what: &'static str,
    /// Reads what the check is about: all keys but those of any check.
    pub(super) read: Read,
    /// The keys that it reads, for the schema.
    pub(super) keys: fn(&mut Definitions) -> Vec<Key>,
}

/// Every kind, in the order of the documentation.
pub(super) const KINDS: [&CheckType; 12] = [
    &super::run::TYPE,
    &super::file::TYPE,
    &super::config::TYPE,
    &super::size::TYPE,
    &super::layers::TYPE,
    &super::tools::VERSION_TYPE,
    &super::tools::HELP_TYPE,
    &super::imports::TYPE,
    &super::service::TYPE,
    &super::libraries::TYPE,
    &super::packages::TYPE,
    &super::hygiene::TYPE,
];

/// A check that an entry makes. One entry may make several.
pub(super) struct Found {
    /// What tells it from the others of its entry; its name when the entry has none.
    pub(super) name: String,
    /// What it adds to the name of its entry, if that is less than its own name.
    pub(super) item: Option<String>,
    /// Where it stands, if that is not the entry itself.
    pub(super) place: Option<Place>,
    pub(super) kind: CheckKind,
}

impl From<CheckKind> for Found {
    fn from(kind: CheckKind) -> Self {
        Self {
            name: kind.default_name(),
            item: None,
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
    let kinds: Vec<_> = KINDS
        .into_iter()
        .filter(|kind| entries.has(kind.key))
        .collect();
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

/// The key of the kind that an entry seems to be.
pub(super) fn key(node: &Node) -> Option<&'static str> {
    let mut keys = KINDS.iter().map(|kind| kind.key);
    keys.find(|key| value(node, key).is_some())
}

/// Whether an entry runs commands, which have a `timeout` among their settings.
pub(super) fn runs_command(node: &Node) -> bool {
    let runs = ["run", "version", "help", "imports", "service"];
    runs.iter().any(|key| value(node, key).is_some())
}

fn value<'n>(entry: &'n Node, name: &str) -> Option<&'n Node> {
    let Kind::Mapping(entries) = &entry.kind else {
        return None;
    };
    let found = entries.iter().find(|(key, _)| key.scalar() == Some(name));
    found.map(|(_, value)| value)
}

/// Where an entry goes on to be about a second tool, module or path.
pub(super) fn second(entry: &Node) -> Option<Place> {
    let items = |node: &Node| -> Vec<Place> {
        match &node.kind {
            Kind::Scalar { .. } => vec![node.place.clone()],
            Kind::Sequence(items) => items.iter().map(|item| item.place.clone()).collect(),
            Kind::Mapping(entries) => entries.iter().map(|(key, _)| key.place.clone()).collect(),
        }
    };
    for key in ["version", "help", "libraries"] {
        if let Some(tools) = value(entry, key) {
            return items(tools).into_iter().nth(1);
        }
    }
    for key in ["imports", "packages"] {
        if let Some(Kind::Mapping(groups)) = value(entry, key).map(|value| &value.kind) {
            return groups.iter().flat_map(|(_, list)| items(list)).nth(1);
        }
    }
    // Always about several rules.
    value(entry, "hygiene").map(|rules| rules.place.clone())
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

/// The only check of an entry.
pub(super) fn one(kind: CheckKind) -> Vec<Found> {
    vec![kind.into()]
}

/// The value of `key`, and the settings of the containers that it needs.
pub(super) fn with_container<T: Decode>(
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
pub(super) fn settings(
    entries: &mut Entries<'_>,
    defaults: &Defaults,
    context: &mut Context,
) -> Option<RunSettings> {
    let settings = RunSettings::take(entries, context)?;
    settings.validate(context);
    Some(settings.or(&defaults.settings))
}

/// The key that makes a check, for the schema.
pub(super) fn preset<T: Describe>(
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

/// The keys of a kind whose checks run in containers.
pub(super) fn with_settings(mut keys: Vec<Key>, definitions: &mut Definitions) -> Vec<Key> {
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
