//! Judges what was observed: a matcher and a text come in, nothing, a mismatch or "undecidable"
//! comes out.

mod diff;
mod text;

pub use diff::diff;
pub use text::{Subject, judge};
