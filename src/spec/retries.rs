//! How often a check is tried again.

use crate::yaml::{Context, Decode, Definitions, Describe, Node, or_expression};
use serde_json::{Value, json};

/// More tries than this hide a fault.
const MOST: u32 = 10;

/// A number of further tries, 0 to 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries(pub u32);

impl Decode for Retries {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match node.scalar().and_then(|text| text.parse().ok()) {
            Some(count) if count <= MOST => Some(Self(count)),
            _ => context.mismatch(node, "a number of tries from 0 to 10"),
        }
    }
}

impl Describe for Retries {
    fn schema(_: &mut Definitions) -> Value {
        or_expression(&json!({"type": "integer", "minimum": 0, "maximum": MOST}))
    }
}
