//! System calls that no library wraps safely.

#![expect(unsafe_code, reason = "system calls that no library wraps safely")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

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

/// Forks a process that has a single thread. With `group`, a folder of control groups of version 2,
/// the child is born in it: to move there later would take the kernel many milliseconds.
///
/// # Errors
/// What the kernel says; then there is no child.
pub(in crate::engine::embedded) fn fork(group: Option<BorrowedFd<'_>>) -> io::Result<Option<i32>> {
    let pid = match group {
        Some(group) => fork_into(group)?,
        // SAFETY: called before any thread is started, so that the child has everything it needs.
        None => check(unsafe { libc::fork() }.into())?,
    };
    Ok((pid != 0).then(|| i32::try_from(pid).unwrap_or(i32::MAX)))
}

/// Forks a child that ends with what `work` returns; its number. Others see `title` for its arguments,
/// and the first 15 bytes of it for its name. Nothing of this process's arguments and environment is
/// left in it.
///
/// # Errors
/// When this process has other threads, or there is no room for another.
pub(in crate::engine::embedded) fn fork_alone(
    title: &str,
    work: impl FnOnce() -> u8,
) -> io::Result<u32> {
    if std::fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::other("this process has other threads"));
    }
    if let Some(child) = fork(None)? {
        return u32::try_from(child).map_err(io::Error::other);
    }
    // Whatever happens here, this process must not go on as if it were the other one.
    let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        // Courtesies: without them it does the same.
        let _ = entitle(title);
        work()
    }));
    // SAFETY: ends this process alone, without running what the parent has registered for its end.
    unsafe { libc::_exit(code.unwrap_or(101).into()) }
}

/// Changes what others see as this process's name and arguments, and forgets the environment: it may
/// hold secrets, and has no use here.
fn entitle(title: &str) -> io::Result<()> {
    let name = std::ffi::CString::new(title)?;
    // SAFETY: a text that ends with a zero; the kernel takes what it has room for.
    check(unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) }.into())?;
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // After the name, which ends with the last bracket, comes the third field.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let mut places = fields.split_whitespace().skip(45).map(str::parse);
    let mut place = || places.next().and_then(Result::ok).unwrap_or(0);
    let (start, middle, again, end): (usize, usize, usize, usize) =
        (place(), place(), place(), place());
    // The environment follows the arguments; the kernel shows a title that goes on there.
    if start == 0 || middle != again || start >= end {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let room = end - start;
    let shown = name.as_bytes().len().min(room - 1);
    // SAFETY: the kernel put both there when this program began, and says where. They are this process's
    // own copies, this is its only thread, and nobody holds references to them: Rust copies arguments,
    // and the environment whenever somebody asks for it, which nobody does after this.
    unsafe {
        let area = std::ptr::with_exposed_provenance_mut::<u8>(start);
        area.write_bytes(0, room);
        area.copy_from_nonoverlapping(name.as_ptr().cast(), shown);
    }
    Ok(())
}

fn fork_into(group: BorrowedFd<'_>) -> io::Result<libc::c_long> {
    /// `PR_GET_TID_ADDRESS`.
    const TID_ADDRESS: libc::c_int = 40;
    /// `CLONE_INTO_CGROUP`.
    const INTO_CGROUP: u64 = 0x2_0000_0000;
    let mut own_number: *mut libc::pid_t = std::ptr::null_mut();
    // SAFETY: the kernel writes one pointer.
    check(unsafe { libc::prctl(TID_ADDRESS, &raw mut own_number) }.into())?;
    // The C library keeps the number of the thread there, as its own fork tells the kernel.
    let keep = libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID;
    // SAFETY: numbers and pointers of which zero is one that means nothing.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = INTO_CGROUP | u64::from(keep.cast_unsigned());
    arguments.child_tid = own_number.addr() as u64;
    arguments.exit_signal = u64::from(libc::SIGCHLD.cast_unsigned());
    arguments.cgroup = u64::from(group.as_raw_fd().cast_unsigned());
    // SAFETY: as `fork` without the handlers that others have registered for it: called before any
    // thread is started, so that no lock is held. The memory is the child's own copy.
    check(unsafe {
        libc::syscall(
            libc::SYS_clone3,
            &raw const arguments,
            size_of::<libc::clone_args>(),
        )
    })
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
