//! Programs of the kernel that say which devices may be used in a control group.

#![expect(unsafe_code, reason = "bpf(2), which no library of ours wraps")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

const PROGRAM_LOAD: libc::c_int = 5;
const PROGRAM_ATTACH: libc::c_int = 8;
const CGROUP_DEVICE_PROGRAM: u32 = 15;
const CGROUP_DEVICE_PLACE: u32 = 6;
/// Groups below may have further programs; all of them must agree.
const ALLOW_SEVERAL: u32 = 2;

/// An instruction, as `struct bpf_insn` of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(in crate::engine::embedded) struct DeviceOp {
    /// What is done.
    pub(in crate::engine::embedded) code: u8,
    /// The register that is changed or compared, and that which it is done with times 16.
    pub(in crate::engine::embedded) registers: u8,
    /// How far to jump, or where to load from.
    pub(in crate::engine::embedded) offset: i16,
    /// The number that it is done with.
    pub(in crate::engine::embedded) number: i32,
}

/// The part of `union bpf_attr` that loads a program.
#[repr(C)]
struct Load {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel: u32,
    flags: u32,
}

/// The part of `union bpf_attr` that attaches one.
#[repr(C)]
struct Attach {
    target: RawFd,
    program: RawFd,
    place: u32,
    flags: u32,
}

/// Loads a program that says for a device whether it may be used.
///
/// # Errors
/// What the kernel says.
pub(in crate::engine::embedded) fn load_device_program(
    instructions: &[DeviceOp],
) -> io::Result<OwnedFd> {
    let load = Load {
        kind: CGROUP_DEVICE_PROGRAM,
        count: u32::try_from(instructions.len()).unwrap_or(u32::MAX),
        instructions: instructions.as_ptr().addr() as u64,
        license: c"MIT".as_ptr().addr() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
        kernel: 0,
        flags: 0,
    };
    // SAFETY: the kernel reads as many instructions as said, the license, and the structure.
    let file = unsafe { bpf(PROGRAM_LOAD, &load) }?;
    // SAFETY: the kernel has just made it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(file) })
}

/// Lets a program judge all processes of a control group, whose folder is open.
///
/// # Errors
/// What the kernel says.
pub(in crate::engine::embedded) fn attach_device_program(
    program: impl AsFd,
    group: impl AsFd,
) -> io::Result<()> {
    let attach = Attach {
        target: group.as_fd().as_raw_fd(),
        program: program.as_fd().as_raw_fd(),
        place: CGROUP_DEVICE_PLACE,
        flags: ALLOW_SEVERAL,
    };
    // SAFETY: the kernel only reads the structure.
    unsafe { bpf(PROGRAM_ATTACH, &attach) }.map(drop)
}

/// # Safety
/// Pointers in `attributes` must be valid for `command`.
unsafe fn bpf<T>(command: libc::c_int, attributes: &T) -> io::Result<RawFd> {
    // SAFETY: the structure is as long as said; for what it points to, the caller answers.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_ref(attributes),
            size_of::<T>(),
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    RawFd::try_from(result).map_err(io::Error::other)
}
