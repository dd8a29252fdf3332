//! The helper process: the same binary, started before any check, that makes the containers.
//!
//! It is the first process of a pid namespace of its own, and it ends as soon as its socket does:
//! whatever becomes of the main process, the kernel then kills every container with it. Its mounts
//! are in a mount namespace of its own and go the same way; nothing of it is on disk.
//!
//! Each of its threads serves one connection: it starts one container at a time, and answers
//! questions about files.

mod cgroup;
mod container;
mod devices;
mod ground;
mod init;
mod look;
mod message;
mod network;
mod recipe;
mod roots;
mod scratch;
mod serve;
mod volume;
mod wire;
mod worker;

pub(super) use cgroup::{group_folders, remove_groups};
pub(super) use message::{
    Answer, Ask, Container, Execution, Identity, Meta, NetworkKind, NotStarted, Place, Request,
    Then,
};
pub use serve::serve;
pub(super) use serve::{NAME, Settings, serve_forked};
pub(super) use wire::{Channel, timespec};
