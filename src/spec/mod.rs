//! Specs: YAML files → typed checks that know their place.

mod check;
mod codes;
mod command;
mod config;
mod file;
mod http;
mod load;
mod run;
mod service;
mod size;
mod text;

pub use check::{Check, CheckKind, Spec};
pub use codes::{ExitCodes, Port, Signal, Statuses, shown};
pub use command::Command;
pub use config::ConfigCheck;
pub use file::{FileCheck, FileType, Mode};
pub use http::{Headers, HttpCheck, HttpRequest, Method, Path};
pub use load::{LoadError, Loaded, load};
pub use run::{Entrypoint, RunCheck, RunSettings, Stdin};
pub use service::{
    ExecCheck, LogKeys, LogPattern, Logs, Question, Ready, ReadyHttp, Service, ServiceCheck,
    ServicePart, Stop,
};
pub use size::SizeBounds;
pub use text::{TextExpectation, TextMatcher};
