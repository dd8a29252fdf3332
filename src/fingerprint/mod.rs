//! Fingerprints of checks: whoever knows one knows whether a check is still the same.
//!
//! - [`fill`] gives every check of a plan its fingerprint
//! - `content`: what the files of the host hold that checks use

mod checks;
mod content;

#[cfg(test)]
mod tests;

pub use checks::fill;
