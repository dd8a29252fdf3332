//! Several results become one: parts of a run, and further attempts at it.
//!
//! - [`join`]: what belongs together, what contradicts each other, what is missing
//! - `attempts`: what several results of one check come to

mod attempts;
mod results;

#[cfg(test)]
mod tests;

pub use results::{Document, Expected, JoinError, join};
