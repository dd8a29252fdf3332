//! The child between `clone` and `execve`.
//!
//! It runs in the memory of its parent, whose thread waits meanwhile. So nothing here may
//! allocate, lock, unwind or keep what it changes: only system calls with arguments that were
//! prepared before, and a result in [`Report`].

#![expect(
    unsafe_code,
    reason = "raw system calls are all that may be made between clone and execve"
)]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::thread::{CpuSet, sched_setaffinity};

use super::op::{Exec, Op, Program};

/// What the child tells its parent, in the memory that they share. Nothing is told by a child that
/// executed its program.
#[derive(Debug)]
pub(super) struct Report {
    /// The index of the step that failed; [`Report::NOTHING`] and the two below instead.
    step: AtomicI32,
    /// Why, as errno.
    errno: AtomicI32,
}

impl Report {
    /// All went well.
    pub(super) const NOTHING: i32 = -1;
    /// No candidate could be executed.
    pub(super) const NOT_FOUND: i32 = -2;
    /// The first candidate was there, but the kernel did not execute it; of the next it is one less.
    pub(super) const NOT_EXECUTED: i32 = -3;

    pub(super) fn new() -> Self {
        Self {
            step: AtomicI32::new(Self::NOTHING),
            errno: AtomicI32::new(0),
        }
    }

    /// The step and its errno.
    pub(super) fn read(&self) -> (i32, i32) {
        let step = self.step.load(Ordering::SeqCst);
        (step, self.errno.load(Ordering::SeqCst))
    }

    fn write(&self, step: i32, errno: i32) {
        self.errno.store(errno, Ordering::SeqCst);
        self.step.store(step, Ordering::SeqCst);
    }
}

/// All that the child needs, made by its parent.
pub(super) struct Task<'a> {
    pub(super) program: &'a Program,
    /// The arguments as `execve` wants them: pointers, the last one null.
    pub(super) argv: &'a [*const libc::c_char],
    /// The environment, likewise.
    pub(super) env: &'a [*const libc::c_char],
    pub(super) report: &'a Report,
    /// The processors that it may use, if its parent keeps to one for a moment.
    pub(super) processors: Option<CpuSet>,
}

/// Does everything and executes the program; comes back only by a failure, which is then reported.
pub(super) fn perform(task: &Task<'_>) {
    if let Some(processors) = &task.processors {
        // A raw system call; those that it has are allowed.
        let _ = sched_setaffinity(None, processors);
    }
    for (at, op) in task.program.ops.iter().enumerate() {
        if let Err(errno) = perform_op(op) {
            task.report
                .write(i32::try_from(at).unwrap_or(i32::MAX), errno);
            return;
        }
    }
    reset_signals();
    let (step, errno) = execute(task);
    task.report.write(step, errno);
}

/// Does something here and now, in this very process.
///
/// # Errors
/// What the first step that fails says.
pub(in crate::engine::embedded) fn perform_here(ops: &[Op]) -> io::Result<()> {
    let mut done = ops.iter().map(perform_op);
    done.try_for_each(|done| done.map_err(io::Error::from_raw_os_error))
}

type Done = Result<(), i32>;

fn errno() -> i32 {
    // SAFETY: the location is this thread's own; the parent's thread, whose it is too, waits.
    unsafe { *libc::__errno_location() }
}

fn check(result: libc::c_long) -> Done {
    if result < 0 { Err(errno()) } else { Ok(()) }
}

fn unless(allowed: bool, tolerated: i32, done: Done) -> Done {
    match done {
        Err(errno) if allowed && errno == tolerated => Ok(()),
        done => done,
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "a table: one short arm for each step"
)]
fn perform_op(op: &Op) -> Done {
    // SAFETY: every pointer is to a NUL-terminated string or a buffer of the given length that
    // the parent owns and does not touch while this child uses its memory.
    unsafe {
        match op {
            Op::Mount {
                source,
                target,
                kind,
                flags,
                data,
                may_be_missing,
            } => {
                let optional = |text: &CStr| {
                    if text.is_empty() {
                        null()
                    } else {
                        text.as_ptr()
                    }
                };
                let mounted = libc::mount(
                    source.as_ptr(),
                    target.as_ptr(),
                    optional(kind),
                    *flags,
                    optional(data).cast(),
                );
                let done = check(mounted.into());
                unless(*may_be_missing, libc::ENOENT, done)
            }
            Op::Attach { tree, target } => attach(tree.as_raw_fd(), target),
            Op::Unmount(target) => check(libc::umount2(target.as_ptr(), libc::MNT_DETACH).into()),
            Op::PivotRoot => {
                let here = c".".as_ptr();
                check(libc::syscall(libc::SYS_pivot_root, here, here))
            }
            Op::Chdir(folder) => check(libc::chdir(folder.as_ptr()).into()),
            Op::Folder { path, mode } => {
                let done = check(libc::mkdir(path.as_ptr(), *mode).into());
                unless(true, libc::EEXIST, done)
            }
            Op::File { path, mode } => {
                let flags = libc::O_CREAT | libc::O_EXCL | libc::O_WRONLY | libc::O_CLOEXEC;
                let file = libc::open(path.as_ptr(), flags, *mode);
                if file < 0 {
                    return unless(true, libc::EEXIST, Err(errno()));
                }
                check(libc::close(file).into())
            }
            Op::Device { path, mode, number } => {
                check(libc::mknod(path.as_ptr(), *mode, *number).into())
            }
            Op::Symlink { target, path } => {
                check(libc::symlink(target.as_ptr(), path.as_ptr()).into())
            }
            Op::Write {
                path,
                bytes,
                may_be_missing,
            } => unless(*may_be_missing, libc::ENOENT, write_to(path, bytes)),
            Op::HostName(name) => {
                check(libc::sethostname(name.as_ptr(), name.as_bytes().len()).into())
            }
            Op::Loopback => loopback(),
            Op::Umask(mask) => {
                libc::umask(*mask);
                Ok(())
            }
            Op::Limit {
                resource,
                soft,
                hard,
            } => {
                let limit = libc::rlimit {
                    rlim_cur: *soft,
                    rlim_max: *hard,
                };
                let none: *mut libc::rlimit = null_mut();
                check(libc::syscall(
                    libc::SYS_prlimit64,
                    0,
                    *resource,
                    &raw const limit,
                    none,
                ))
            }
            Op::Session => check(libc::setsid().into()),
            Op::Stream { file, number } => stream(file.as_raw_fd(), *number),
            Op::OwnStreams(uid) => {
                for number in 0..=2 {
                    // Only what was made for this process: `/dev/null` is the host's.
                    let mut stat: libc::stat = std::mem::zeroed();
                    check(libc::fstat(number, &raw mut stat).into())?;
                    if stat.st_mode & libc::S_IFMT == libc::S_IFIFO {
                        libc::fchown(number, *uid, libc::gid_t::MAX);
                    }
                }
                Ok(())
            }
            Op::Unshare(namespaces) => check(libc::unshare(*namespaces).into()),
            Op::Enter {
                process,
                namespaces,
            } => check(libc::setns(process.as_raw_fd(), *namespaces).into()),
            Op::Filter(instructions) => {
                let program = libc::sock_fprog {
                    len: u16::try_from(instructions.len()).unwrap_or(0),
                    // The kernel only reads it.
                    filter: instructions.as_ptr().cast_mut(),
                };
                let mode = libc::SECCOMP_SET_MODE_FILTER;
                check(libc::syscall(
                    libc::SYS_seccomp,
                    mode,
                    0,
                    &raw const program,
                ))
            }
            Op::Bounding { keep, known } => {
                for number in 0..*known {
                    if keep & (1 << number) == 0 {
                        check(libc::prctl(libc::PR_CAPBSET_DROP, number, 0, 0, 0).into())?;
                    }
                }
                Ok(())
            }
            // The raw calls: glibc's would make all threads of the parent do so too.
            Op::Groups(groups) => check(libc::syscall(
                libc::SYS_setgroups,
                groups.len(),
                groups.as_ptr(),
            )),
            Op::Ids { uid, gid } => {
                check(libc::syscall(libc::SYS_setresgid, *gid, *gid, *gid))?;
                check(libc::syscall(libc::SYS_setresuid, *uid, *uid, *uid))
            }
            Op::Capabilities(set) => capabilities(*set),
        }
    }
}

fn attach(tree: RawFd, target: &CStr) -> Done {
    const MOVE_MOUNT_F_EMPTY_PATH: libc::c_uint = 4;
    const MOVE_MOUNT_T_SYMLINKS: libc::c_uint = 0x10;
    // SAFETY: both paths are NUL-terminated.
    check(unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree,
            c"".as_ptr(),
            libc::AT_FDCWD,
            target.as_ptr(),
            MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS,
        )
    })
}

fn write_to(path: &CStr, bytes: &[u8]) -> Done {
    // SAFETY: the path is NUL-terminated, the buffer as long as said.
    unsafe {
        let file = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if file < 0 {
            return Err(errno());
        }
        let written = libc::write(file, bytes.as_ptr().cast(), bytes.len());
        let done = check(libc::c_long::try_from(written).unwrap_or(-1));
        libc::close(file);
        done
    }
}

/// A file that has the right number already would lose it by `execve`; no other has.
fn stream(file: RawFd, number: i32) -> Done {
    // SAFETY: calls with numbers alone.
    unsafe {
        if file == number {
            return check(libc::fcntl(file, libc::F_SETFD, 0).into());
        }
        check(libc::dup2(file, number).into())
    }
}

fn loopback() -> Done {
    /// Of the interfaces there are, and by default of those to come.
    const IPV6: &CStr = c"/proc/sys/net/ipv6/conf/all/disable_ipv6";
    // SAFETY: a path that is NUL-terminated, and numbers.
    let (ipv6, socket) = unsafe {
        let ipv6 = libc::open(IPV6.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        let ipv6 = if ipv6 < 0 { Err(errno()) } else { Ok(ipv6) };
        let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
        (ipv6, libc::socket(libc::AF_INET, kind, 0))
    };
    let done = match ipv6 {
        _ if socket < 0 => Err(errno()),
        Ok(ipv6) => without_ipv6(socket, ipv6).and_then(|()| switch_on(socket)),
        // This kernel has none.
        Err(libc::ENOENT) => switch_on(socket),
        Err(errno) => Err(errno),
    };
    // SAFETY: both are this function's own; one that could not be opened is no number of a file.
    unsafe {
        libc::close(socket);
        libc::close(ipv6.unwrap_or(-1));
    }
    done
}

/// Before the interface has an address. The kernel does not wait for its lock on all networks there: it
/// has the write begin again until it gets it, which can be a hundred times. So that lock is waited for
/// right before, by a change that is none.
fn without_ipv6(socket: RawFd, file: RawFd) -> Done {
    set_flags(socket, 0)?;
    // SAFETY: a buffer of this length.
    let written = unsafe { libc::write(file, c"1".as_ptr().cast(), 1) };
    check(libc::c_long::try_from(written).unwrap_or(-1))
}

fn switch_on(socket: RawFd) -> Done {
    set_flags(socket, libc::IFF_UP | libc::IFF_RUNNING)
}

fn set_flags(socket: RawFd, flags: libc::c_int) -> Done {
    // SAFETY: an all-zero ifreq is a valid one, and the name fits into it.
    unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        request.ifr_ifru.ifru_flags = flags as libc::c_short;
        check(libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &raw const request).into())
    }
}

fn capabilities(set: u64) -> Done {
    /// `_LINUX_CAPABILITY_VERSION_3`.
    const VERSION: u32 = 0x2008_0522;
    let header = [VERSION, 0];
    let (low, high) = (set as u32, (set >> 32) as u32);
    // Effective, permitted, inheritable; the lower halves first.
    let data = [low, low, 0, high, high, 0];
    // SAFETY: both arrays have the layout of the kernel's structures.
    check(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), data.as_ptr()) })
}

/// The program finds all signals as they are by default, and none of them held back. What is
/// handled here is so by default again after `execve`; what is ignored is not, and this is the only
/// one that a Rust program ignores.
fn reset_signals() {
    // SAFETY: the handlers are this process's own since the clone; the sets are initialised.
    unsafe {
        let mut default: libc::sigaction = std::mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        libc::sigaction(libc::SIGPIPE, &raw const default, null_mut());
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, null_mut());
    }
}

/// Finds the program as Go's `exec.LookPath` does, which is what runc asks, and executes it.
fn execute(task: &Task<'_>) -> (i32, i32) {
    let Exec { candidates, .. } = &task.program.exec;
    let mut why = libc::ENOENT;
    for (at, candidate) in (0..).zip(candidates) {
        // SAFETY: the path is NUL-terminated, an all-zero stat is a valid one.
        let found = unsafe {
            let mut stat: libc::stat = std::mem::zeroed();
            check(libc::stat(candidate.as_ptr(), &raw mut stat).into()).map(|()| stat.st_mode)
        };
        match found {
            Err(errno) => why = errno,
            Ok(mode) if mode & libc::S_IFMT == libc::S_IFDIR => why = libc::EISDIR,
            // Told apart from a folder that can't be entered.
            Ok(mode) if mode & 0o111 == 0 => why = libc::EPERM,
            Ok(_) if is_sought_here(candidate, &task.program.exec) => {
                return (Report::NOT_FOUND, libc::EXDEV);
            }
            Ok(_) => {
                // SAFETY: both lists end with a null pointer.
                unsafe {
                    libc::execve(candidate.as_ptr(), task.argv.as_ptr(), task.env.as_ptr());
                }
                return (Report::NOT_EXECUTED - at, errno());
            }
        }
    }
    (Report::NOT_FOUND, why)
}

/// Whether it was found in the working directory because of the `PATH`, which Go refuses.
fn is_sought_here(candidate: &CStr, exec: &Exec) -> bool {
    let is_path = exec
        .argv
        .first()
        .is_some_and(|name| name.to_bytes().contains(&b'/'));
    !is_path && !candidate.to_bytes().starts_with(b"/")
}
