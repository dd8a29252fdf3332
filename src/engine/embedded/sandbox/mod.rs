//! Starts a process in namespaces of its own: the only room with `unsafe` in it.
//!
//! What is to be done before the program is executed is prepared as a list of [`Op`]s in ordinary
//! code. A child that shares our memory, as after `vfork`, then makes one raw system call after
//! the other from it; it allocates nothing, locks nothing and can't panic.

mod bpf;
mod child;
mod op;
mod spawn;
mod system;

pub(super) use bpf::{DeviceOp, attach_device_program, load_device_program};
pub(super) use child::perform_here;
pub(super) use op::{Exec, Op, Program};
pub(super) use spawn::{Fault, Spawned, Spawner, Stay};
pub(super) use system::{
    close_inherited, fork, fork_alone, heed_signals, join_pid_namespace, make_deviceless,
    make_read_only, unshare,
};
