//! What is said when an image can't be had.

use std::fmt::Display;

use crate::engine::EngineError;
use crate::engine::embedded::layer::Digest;

/// An image that can't be read; `place` says where it was sought.
pub(super) fn unreadable(place: impl Display, reason: impl Display) -> EngineError {
    EngineError::Failed {
        step: "read an image",
        reason: format!("{place}: {reason}"),
    }
}

/// The digest of some bytes.
pub(super) fn digest_of(bytes: &[u8]) -> Digest {
    Digest::of(bytes)
}

/// Names in a list that a person reads: not all of them if there are very many.
pub(super) fn listed(names: &[String]) -> String {
    const MOST: usize = 20;
    let mut text = names[..names.len().min(MOST)].join(", ");
    if names.len() > MOST {
        text.push_str(&format!(" and {} more", names.len() - MOST));
    }
    text
}
