//! Which number each system call has on each architecture.

mod aarch64;
mod arm;
mod x32;
mod x86;
mod x86_64;

pub(super) use aarch64::AARCH64;
pub(super) use arm::ARM;
pub(super) use x32::X32;
pub(super) use x86::X86;
pub(super) use x86_64::X86_64;
