//! What people and CI systems get to see. Fed by events alone.
//!
//! - [`Console`] for people, [`Tally`] for the exit code
//! - [`record`]: all that is known of a run; every file is written from it
//! - [`FORMATS`]: the reports that are files, and what renders them; [`Reports`] writes them
//! - [`join`]: one record of several
//! - [`text`]: whatever comes from containers and specs is made harmless here first
//! - [`OutputFile`]: proven writable before the run, replaced as a whole after it

mod ci;
mod code_quality;
mod console;
mod cst;
mod excerpt;
mod failure;
mod file;
mod format;
mod html;
mod join;
mod junit;
mod junit_case;
mod junit_finish;
mod ledger;
mod lines;
mod lines_read;
mod live;
mod markdown;
pub mod record;
mod reports;
pub(crate) mod screen;
mod slowest;
mod step_summary;
mod summary;
mod tap;
mod target;
pub mod text;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;

pub use ci::Ci;
pub use console::{Console, ConsoleOptions};
pub use excerpt::{Excerpt, Limit};
pub use file::{FileError, OutputFile};
pub(crate) use file::{remove_dead, temporary_beside};
pub use format::{FORMATS, Format, RenderError};
pub use join::{Document, Expected, JoinError, join};
pub use lines::lines_schema;
pub use reports::{ReportError, Reports};
pub use step_summary::StepSummary;
pub use summary::{Counts, Tally};
pub use target::Target;
