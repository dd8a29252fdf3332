//! Specs: YAML files → typed checks that know their place.

mod check;
mod command;
mod config;
mod each;
mod entry;
mod exit;
mod file;
mod kind;
mod late;
mod limits;
mod load;
mod options;
mod platform;
mod read;
mod retries;
mod run;
mod scope;
mod size;
mod text;

pub use check::{Check, CheckKind, Inherit, Spec};
pub use command::Command;
pub use config::ConfigCheck;
pub use exit::ExitExpectation;
pub use file::{FileCheck, FileType, Mode};
pub use late::Late;
pub use limits::{Capability, Cpus, Pids, Tmpfs};
pub use load::{LoadError, Loaded, load};
pub use options::{CheckOptions, Only};
pub use run::{Entrypoint, RunCheck, RunSettings, Stdin};
pub use scope::Inputs;
pub use size::{Bytes, SizeBounds};
pub use text::{TextExpectation, TextMatcher};
