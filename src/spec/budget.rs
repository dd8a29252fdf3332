//! How large specs may become when `each`, `images` and `include` multiply what they say.

use std::cell::Cell;

use crate::yaml::{Kind, Node};

/// Specs that become larger than this, in bytes, are a slip or an attack.
const MOST: usize = 128 << 20;
/// What one check or file costs beside its values.
pub(super) const EACH_CHECK: usize = 1 << 10;
/// What one value costs beside its text.
const EACH_VALUE: usize = 64;

/// What was filled in so far, in bytes, and whether that it is too much was told.
#[derive(Debug, Default)]
pub(super) struct Budget {
    spent: Cell<usize>,
    is_told: Cell<bool>,
}

impl Budget {
    /// Counts this many further bytes. `false` when there is no more room for them.
    pub(super) fn spend(&self, bytes: usize) -> bool {
        self.spent.set(self.spent.get().saturating_add(bytes));
        self.spent.get() <= MOST
    }

    /// Whether it is told for the first time that there is no more room.
    pub(super) fn tell(&self) -> bool {
        !self.is_told.replace(true)
    }

    /// In words.
    pub(super) fn exceeded() -> String {
        format!("filled in, the specs become larger than {} MiB", MOST >> 20)
    }
}

/// What a value takes.
pub(super) fn weight(node: &Node) -> usize {
    let inner = match &node.kind {
        Kind::Scalar { text, .. } => text.len(),
        Kind::Sequence(items) => items.iter().map(weight).sum(),
        Kind::Mapping(entries) => entries
            .iter()
            .map(|(key, value)| weight(key) + weight(value))
            .sum(),
    };
    EACH_VALUE.saturating_add(inner)
}
