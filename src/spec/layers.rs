//! Checks of the image's layers; no container is started for them.

use super::check::CheckKind;
use super::count::{Count, Natural};
use super::kind::{CheckType, one, preset};
use super::size::SizeBounds;
use crate::diagnostic::Diagnostic;
use crate::source::Located;
use crate::yaml::{Context, Decode, Definitions, Describe, Kind, Node, object};
use serde_json::{Value, json};

/// `layers`
pub(super) const TYPE: CheckType = CheckType {
    key: "layers",
    what: "a layers check",
    read: |entries, _, context| {
        let layers = entries.required::<LayersCheck>("layers", "a layers check", context)?;
        Some(one(CheckKind::Layers(Box::new(layers))))
    },
    keys: |definitions| {
        let about = "How many layers the image has, and how large the largest is.";
        vec![preset::<LayersCheck>("layers", about, definitions)]
    },
};

/// What the layers of the image must be. Expects at least one thing.
#[derive(Debug, Clone)]
pub struct LayersCheck {
    /// How many there must be.
    pub count: Option<Located<Count>>,
    /// What the size of the largest one must be.
    pub largest: Option<Located<SizeBounds>>,
}

object! {
    /// What is said of the layers.
    struct LayerKeys: "a layers check" {
        /// At least this many.
        optional min: Natural,
        /// At most this many.
        optional max: Natural,
        /// What the size of the largest one must be.
        optional largest: Located<SizeBounds>,
    }
}

impl Decode for LayersCheck {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        if let Kind::Scalar { .. } = node.kind {
            let count = Some(Located::<Count>::decode(node, context)?);
            return Some(Self {
                count,
                largest: None,
            });
        }
        if let Kind::Sequence(_) = node.kind {
            return context.mismatch(node, "a number, or a map such as `{max: 20}`");
        }
        let before = context.count();
        let LayerKeys { min, max, largest } = LayerKeys::decode(node, context)?;
        let count = if min.is_some() || max.is_some() {
            let (min, max) = (min.map(|n| n.0), max.map(|n| n.0));
            let count = Count::bounds(min, max, &node.place, context)?;
            Some(Located::new(count, node.place.clone()))
        } else {
            None
        };
        if context.count() > before {
            return None;
        }
        if count.is_none() && largest.is_none() {
            let help = "say a number, or `min`, `max` or `largest`";
            context.report(Diagnostic::new(&node.place, "this expects nothing").help(help));
            return None;
        }
        Some(Self { count, largest })
    }
}

impl Describe for LayersCheck {
    fn schema(definitions: &mut Definitions) -> Value {
        let count = Natural::schema(definitions);
        let map = LayerKeys::schema(definitions);
        json!({"anyOf": [count, map], "examples": [12, {"max": 20, "largest": {"max": "1GB"}}]})
    }
}
