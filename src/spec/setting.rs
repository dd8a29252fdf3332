//! What a variable or a label must be, and names that none may have.

use globset::{GlobBuilder, GlobMatcher};
use serde_json::{Value, json};

use super::text::TextExpectation;
use crate::diagnostic::{Diagnostic, is_close};
use crate::source::Located;
use crate::yaml::{Context, Decode, Definitions, Describe, Entries, Kind, Node};

/// What a variable or a label must be.
#[derive(Debug, Clone)]
pub enum Setting {
    /// Whether it must be set, to whatever value.
    Exists(Located<bool>),
    /// It must be set, and to this.
    Text(TextExpectation),
}

impl Decode for Setting {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let is_exists =
            |(key, _): &(Node, Node)| key.scalar().is_some_and(|key| is_close(key, "exists"));
        if node.is_null() {
            context.report(
                Diagnostic::new(&node.place, "expected a text, found nothing")
                    .help("say `{exists: true}`, `{exists: false}`, or `\"\"` for an empty value"),
            );
            return None;
        }
        match &node.kind {
            Kind::Mapping(entries) if entries.iter().any(is_exists) => {
                let what = "an expectation with `exists`";
                let mut entries = Entries::new(node, what, context)?;
                let exists = entries.required("exists", what, context);
                entries.finish(what, context);
                exists.map(Self::Exists)
            }
            _ => TextExpectation::decode(node, context).map(Self::Text),
        }
    }
}

/// A glob of names: `*` stands for any characters, `?` for one.
#[derive(Debug, Clone)]
pub struct NameGlob {
    text: String,
    matcher: GlobMatcher,
}

impl NameGlob {
    /// As it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether `name` matches as a whole.
    pub fn is_match(&self, name: &str) -> bool {
        self.matcher.is_match(name)
    }
}

impl Decode for NameGlob {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let text = String::decode(node, context)?;
        let message = if text.is_empty() {
            "there is no name here".to_owned()
        } else {
            match GlobBuilder::new(&text).backslash_escape(true).build() {
                Ok(glob) => {
                    let matcher = glob.compile_matcher();
                    return Some(Self { text, matcher });
                }
                Err(error) => format!("not a valid glob: {}", error.kind()),
            }
        };
        context.report(Diagnostic::new(&node.place, message));
        None
    }
}

impl Describe for Setting {
    fn schema(definitions: &mut Definitions) -> Value {
        let exists = json!({
            "type": "object",
            "properties": {"exists": bool::schema(definitions)},
            "required": ["exists"],
            "additionalProperties": false,
        });
        json!({"anyOf": [TextExpectation::schema(definitions), exists]})
    }
}

impl Describe for NameGlob {
    fn schema(_: &mut Definitions) -> Value {
        json!({"type": "string", "examples": ["AWS_*", "*_TOKEN"]})
    }
}
