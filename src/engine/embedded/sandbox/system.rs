//! System calls that no library wraps safely.

#![expect(unsafe_code, reason = "system calls that no library wraps safely")]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}

/// Leaves namespaces, as unshare(2); also the working directory and root that threads share.
///
/// # Errors
/// What the kernel says.
pub(in crate::engine::embedded) fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: none of the namespaces that are left (users, mounts, pids) holds memory or files
    // that Rust relies on; `CLONE_FILES` is not used.
    check(unsafe { libc::unshare(flags) }.into()).map(|_| ())
}

/// Closes every file but the standard streams: what whoever started this process left open is no
/// business of containers. To be called before anything is opened.
///
/// # Errors
/// What the kernel says.
pub(in crate::engine::embedded) fn close_inherited() -> io::Result<()> {
    // SAFETY: at the start of a process, nothing relies on these.
    check(unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) }).map(|_| ())
}

/// Ignores no signal any more that whoever started this process ignored, but for SIGPIPE. The C
/// library keeps two signals for itself and would leave them as they are, so it is not asked.
pub(in crate::engine::embedded) fn heed_signals() {
    /// `SIG_IGN`.
    const IGNORED: u64 = 1;
    let (nothing, default) = (std::ptr::null::<u64>(), [0_u64; 4]);
    for signal in (1..=64).filter(|signal| *signal != libc::SIGPIPE) {
        let mut now = [0_u64; 4];
        // SAFETY: the arrays are as long as the kernel's structure, whose first word is the
        // handler; handlers, which Rust relies on, are not touched.
        unsafe {
            let call = libc::SYS_rt_sigaction;
            libc::syscall(call, signal, nothing, now.as_mut_ptr(), 8);
            if now[0] == IGNORED {
                // Those that can't be changed refuse.
                let none: *mut u64 = std::ptr::null_mut();
                libc::syscall(call, signal, default.as_ptr(), none, 8);
            }
        }
    }
}

/// Forks a process that has a single thread.
///
/// # Errors
/// What the kernel says.
pub(in crate::engine::embedded) fn fork() -> io::Result<Option<i32>> {
    // SAFETY: called before any thread is started, so that the child has everything it needs.
    let pid = check(unsafe { libc::fork() }.into())?;
    Ok((pid != 0).then(|| i32::try_from(pid).unwrap_or(i32::MAX)))
}

/// From now on, children of this thread are born in the pid namespace that `process` is in: a
/// pidfd, or a file of /proc/PID/ns.
///
/// # Errors
/// What the kernel says.
pub(in crate::engine::embedded) fn join_pid_namespace(process: impl AsFd) -> io::Result<()> {
    let process = process.as_fd().as_raw_fd();
    // SAFETY: a call with numbers alone.
    check(unsafe { libc::setns(process, libc::CLONE_NEWPID) }.into()).map(|_| ())
}

/// Makes a mount that nobody else has, and all below it, read-only.
///
/// # Errors
/// What the kernel says.
pub(in crate::engine::embedded) fn make_read_only(tree: impl AsFd) -> io::Result<()> {
    set_attribute(tree, libc::MOUNT_ATTR_RDONLY)
}

/// Lets no device work in a mount that nobody else has, and in all below it.
///
/// # Errors
/// What the kernel says.
pub(in crate::engine::embedded) fn make_deviceless(tree: impl AsFd) -> io::Result<()> {
    set_attribute(tree, libc::MOUNT_ATTR_NODEV)
}

fn set_attribute(tree: impl AsFd, attribute: u64) -> io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: attribute,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    // SAFETY: the structure is as long as said, and only read.
    let set = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_fd().as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    check(set).map(|_| ())
}
