//! Docker and Podman through the Engine API.

mod connection;
mod context;
mod endpoint;

pub use connection::{Connection, connect};
pub use endpoint::{Certificates, DOCKER_SOCKET, Endpoint, Env, Origin, Transport};
