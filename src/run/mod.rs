//! Runs a plan: trials for libtest-mimic, each with a recorder that keeps the whole verdict.

mod runner;
mod trial;

pub use runner::{Resolved, Run, RunFailure};
