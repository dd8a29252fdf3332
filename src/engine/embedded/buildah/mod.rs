//! Building without a daemon: `buildah` does it, in a storage of its own inside of the store, and
//! what it has built goes into the store as an OCI layout.

mod builder;
mod errors;
mod export;
mod progress;
mod storage;

pub use builder::BuildahBuilder;
pub(super) use export::export;
pub(super) use storage::clear;
