//! Runs a plan: trials for libtest-mimic, each with a recorder that keeps the whole verdict.

mod building;
mod known;
mod policy;
mod queue;
mod runner;
mod trial;
mod tries;

pub use building::{Building, Tested, Told};
pub use known::all_known;
pub use policy::Policy;
pub use runner::{Resolved, Run, RunFailure};
