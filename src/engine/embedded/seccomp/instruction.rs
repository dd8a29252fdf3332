//! The instructions of the kernel's classic BPF that a filter of system calls needs.

/// One instruction, laid out as `struct sock_filter` (`linux/filter.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Instruction {
    /// What to do.
    pub(crate) code: u16,
    /// How many instructions to skip if a test holds.
    pub(crate) jt: u8,
    /// How many instructions to skip if it does not.
    pub(crate) jf: u8,
    /// The operand.
    pub(crate) k: u32,
}

/// Load 32 bits of `struct seccomp_data` (`linux/seccomp.h`) from an offset.
pub(super) const LOAD: u16 = 0x20;
/// Skip `k` instructions.
pub(super) const JUMP: u16 = 0x05;
/// Test whether what was loaded equals `k`.
pub(super) const EQUAL: u16 = 0x15;
/// Test whether what was loaded is at least `k`, without sign.
pub(super) const AT_LEAST: u16 = 0x35;
/// Test whether what was loaded has one of the bits in `k`.
pub(super) const ANY_BIT: u16 = 0x45;
/// Return `k`.
pub(super) const RETURN: u16 = 0x06;

/// Where the number of the system call is.
pub(super) const NUMBER: u32 = 0;
/// Where the architecture is (`AUDIT_ARCH_*`).
pub(super) const ARCHITECTURE: u32 = 4;
/// Where the lower half of the first argument is on a little-endian machine.
pub(super) const ARGUMENT_LOW: u32 = 16;
/// Where the upper half of the first argument is on a little-endian machine.
pub(super) const ARGUMENT_HIGH: u32 = 20;

/// The kernel runs the call.
pub(super) const ALLOW: u32 = 0x7fff_0000;
/// The call fails with `EPERM`.
pub(super) const EPERM: u32 = 0x0005_0000 | 1;
/// The call fails with `ENOSYS`, as one that the kernel does not know.
pub(super) const ENOSYS: u32 = 0x0005_0000 | 38;
/// The thread dies.
pub(super) const KILL: u32 = 0;
