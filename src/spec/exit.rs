//! Exit codes that a command may end with.

use crate::diagnostic::Diagnostic;
use crate::yaml::{Context, Decode, Definitions, Describe, Kind, Node, or_expression};
use serde_json::{Value, json};

/// The exit codes that count as success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitExpectation {
    /// One of these. Never empty.
    Codes(Vec<i64>),
    /// Any but 0, and but 126 and 127: a command that can't be run does not fail, it is missing.
    Nonzero,
}

impl ExitExpectation {
    /// Whether `code` is one of them.
    pub fn allows(&self, code: i64) -> bool {
        match self {
            Self::Codes(codes) => codes.contains(&code),
            Self::Nonzero => !matches!(code, 0 | 126 | 127),
        }
    }

    /// The codes in words: `exit code 0`, `exit code 0, 1 or 2`, `a nonzero exit code`.
    pub fn describe(&self) -> String {
        let Self::Codes(codes) = self else {
            return "a nonzero exit code".to_owned();
        };
        let codes: Vec<String> = codes.iter().map(i64::to_string).collect();
        match codes.split_last() {
            Some((last, [])) => format!("exit code {last}"),
            Some((last, rest)) => format!("exit code {} or {last}", rest.join(", ")),
            None => "no exit code".to_owned(),
        }
    }
}

impl Decode for ExitExpectation {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match &node.kind {
            Kind::Scalar { text, .. } if text == "nonzero" => Some(Self::Nonzero),
            Kind::Scalar { .. } => Some(Self::Codes(vec![code(
                node,
                "an exit code from 0 to 255, or `nonzero`",
                context,
            )?])),
            Kind::Sequence(items) if items.is_empty() => {
                context.report(Diagnostic::new(
                    &node.place,
                    "an empty list expects nothing",
                ));
                None
            }
            Kind::Sequence(items) => {
                let one = |item| code(item, "an exit code from 0 to 255", context);
                let codes: Vec<_> = items.iter().map(one).collect();
                Some(Self::Codes(codes.into_iter().collect::<Option<_>>()?))
            }
            Kind::Mapping(_) => {
                context.mismatch(node, "an exit code, a list of them, or `nonzero`")
            }
        }
    }
}

fn code(node: &Node, expected: &str, context: &mut Context) -> Option<i64> {
    match node.scalar().and_then(|text| text.parse().ok()) {
        Some(code) if (0..=255).contains(&code) => Some(code),
        _ => context.mismatch(node, expected),
    }
}

impl Describe for ExitExpectation {
    fn schema(_: &mut Definitions) -> Value {
        let code = or_expression(&json!({"type": "integer", "minimum": 0, "maximum": 255}));
        json!({
            "anyOf": [code, {"const": "nonzero"}, {"type": "array", "items": code, "minItems": 1}],
            "examples": [0, "nonzero", [0, 1]],
        })
    }
}
