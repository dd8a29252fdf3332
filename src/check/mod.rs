//! Performs checks: observes through the engine, judges through [`expect`](crate::expect).

mod config;
mod file;
mod files;
mod hygiene;
mod libraries;
mod packages;
mod perform;
mod reproduce;
mod run;

pub use files::ImageFiles;
pub use perform::{Observation, perform};
