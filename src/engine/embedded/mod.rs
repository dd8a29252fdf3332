//! The embedded engine: containers of our own over the same layers, with no daemon.

mod capabilities;
mod client;
mod daemon;
mod engine;
mod files;
mod follow;
mod hands;
mod health;
pub mod helper;
mod images;
mod inside;
mod known;
mod lacks;
mod layer;
mod leftover;
mod run;
mod running;
mod sandbox;
mod seccomp;
mod setup;
mod shared;
mod signals;
mod source;
mod store;
mod unpack;
mod user_namespace;
mod users;
mod waiter;

pub use daemon::Daemon;
pub use engine::EmbeddedEngine;
pub use lacks::{Abilities, Ability, Row};
pub use leftover::clean_embedded;
