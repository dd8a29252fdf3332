//! What people and CI systems get to see. Fed by events alone.
//!
//! - [`Console`] for people, [`JUnit`] for CI systems, [`Tally`] for the exit code
//! - [`text`]: whatever comes from containers and specs is made harmless here first
//! - [`OutputFile`]: proven writable before the run, replaced as a whole after it

mod console;
mod excerpt;
mod failure;
mod file;
mod junit;
mod junit_case;
mod junit_finish;
mod ledger;
pub mod record;
mod summary;
pub mod text;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;

pub use console::{Console, ConsoleOptions};
pub use excerpt::{Excerpt, Limit};
pub use file::{FileError, OutputFile};
pub use junit::{JUnit, JUnitError};
pub use summary::{Counts, Tally};
