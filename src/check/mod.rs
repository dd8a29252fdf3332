//! Performs checks: observes through the engine, judges through [`expect`](crate::expect).

mod config;
mod file;
mod files;
mod perform;
mod reproduce;
mod run;
mod service;

pub use files::ImageFiles;
pub use perform::{Observation, perform};
