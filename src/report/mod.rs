//! What people and CI systems get to see. Fed by events alone.
//!
//! - [`text`]: whatever comes from containers and specs is made harmless here first
//! - [`OutputFile`]: proven writable before the run, replaced as a whole after it

mod excerpt;
mod file;
pub mod text;

pub use excerpt::{Excerpt, Limit};
pub use file::{FileError, OutputFile};
