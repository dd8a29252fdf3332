//! Specs: YAML files → typed checks that know their place.

mod check;
mod codes;
mod command;
mod config;
mod count;
mod digest;
mod each;
mod entry;
mod exit;
mod file;
mod file_values;
mod health;
mod http;
mod imports;
mod json;
mod kind;
mod late;
mod layers;
mod limits;
mod lines;
mod list;
mod load;
mod options;
mod pattern;
mod pin;
mod platform;
mod read;
mod retries;
mod run;
mod schema;
mod scope;
mod service;
mod setting;
mod size;
mod text;
mod tools;
mod version;

pub use check::{Check, CheckKind, Inherit, Spec};
pub use codes::{Port, Signal, Statuses, shown};
pub use command::Command;
pub use config::ConfigCheck;
pub use count::Count;
pub use digest::Sha256Digest;
pub use exit::ExitExpectation;
pub use file::{FileCheck, FileExpectation, FilesExpectation};
pub use file_values::{Executor, FileType, Mode};
pub use health::{HealthExpectation, HealthTest};
pub use http::{Headers, HttpCheck, HttpRequest, Method, Path};
pub use imports::{Import, Imports};
pub use json::{JsonExpectation, JsonRule};
pub use late::Late;
pub use layers::LayersCheck;
pub use limits::{Capability, Cpus, Pids, Tmpfs};
pub use lines::{LineCount, Lines, LinesExpectation};
pub use list::ListExpectation;
pub use load::{LoadError, Loaded, load};
pub use options::{CheckOptions, Only};
pub use pattern::{FileGlob, FilePattern, PatternKind};
pub use pin::Pin;
pub use run::{Entrypoint, RunCheck, RunSettings, Stdin};
pub use schema::schema;
pub use scope::Inputs;
pub use service::{
    ExecCheck, LogKeys, LogPattern, Logs, Question, Ready, ReadyHttp, Service, ServiceCheck,
    ServicePart, Stop,
};
pub use setting::{NameGlob, Setting};
pub use size::{Bytes, SizeBounds, human};
pub use text::{TextExpectation, TextMatcher};
pub use tools::{HelpCheck, Helps, Tool, VersionCheck, Versions};

pub use crate::version::VersionRequirement;
