//! Docker and Podman through the Engine API.

mod archive;
mod build;
mod connection;
mod container;
mod context;
mod ending;
mod endpoint;
mod engine;
mod exec;
mod export;
mod faults;
mod files;
mod folder;
mod hosts;
mod image;
mod layers;
mod mounts;
mod owner;
mod progress;
mod reach;
mod reap;
mod records;
mod running;
mod shared;
mod steps;
mod view;

pub use build::DockerBuilder;
pub use connection::{Connection, connect};
pub(crate) use endpoint::docker_folder;
pub use endpoint::{Certificates, DOCKER_SOCKET, Endpoint, Env, Origin, Transport};
pub use engine::DockerEngine;
pub(crate) use export::Exporter;
pub use folder::clean_folders;
pub(crate) use layers::{Kept, LocalImage};
pub use reap::{Cleaned, Effort, Leftover, What, clean_containers, find_containers};
