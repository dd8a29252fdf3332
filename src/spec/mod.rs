//! Specs: YAML files → typed checks that know their place.

mod check;
mod command;
mod config;
mod digest;
mod file;
mod json;
mod lines;
mod load;
mod run;
mod size;
mod text;
mod version;

pub use check::{Check, CheckKind, Spec};
pub use command::Command;
pub use config::ConfigCheck;
pub use digest::Sha256Digest;
pub use file::{FileCheck, FileType, Mode};
pub use json::{JsonExpectation, JsonRule};
pub use lines::{LineCount, Lines, LinesExpectation};
pub use load::{LoadError, Loaded, load};
pub use run::{Entrypoint, RunCheck, RunSettings, Stdin};
pub use size::SizeBounds;
pub use text::{TextExpectation, TextMatcher};

pub use crate::version::VersionRequirement;
