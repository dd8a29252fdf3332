//! The embedded engine: containers of our own over the same layers, with no daemon.

mod capabilities;
mod client;
mod engine;
mod files;
mod follow;
pub mod helper;
mod known;
mod layer;
mod run;
mod sandbox;
mod seccomp;
mod user_namespace;
mod users;
