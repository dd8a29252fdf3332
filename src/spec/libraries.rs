//! The preset `libraries`: programs that must find their libraries.

use super::check::CheckKind;
use super::kind::{CheckType, Found, preset};
use crate::diagnostic::Diagnostic;
use crate::inspect::{Pattern, is_glob};
use crate::source::Located;
use crate::yaml::{Context, Decode, Node, OneOrMany};

/// `libraries`
pub(super) const TYPE: CheckType = CheckType {
    key: "libraries",
    what: "a libraries check",
    read: |entries, _, context| expand(entries.take("libraries")?, context),
    keys: |definitions| {
        let about = "Programs and libraries, by absolute path or glob, that must find every library they need. One check for each.";
        vec![preset::<OneOrMany<String>>("libraries", about, definitions)]
    },
};

/// A program or library, or several, that must find all their libraries.
#[derive(Debug, Clone)]
pub struct LibraryCheck {
    /// The absolute path in the image.
    pub path: Located<String>,
    /// The path as a glob, if it is one.
    pub pattern: Option<Pattern>,
}

/// One check for each path.
pub(super) fn expand(node: &Node, context: &mut Context) -> Option<Vec<Found>> {
    let paths = OneOrMany::<Located<String>>::decode(node, context)?.0;
    let checks: Vec<Option<_>> = paths.into_iter().map(|path| check(path, context)).collect();
    checks.into_iter().collect()
}

fn check(path: Located<String>, context: &mut Context) -> Option<Found> {
    if !path.starts_with('/') {
        context.report(
            Diagnostic::new(&path.place, "a libraries check needs an absolute path")
                .label("does not begin with `/`"),
        );
        return None;
    }
    if path.len() > 1 && path.ends_with('/') {
        let tidy = path.trim_end_matches('/');
        let tidy = if tidy.is_empty() { "/" } else { tidy };
        context.report(
            Diagnostic::new(&path.place, "a slash too many")
                .help(format!("write `{tidy}`, or `{tidy}/*` for what is in it")),
        );
        return None;
    }
    let pattern = match is_glob(&path).then(|| Pattern::new(&path)).transpose() {
        Ok(pattern) => pattern,
        Err(error) => {
            context.report(Diagnostic::new(&path.place, error.to_string()));
            return None;
        }
    };
    Some(Found {
        name: format!("libraries of {}", path.value),
        item: Some(path.value.clone()),
        place: Some(path.place.clone()),
        kind: CheckKind::Library(Box::new(LibraryCheck { path, pattern })),
    })
}
