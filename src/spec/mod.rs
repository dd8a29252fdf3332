//! Specs: YAML files → typed checks that know their place.

mod check;
mod command;
mod config;
mod file;
mod hygiene;
mod libraries;
mod load;
mod packages;
mod preset;
mod run;
mod size;
mod text;

pub use check::{Check, CheckKind, Spec};
pub use command::Command;
pub use config::ConfigCheck;
pub use file::{FileCheck, FileType, Mode};
pub use hygiene::HygieneCheck;
pub use libraries::LibraryCheck;
pub use load::{LoadError, Loaded, load};
pub use packages::{PackageCheck, PackageManager, WantedPackage};
pub use run::{Entrypoint, RunCheck, RunSettings, Stdin};
pub use size::SizeBounds;
pub use text::{TextExpectation, TextMatcher};
