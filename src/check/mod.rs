//! Performs checks: observes through the engine, judges through [`expect`](crate::expect).

mod access;
mod again;
mod attributes;
mod config;
mod file;
mod files;
mod glob;
mod health;
mod hygiene;
mod judged;
mod layers;
mod libraries;
mod links;
mod lists;
mod names;
mod packages;
mod perform;
mod process;
mod reproduce;
mod run;
mod service;
mod texts;
mod tool;

#[cfg(test)]
mod tests;

pub use files::ImageFiles;
pub use perform::{Observation, perform, resolved};
