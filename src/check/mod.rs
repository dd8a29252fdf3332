//! Performs checks: observes through the engine, judges through [`expect`](crate::expect).

mod config;
mod file;
mod files;
mod perform;
mod process;
mod reproduce;
mod run;
mod service;
mod tool;

pub use files::ImageFiles;
pub use perform::{Observation, perform};
