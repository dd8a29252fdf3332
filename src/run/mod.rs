//! Runs a plan: trials for libtest-mimic, each with a recorder that keeps the whole verdict.

mod known;
mod policy;
mod runner;
mod trial;
mod tries;

pub use known::all_known;
pub use policy::Policy;
pub use runner::{Resolved, Run, RunFailure};
