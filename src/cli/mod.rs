//! The command line: one file per subcommand.

pub mod affected;
mod args;
pub mod build;
mod changed;
pub mod clean;
pub mod diff;
pub mod engine;
mod engines;
mod exit;
pub mod import;
mod last;
pub mod merge;
mod policy;
mod progress;
mod rebuilt;
mod reports;
pub mod schema;
mod session;
mod shard;
mod signals;
mod table;
pub mod test;
pub mod watch;
mod watch_run;
mod watched;

pub use args::{Cli, Command};
pub use exit::Exit;
pub use signals::Signals;
