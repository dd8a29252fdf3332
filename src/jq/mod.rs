//! jq filters: compiled when a spec is read, run on what a container gave, in bounded time.

mod bounds;
mod compile;
mod run;

pub use compile::{Filter, Mistake};
pub use run::{Output, RunError};
