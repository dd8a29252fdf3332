//! What an image's files tell without anything being run: programs and their libraries, packages,
//! and what should not have been left in it.
//!
//! Pure: it sees [`Files`](crate::engine::Files) and knows neither specs nor verdicts.

mod binary;
mod elf;
mod facts;
mod glob;
pub mod hygiene;
pub mod libraries;
pub mod packages;
mod path;
mod secrets;
mod survey;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod testing_elf;

pub use facts::{Facts, Known};
pub use glob::{GlobError, Pattern, is_glob};
pub use path::{Real, real_path};
pub use survey::Survey;
