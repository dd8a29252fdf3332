//! seatrial puts container images through their sea trials before they ship.
//!
//! Data flows one way: [`cli`] → [`project`] → [`spec`] → [`plan`] → [`engine`] and [`check`] → [`run`] →
//! [`event`] → [`report`]; [`build`] is a wing off the project file, and [`registry`] pulls and pushes.
//! Nothing points back: an engine knows no spec, a report knows no engine.

pub mod affected;
pub mod build;
pub mod cache;
pub mod check;
pub mod cli;
pub mod compare;
pub mod diagnostic;
pub mod dockerfile;
pub mod engine;
pub mod event;
pub mod expect;
pub mod fingerprint;
pub mod import;
pub mod inspect;
pub mod jq;
pub mod mark;
pub mod plan;
pub mod platform;
pub mod project;
pub mod publish;
pub mod registry;
pub mod report;
pub mod run;
pub mod source;
pub mod spec;
pub mod tag;
pub mod verdict;
pub mod version;
pub mod watch;
pub mod words;
pub mod yaml;
