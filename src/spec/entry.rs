//! One entry of `checks`, which makes one check or several.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::check::{Check, CheckKind};
use super::digest::Sha256Digest;
use super::each::{Row, rows};
use super::essence::{self, Essence};
use super::host_file::HostFile;
use super::kind;
use super::late::{self, Late};
use super::options::{CheckOptions, DefaultOptions};
use super::run::RunSettings;
use super::scope::{Filled, Scope};
use crate::diagnostic::Diagnostic;
use crate::source::{Located, Place};
use crate::yaml::{Context, Decode, Entries, Kind, Node, has_expression};

/// What a spec says once for all of its checks.
#[derive(Debug, Clone)]
pub(super) struct Defaults {
    pub(super) settings: RunSettings,
    pub(super) options: DefaultOptions,
    /// The digest of all that they say.
    pub(super) said: Option<Sha256Digest>,
}

impl Defaults {
    /// Defaults that say nothing.
    pub(super) const EMPTY: Self = Self {
        settings: RunSettings::EMPTY,
        options: DefaultOptions::EMPTY,
        said: None,
    };
}

impl Decode for Defaults {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let what = "the defaults";
        let mut entries = Entries::new(node, what, context)?;
        let settings = RunSettings::take(&mut entries, context);
        let options = DefaultOptions::take(&mut entries, context);
        entries.finish(what, context);
        let (settings, options) = (settings?, options?);
        settings.validate(context);
        if let Some(only) = &options.only {
            only.validate(context);
        }
        let said = Some(essence::of_defaults(node));
        Some(Self {
            settings,
            options,
            said,
        })
    }
}

/// Reads one entry. What can't be read is recorded and left out.
pub(super) fn checks(
    node: &Node,
    scope: &Scope<'_>,
    defaults: &Arc<Defaults>,
    context: &mut Context,
) -> Vec<Check> {
    let Kind::Mapping(entries) = &node.kind else {
        context.mismatch::<()>(node, "a check (a map)");
        return Vec::new();
    };
    let (each, rest): (Vec<_>, Vec<_>) = entries
        .iter()
        .cloned()
        .partition(|(key, _)| key.scalar() == Some("each"));
    let node = Node {
        kind: Kind::Mapping(rest),
        place: node.place.clone(),
    };
    let Some((_, each)) = each.first() else {
        let filled = scope.fill(&node, context);
        return filled.map_or_else(Vec::new, |filled| read(&filled, defaults, context));
    };
    let Some(values) = now(each, scope, "`each`", context) else {
        return Vec::new();
    };
    let Some(rows) = rows(&values, context) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut used = BTreeSet::new();
    for row in &rows {
        let scope = Scope {
            variables: row.clone(),
            used: RefCell::default(),
            ..*scope
        };
        match scope.fill(&node, context) {
            Some(filled) => found.extend(read(&filled, defaults, context)),
            // The others have the same mistake.
            None => return found,
        }
        used.extend(scope.used.take());
    }
    refuse_unused(&rows, &used, context);
    found
}

/// A value that can't wait for the image.
pub(super) fn now(
    node: &Node,
    scope: &Scope<'_>,
    what: &str,
    context: &mut Context,
) -> Option<Node> {
    let filled = scope.fill(node, context)?;
    for place in &filled.late {
        report_late(place, what, context);
    }
    filled.late.is_empty().then_some(filled.node)
}

fn report_late(place: &Place, what: &str, context: &mut Context) {
    let message = format!("{what} can't depend on what the image says of itself");
    context.report(Diagnostic::new(place, message).help(
        "the checks are named and counted before any image is looked at; `image.arg.NAME` and \
         `env.NAME` are known by then",
    ));
}

fn refuse_unused(rows: &[Row<'_>], used: &BTreeSet<String>, context: &mut Context) {
    let mut told = BTreeSet::new();
    for (name, _) in rows.iter().flatten() {
        if !used.contains(&name.value) && told.insert(name.value.as_str()) {
            let message = format!("the variable `{}` is used nowhere", name.value);
            context.report(Diagnostic::new(&name.place, message).help(format!(
                "use it as `${{{{ {} }}}}`, or remove it",
                name.value
            )));
        }
    }
}

fn read(filled: &Filled, defaults: &Arc<Defaults>, context: &mut Context) -> Vec<Check> {
    let places = filled.late.iter().map(|late| late.range().start);
    let places: Arc<HashSet<usize>> = Arc::new(places.collect());
    let essence = Essence::new(&filled.node, &places, defaults.said.as_ref());
    if filled.late.is_empty() {
        return read_now(&filled.node, defaults, &essence, context).unwrap_or_default();
    }
    if !sound_head(filled, context) {
        return Vec::new();
    }
    // Read with the expressions as they stand: what is wrong elsewhere shows at once, and what is
    // wrong with them is not known yet.
    let mut trial = Context::default();
    let read = read_now(&filled.node, defaults, &essence, &mut trial);
    let waits = |mistake: &Diagnostic| filled.late.iter().any(|late| within(mistake.place(), late));
    let (waiting, certain): (Vec<_>, Vec<_>) =
        trial.into_diagnostics().into_iter().partition(waits);
    let sound = certain.is_empty();
    certain
        .into_iter()
        .for_each(|mistake| context.report(mistake));
    if !sound {
        return Vec::new();
    }
    let node = Arc::new(body(&filled.node));
    let late = |index: usize, of: usize, files: Option<Vec<HostFile>>| {
        CheckKind::Late(Box::new(Late {
            node: Arc::clone(&node),
            late: Arc::clone(&places),
            index,
            of,
            defaults: Arc::clone(defaults),
            files,
        }))
    };
    match read {
        Some(checks) if waiting.is_empty() => {
            let of = checks.len();
            let checks = checks.into_iter().enumerate();
            let checks = checks.map(|(index, check)| Check {
                kind: late(index, of, certain_files(&check.kind)),
                ..check
            });
            checks.collect()
        }
        _ => {
            let files = late::needs_no_file(&node, defaults).then(Vec::new);
            let essence = essence.of_item("");
            unread(&filled.node, late(0, 1, files), essence, defaults, context)
                .into_iter()
                .collect()
        }
    }
}

/// The files of the host that a check needs, if the image has no say in which those are.
fn certain_files(kind: &CheckKind) -> Option<Vec<HostFile>> {
    let files = kind.host_files();
    let known = |file: &HostFile| !has_expression(&file.path.to_string_lossy());
    files.iter().all(known).then_some(files)
}

/// The keys of any check are needed before any image is looked at.
fn sound_head(filled: &Filled, context: &mut Context) -> bool {
    let Kind::Mapping(entries) = &filled.node.kind else {
        return true;
    };
    let mut sound = true;
    // Of a kind that runs no command the time is looked at by whoever counts the checks.
    let is_timed_by_others = kind::runs_command(&filled.node);
    for (key, value) in entries {
        let name = key.scalar().unwrap_or_default();
        let waits = |late: &&Place| within(late, &value.place) || within(late, &key.place);
        if (HEAD.contains(&name) || (name == "timeout" && !is_timed_by_others))
            && let Some(late) = filled.late.iter().find(waits)
        {
            report_late(late, &format!("`{name}`"), context);
            sound = false;
        }
    }
    sound
}

/// The one check of an entry of which only the head can be read yet.
fn unread(
    node: &Node,
    kind: CheckKind,
    essence: Sha256Digest,
    defaults: &Defaults,
    context: &mut Context,
) -> Option<Check> {
    let mut entries = Entries::new(node, "a check", context)?;
    let mut head = Head::take(&mut entries, defaults, context)?;
    let Some(name) = &head.name else {
        context.report(
            Diagnostic::new(
                &first_line(node),
                "a check that depends on what the image says needs a `name`",
            )
            .help("names are known before any image is looked at"),
        );
        return None;
    };
    let name = valid_name(name, context)?;
    if let Some(place) = kind::second(node) {
        // How many checks this makes is not known before all of it can be read.
        let message =
            "beside a value that only the image tells, an entry can't be about a second one";
        context.report(
            Diagnostic::new(&place, message).help("give each an entry of `checks` of its own"),
        );
        return None;
    }
    if !kind::runs_command(node) {
        head.timeout = entries.optional("timeout", context)?;
    }
    Some(head.check(name, None, kind, essence, node))
}

fn within(inner: &Place, outer: &Place) -> bool {
    let (inner, outer) = (inner.range(), outer.range());
    outer.start <= inner.start && inner.end <= outer.end
}

/// The entry without the keys of any check.
fn body(node: &Node) -> Node {
    let Kind::Mapping(entries) = &node.kind else {
        return node.clone();
    };
    let is_body = |key: &Node| key.scalar().is_some_and(|key| !HEAD.contains(&key));
    let entries = entries.iter().filter(|(key, _)| is_body(key));
    Node {
        kind: Kind::Mapping(entries.cloned().collect()),
        place: node.place.clone(),
    }
}

/// The keys that [`Head`] reads.
const HEAD: [&str; 6] = ["name", "tags", "skip", "only", "retries", "xfail"];

/// The keys of any check.
struct Head {
    name: Option<Located<String>>,
    options: CheckOptions,
    timeout: Option<Located<Duration>>,
}

impl Head {
    fn take(entries: &mut Entries<'_>, defaults: &Defaults, context: &mut Context) -> Option<Self> {
        let name = entries.optional("name", context);
        let options = CheckOptions::take(entries, context);
        let (name, options) = (name?, options?);
        options.validate(context);
        Some(Self {
            name,
            options: options.or(&defaults.options),
            timeout: None,
        })
    }

    fn check(
        &self,
        name: String,
        place: Option<Place>,
        kind: CheckKind,
        essence: Sha256Digest,
        node: &Node,
    ) -> Check {
        let own = || match &self.name {
            Some(name) => name.place.clone(),
            None => first_line(node),
        };
        Check {
            name,
            place: place.unwrap_or_else(own),
            options: self.options.clone(),
            timeout: self.timeout.clone(),
            kind,
            essence,
        }
    }
}

fn read_now(
    node: &Node,
    defaults: &Defaults,
    essence: &Essence,
    context: &mut Context,
) -> Option<Vec<Check>> {
    let mut entries = Entries::new(node, "a check", context)?;
    let head = Head::take(&mut entries, defaults, context);
    // Whose the other keys are is not known without a kind.
    let kind = kind::of(node, &entries, context)?;
    let found = kind.read(&mut entries, defaults, context);
    let timeout = entries.optional("timeout", context);
    entries.finish(kind.what, context);
    let (mut head, found) = (head?, found?);
    head.timeout = timeout?;
    let name = match &head.name {
        Some(name) => Some(valid_name(name, context)?),
        None => None,
    };
    let alone = found.len() == 1;
    let checks = found.into_iter().map(|found| {
        let item = found.item.as_deref().unwrap_or_default();
        let essence = match alone {
            true => essence.of_item(""),
            false => essence.of_item(&format!("{}\n{item}", found.name)),
        };
        let name = match &name {
            Some(name) if alone => name.clone(),
            Some(name) => format!("{name}: {}", found.item.unwrap_or(found.name)),
            None => found.name,
        };
        head.check(name, found.place, found.kind, essence, node)
    });
    Some(checks.collect())
}

/// The first line of an entry.
pub(super) fn first_line(node: &Node) -> Place {
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
