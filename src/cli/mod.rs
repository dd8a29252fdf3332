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
pub mod publish;
mod publish_table;
mod publish_tag;
mod publish_test;
mod recall;
mod reports;
pub mod schema;
mod session;
mod shard;
mod signals;
mod table;
pub mod test;
pub mod verify;
mod whole_plan;
pub mod watch;
mod watch_run;
mod watched;

pub use args::{Cli, Command};
pub use exit::Exit;
pub use signals::Signals;
