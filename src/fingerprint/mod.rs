//! Fingerprints of checks: whoever knows one knows whether a check is still the same.
//!
//! - [`fill`] gives every check of a plan its fingerprint
//! - [`is_unchanged`] tells whether the files are still those that it was made of
//! - `content`: what the files of the host hold that checks use

mod checks;
mod content;
mod stamp;

#[cfg(test)]
mod tests;

pub use checks::{Surroundings, fill, is_unchanged};
