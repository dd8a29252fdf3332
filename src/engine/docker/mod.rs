//! Docker and Podman through the Engine API.

mod build;
mod connection;
mod context;
mod endpoint;
mod progress;

pub use build::DockerBuilder;
pub use connection::{Connection, connect};
pub use endpoint::{Certificates, DOCKER_SOCKET, Endpoint, Env, Origin, Transport};
