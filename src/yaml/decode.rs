//! [`Node`] → typed values. A mistake is recorded and reading goes on.

use std::time::Duration;

use super::node::{Kind, Node};
use crate::diagnostic::{Diagnostic, is_close};
use crate::source::{Located, Place};

/// Collects the mistakes of one file.
#[derive(Debug, Default)]
pub struct Context {
    diagnostics: Vec<Diagnostic>,
}

impl Context {
    /// Records a mistake.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Records "expected …, found …" at `node` and gives the `None` that callers return.
    pub fn mismatch<T>(&mut self, node: &Node, expected: &str) -> Option<T> {
        let message = format!("expected {expected}, found {}", node.describe());
        self.report(Diagnostic::new(&node.place, message));
        None
    }

    /// How many mistakes there are so far.
    pub fn count(&self) -> usize {
        self.diagnostics.len()
    }

    /// All mistakes, in the order they were found.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }
}

/// What can be read from a [`Node`]. `None` means that a mistake was recorded.
pub trait Decode: Sized {
    /// Reads the value or records why it can't be read.
    fn decode(node: &Node, context: &mut Context) -> Option<Self>;
}

impl<T: Decode> Decode for Located<T> {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        T::decode(node, context).map(|value| Located::new(value, node.place.clone()))
    }
}

impl Decode for String {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match node.scalar() {
            Some(text) if !node.is_null() => Some(text.to_owned()),
            _ => context.mismatch(node, "a text"),
        }
    }
}

impl Decode for bool {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match &node.kind {
            Kind::Scalar { text, plain: true } if text == "true" => Some(true),
            Kind::Scalar { text, plain: true } if text == "false" => Some(false),
            Kind::Scalar { text, plain: false } if text == "true" || text == "false" => {
                let message = format!("expected `true` or `false`, found the text `{text}`");
                context.report(Diagnostic::new(&node.place, message).help("leave out the quotes"));
                None
            }
            _ => context.mismatch(node, "`true` or `false`"),
        }
    }
}

impl Decode for i64 {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match node.scalar().and_then(|text| text.parse().ok()) {
            Some(number) => Some(number),
            None => context.mismatch(node, "a whole number"),
        }
    }
}

impl Decode for Duration {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let expected = "a time such as `500ms`, `20s`, `1m30s` or `2h`";
        match node.scalar().and_then(parse_duration) {
            Some(duration) if !duration.is_zero() => Some(duration),
            _ => context.mismatch(node, expected),
        }
    }
}

/// Reads `1h30m`, `20s`, `1.5s`, `500ms`: numbers with units, largest first, without spaces.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = 0.0;
    let mut last_unit = f64::INFINITY;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit_text = &rest[digits..];
        let letters = unit_text
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(unit_text.len());
        let unit = match &unit_text[..letters] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        if unit >= last_unit {
            return None;
        }
        last_unit = unit;
        total += number * unit;
        rest = &unit_text[letters..];
    }
    Duration::try_from_secs_f64(total).ok()
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let Kind::Sequence(items) = &node.kind else {
            return context.mismatch(node, "a list");
        };
        // Every item is read even after a mistake in one, so that all mistakes show.
        let values: Vec<Option<T>> = items.iter().map(|item| T::decode(item, context)).collect();
        values.into_iter().collect()
    }
}

/// One value, or a list of them that holds at least one.
#[derive(Debug, Clone)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T: Decode> Decode for OneOrMany<T> {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match &node.kind {
            Kind::Sequence(items) if items.is_empty() => {
                context.report(Diagnostic::new(&node.place, "an empty list says nothing"));
                None
            }
            Kind::Sequence(_) => Vec::decode(node, context).map(Self),
            _ => T::decode(node, context).map(|one| Self(vec![one])),
        }
    }
}

/// A map with free keys, in the order of the file.
#[derive(Debug, Clone)]
pub struct Pairs<T>(pub Vec<(Located<String>, T)>);

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Decode> Decode for Pairs<T> {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let Kind::Mapping(entries) = &node.kind else {
            return context.mismatch(node, "a map");
        };
        let pairs: Vec<Option<_>> = entries
            .iter()
            .map(|(key, value)| {
                let name = Located::new(key.scalar()?.to_owned(), key.place.clone());
                T::decode(value, context).map(|value| (name, value))
            })
            .collect();
        pairs.into_iter().collect::<Option<_>>().map(Self)
    }
}

/// The entries of a map whose keys are known; what nobody takes is an unknown key.
#[derive(Debug)]
pub struct Entries<'n> {
    entries: Vec<Option<(&'n Node, &'n Node)>>,
    known: Vec<&'static str>,
    place: Place,
}

impl<'n> Entries<'n> {
    /// Starts reading `node` as a map; `what` names it in messages ("a run check").
    pub fn new(node: &'n Node, what: &str, context: &mut Context) -> Option<Self> {
        let Kind::Mapping(entries) = &node.kind else {
            return context.mismatch(node, &format!("{what} (a map)"));
        };
        Some(Self {
            entries: entries.iter().map(|(k, v)| Some((k, v))).collect(),
            known: Vec::new(),
            place: node.place.clone(),
        })
    }

    /// Whether `key` is there and not yet taken.
    pub fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// Whether a key that nobody took yet looks like `key` with a slip in it.
    pub fn has_misspelt(&self, key: &str) -> bool {
        let names = self
            .entries
            .iter()
            .flatten()
            .filter_map(|(name, _)| name.scalar());
        names.into_iter().any(|name| is_close(name, key))
    }

    /// Where the map stands.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Takes the raw node of `key`.
    pub fn take(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        let at = self.find(key)?;
        self.entries[at].take().map(|(_, value)| value)
    }

    /// Takes `key` if it is there: `None` after a mistake, `Some(None)` when it is not said.
    pub fn optional<T: Decode>(
        &mut self,
        key: &'static str,
        context: &mut Context,
    ) -> Option<Option<T>> {
        match self.take(key) {
            Some(node) => T::decode(node, context).map(Some),
            None => Some(None),
        }
    }

    /// Takes `key`, which must be there.
    pub fn required<T: Decode>(
        &mut self,
        key: &'static str,
        what: &str,
        context: &mut Context,
    ) -> Option<T> {
        if let Some(node) = self.take(key) {
            return T::decode(node, context);
        }
        if self.has_misspelt(key) {
            // `finish` tells it, with the way out.
            return None;
        }
        // Point at the head of the map, not at all of its lines.
        let start = self.place.range().start;
        let head = self.place.text().lines().next().unwrap_or("").len();
        let place = Place::new(self.place.source(), start..start + head);
        context.report(Diagnostic::new(
            &place,
            format!("{what} needs the key `{key}`"),
        ));
        None
    }

    /// Records every key that nobody took.
    pub fn finish(self, what: &str, context: &mut Context) {
        for (key, _) in self.entries.into_iter().flatten() {
            let name = key.scalar().unwrap_or_default();
            context.report(
                Diagnostic::new(&key.place, format!("unknown key `{name}` in {what}"))
                    .suggest(name, self.known.iter().copied()),
            );
        }
    }

    fn find(&self, key: &str) -> Option<usize> {
        self.entries
            .iter()
            .position(|entry| entry.is_some_and(|(name, _)| name.scalar() == Some(key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_units() {
        let table = [
            ("20s", Some(20_000)),
            ("500ms", Some(500)),
            ("1m30s", Some(90_000)),
            ("1.5s", Some(1500)),
            ("2h", Some(7_200_000)),
            ("20", None),
            ("s", None),
            ("30s1m", None),
            ("1 m", None),
            ("-1s", None),
            ("1e400s", None),
        ];
        for (text, millis) in table {
            assert_eq!(
                parse_duration(text),
                millis.map(Duration::from_millis),
                "{text}"
            );
        }
    }
}
