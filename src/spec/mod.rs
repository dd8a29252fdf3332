//! Specs: YAML files → typed checks that know their place.

mod check;
mod command;
mod config;
mod count;
mod file;
mod file_values;
mod health;
mod layers;
mod list;
mod load;
mod pattern;
mod run;
mod setting;
mod size;
mod text;

pub use check::{Check, CheckKind, Spec};
pub use command::Command;
pub use config::ConfigCheck;
pub use count::Count;
pub use file::{FileCheck, FileExpectation, FilesExpectation};
pub use file_values::{Executor, FileType, Mode, Sha256};
pub use health::{HealthExpectation, HealthTest};
pub use layers::LayersCheck;
pub use list::ListExpectation;
pub use load::{LoadError, Loaded, load};
pub use pattern::{FileGlob, FilePattern, PatternKind};
pub use run::{Entrypoint, RunCheck, RunSettings, Stdin};
pub use setting::{NameGlob, Setting};
pub use size::{SizeBounds, human};
pub use text::{TextExpectation, TextMatcher};
