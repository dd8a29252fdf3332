//! Results of checks that passed, kept for later runs of the same checks on the same images.
//!
//! - [`Results`]: what is kept, and what can be taken from it
//! - `kinds`: which checks are kept at all
//! - `key`: all that must be the same for a result to hold
//! - `file`: the files, one for each image
//! - `folder`: how much there may be of them

mod file;
mod folder;
mod key;
mod kinds;
mod results;

#[cfg(test)]
mod tests;

pub use folder::{Cleared, clear};
pub use results::Results;
