//! Judges what was observed: a matcher and a text come in, nothing, a mismatch or "undecidable"
//! comes out.

mod diff;
mod digest;
mod equal;
mod flow;
mod json;
mod judged;
mod lines;
mod search;
#[cfg(test)]
mod tests;
mod text;
mod version;
mod window;

pub use diff::diff;
pub use flow::Flow;
pub use judged::Subject;
pub use text::judge;

pub use crate::version::{Version, find_version};
