//! Checks of the image's layers; no container is started for them.

use super::count::{Count, Natural};
use super::size::SizeBounds;
use crate::diagnostic::Diagnostic;
use crate::source::Located;
use crate::yaml::{Context, Decode, Entries, Kind, Node};

/// What the layers of the image must be. Expects at least one thing.
#[derive(Debug, Clone)]
pub struct LayersCheck {
    /// How many there must be.
    pub count: Option<Located<Count>>,
    /// What the size of the largest one must be.
    pub largest: Option<Located<SizeBounds>>,
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
        let what = "a layers check";
        let before = context.count();
        let mut entries = Entries::new(node, what, context)?;
        let min = entries.optional::<Natural>("min", context);
        let max = entries.optional::<Natural>("max", context);
        let largest = entries.optional("largest", context);
        entries.finish(what, context);
        let (min, max, largest) = (min?, max?, largest?);
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
            context.report(Diagnostic::new(&node.place, "this expects nothing"));
            return None;
        }
        Some(Self { count, largest })
    }
}
