//! What a list of texts must be.

use crate::diagnostic::Diagnostic;
use crate::source::{Located, Place};
use crate::yaml::{Context, Decode, Definitions, Describe, Kind, Node, OneOrMany, object};
use serde_json::{Value, json};

/// What a list must be. Expects at least one thing.
#[derive(Debug, Clone)]
pub struct ListExpectation {
    /// Exactly these items.
    pub equals: Option<Located<Vec<String>>>,
    /// Items that are in it.
    pub contains: Vec<Located<String>>,
    /// Items that are not in it.
    pub not_contains: Vec<Located<String>>,
    /// Whether it is empty.
    pub empty: Option<Located<bool>>,
}

object! {
    /// As a map says it.
    struct Matchers: "a list expectation" {
        /// Exactly these.
        optional equals: Located<Vec<String>>,
        /// In it.
        optional contains: OneOrMany<Located<String>>,
        /// Not in it.
        optional not_contains: OneOrMany<Located<String>>,
        /// Whether it is empty.
        optional empty: Located<bool>,
    }
}

impl ListExpectation {
    /// Every item that is named.
    pub fn items(&self) -> impl Iterator<Item = (&str, &Place)> {
        let equals = self.equals.iter();
        let equals = equals.flat_map(|list| list.iter().map(|item| (item.as_str(), &list.place)));
        let others = self.contains.iter().chain(&self.not_contains);
        equals.chain(others.map(|item| (item.value.as_str(), &item.place)))
    }

    /// Why it says too much.
    fn contradiction(&self) -> Option<Diagnostic> {
        let others = !self.contains.is_empty() || !self.not_contains.is_empty();
        if let Some(list) = &self.equals {
            let wrong = |place: &Place, what: &str| {
                Some(
                    Diagnostic::new(place, format!("what `equals` says {what}"))
                        .help("remove one of the two"),
                )
            };
            if let Some(item) = self.contains.iter().find(|item| !list.contains(item)) {
                return wrong(&item.place, "does not contain it");
            }
            if let Some(item) = self.not_contains.iter().find(|item| list.contains(item)) {
                return wrong(&item.place, "contains it");
            }
            let empty = self.empty.as_ref();
            if let Some(empty) = empty.filter(|empty| empty.value != list.is_empty()) {
                let is = if empty.value {
                    "is not empty"
                } else {
                    "is empty"
                };
                return wrong(&empty.place, is);
            }
        }
        if let Some(empty) = self.empty.as_ref().filter(|empty| empty.value && others) {
            return Some(
                Diagnostic::new(&empty.place, "a list that is empty has no items to look at")
                    .help("remove `empty: true`, or all but it"),
            );
        }
        let both = |item: &&Located<String>| {
            let mut others = self.contains.iter();
            others.any(|other| other.value == item.value)
        };
        let both = self.not_contains.iter().find(both)?;
        let message = format!("`{}` must be in the list and must not be", both.value);
        Some(Diagnostic::new(&both.place, message))
    }

    /// The same expectation with other spellings of the items.
    #[must_use]
    pub fn map(self, spell: impl Fn(&str) -> String) -> Self {
        let one = |item: Located<String>| Located::new(spell(&item.value), item.place);
        let many = |list: Vec<Located<String>>| list.into_iter().map(one).collect();
        Self {
            equals: self.equals.map(|list| {
                let items = list.value.iter().map(|item| spell(item));
                Located::new(items.collect(), list.place)
            }),
            contains: many(self.contains),
            not_contains: many(self.not_contains),
            empty: self.empty,
        }
    }
}

impl Decode for ListExpectation {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let before = context.count();
        let found = match node.kind {
            Kind::Sequence(_) => Matchers {
                equals: Some(Located::decode(node, context)?),
                contains: None,
                not_contains: None,
                empty: None,
            },
            Kind::Mapping(_) => Matchers::decode(node, context)?,
            Kind::Scalar { .. } => {
                let found = node.describe();
                let message =
                    format!("expected a list, or a map such as `{{contains: …}}`, found {found}");
                let mut mistake = Diagnostic::new(&node.place, message);
                if !node.is_null() {
                    mistake = mistake.help("write the items in brackets: `[a, b]`");
                }
                context.report(mistake);
                return None;
            }
        };
        let many = |many: Option<OneOrMany<_>>| many.map(|many| many.0).unwrap_or_default();
        let list = Self {
            equals: found.equals,
            contains: many(found.contains),
            not_contains: many(found.not_contains),
            empty: found.empty,
        };
        if context.count() > before {
            return None;
        }
        let expects_nothing = list.equals.is_none()
            && list.empty.is_none()
            && list.contains.is_empty()
            && list.not_contains.is_empty();
        if expects_nothing {
            context.report(
                Diagnostic::new(&node.place, "this expects nothing")
                    .help("say `equals`, `contains`, `not_contains` or `empty`"),
            );
            return None;
        }
        if let Some(diagnostic) = list.contradiction() {
            context.report(diagnostic);
            return None;
        }
        Some(list)
    }
}

impl Describe for ListExpectation {
    fn schema(definitions: &mut Definitions) -> Value {
        let exact = Vec::<String>::schema(definitions);
        let map = Matchers::schema(definitions);
        json!({"anyOf": [exact, map], "examples": [["a", "b"], {"contains": "a"}]})
    }
}
