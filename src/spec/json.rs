//! What a JSON text must be, by jq filters.

use serde_json::{Value, json};
use std::ops::Range;

use super::text::TextExpectation;
use crate::diagnostic::Diagnostic;
use crate::jq::Filter;
use crate::source::{Located, Place};
use crate::yaml::{Context, Decode, Definitions, Describe, Kind, Node, Pairs};

/// The text is one JSON document, and all of these hold for it. Never empty.
///
/// Written as a filter, a map of filters and what their output must be, or a list of both.
#[derive(Debug, Clone)]
pub struct JsonExpectation(pub Vec<JsonRule>);

/// One thing that a JSON document must be.
#[derive(Debug, Clone)]
pub enum JsonRule {
    /// The filter gives at least one output, and none that is `null` or `false`.
    Holds(Located<Filter>),
    /// The filter gives one output, and it is this: a string as it is, anything else as compact
    /// JSON.
    Gives(Located<Filter>, TextExpectation),
}

impl Decode for JsonExpectation {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match &node.kind {
            Kind::Scalar { .. } => {
                let filter = Located::decode(node, context)?;
                Some(Self(vec![JsonRule::Holds(filter)]))
            }
            Kind::Sequence(items) if !items.is_empty() => {
                let all: Vec<Option<Self>> = items
                    .iter()
                    .map(|item| Self::decode(item, context))
                    .collect();
                let all: Vec<Self> = all.into_iter().collect::<Option<_>>()?;
                Some(Self(all.into_iter().flat_map(|one| one.0).collect()))
            }
            Kind::Mapping(entries) if !entries.is_empty() => {
                let rules: Vec<Option<JsonRule>> = entries
                    .iter()
                    .map(|(filter, expected)| {
                        let filter = Located::decode(filter, context);
                        let expected = TextExpectation::decode(expected, context);
                        Some(JsonRule::Gives(filter?, expected?))
                    })
                    .collect();
                rules.into_iter().collect::<Option<_>>().map(Self)
            }
            _ => {
                let help = "say a jq filter that must hold, or a map of filters and what they give";
                context.report(Diagnostic::new(&node.place, "this expects nothing").help(help));
                None
            }
        }
    }
}

impl Decode for Filter {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let text = String::decode(node, context)?;
        if text.trim().is_empty() {
            context.report(Diagnostic::new(&node.place, "there is no filter here"));
            return None;
        }
        match Self::compile(&text) {
            Ok(_) if serde_json::from_str::<Value>(&text).is_ok() => {
                let message = "this filter looks at nothing of the document";
                let help = "begin it with `.`, such as `.version`";
                context.report(Diagnostic::new(&node.place, message).help(help));
                None
            }
            Ok(filter) => Some(filter),
            Err(mistake) => {
                let place = part(&node.place, &text, mistake.range);
                let message = format!("not a jq filter: {}", mistake.message);
                context.report(Diagnostic::new(&place, message));
                None
            }
        }
    }
}

/// The place of a part of a scalar; all of it where escapes or folding changed the text.
fn part(place: &Place, text: &str, range: Range<usize>) -> Place {
    match place.text().find(text) {
        Some(at) if !text.is_empty() => {
            let start = place.range().start + at;
            Place::new(place.source(), start + range.start..start + range.end)
        }
        _ => place.clone(),
    }
}

impl Describe for JsonExpectation {
    fn schema(definitions: &mut Definitions) -> Value {
        definitions.refer("JsonExpectation", |definitions| {
            let mut map = Pairs::<TextExpectation>::schema(definitions);
            map["minProperties"] = json!(1);
            json!({
                "description": "jq filters: one that must hold, a map of filters and what they \
                    give, or a list of both.",
                "examples": [".tools | length > 3", {".version": {"version": ">=1.16"}}],
                "anyOf": [{"type": "string"}, map, {
                    "type": "array",
                    "minItems": 1,
                    "items": {"$ref": "#/$defs/JsonExpectation"},
                }],
            })
        })
    }
}
