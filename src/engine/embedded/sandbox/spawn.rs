//! Clones the child and waits until it has executed its program, or has failed to.

#![expect(unsafe_code, reason = "clone(2), and the stack that its child needs")]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::{null, null_mut};

use rustix::process::{WaitId, WaitIdOptions, waitid};
use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

use super::child::{Report, Task, perform};
use super::op::Program;

/// How much stack a child has; it needs a few hundred bytes.
const STACK: usize = 64 << 10;

/// Starts one process after the other, each on the same stack: while a child uses it, its parent's
/// thread waits.
pub(in crate::engine::embedded) struct Spawner {
    stack: *mut libc::c_void,
    /// The processors that this thread may use, where that can be told.
    processors: Option<CpuSet>,
}

// SAFETY: the stack belongs to this value alone and is used by whoever has it exclusively.
unsafe impl Send for Spawner {}

/// Keeps this thread on the processor where it is. The kernel would send a child to another one, that
/// has to be woken and knows nothing of what was prepared here, while this thread waits.
pub(in crate::engine::embedded) struct Stay(
    /// The processors that it may use otherwise, where that can be told.
    Option<CpuSet>,
);

impl Stay {
    /// Until this is dropped. A child begins with the same limit.
    pub(in crate::engine::embedded) fn here() -> Self {
        Self::of(sched_getaffinity(None).ok())
    }

    /// The same, of a thread that may use these processors otherwise.
    fn of(processors: Option<CpuSet>) -> Self {
        let stay = || {
            let processors = processors?;
            let mut here = CpuSet::new();
            here.set(sched_getcpu());
            sched_setaffinity(None, &here).ok()?;
            Some(processors)
        };
        Self(stay())
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        if let Some(processors) = &self.0 {
            // Those that it had are allowed.
            let _ = sched_setaffinity(None, processors);
        }
    }
}

/// A process that executes its program.
#[derive(Debug)]
pub(in crate::engine::embedded) struct Spawned {
    /// Refers to it whatever becomes of its number.
    pub(in crate::engine::embedded) process: OwnedFd,
}

/// Why there is none.
#[derive(Debug)]
pub(in crate::engine::embedded) enum Fault {
    /// There was no child at all.
    Clone(io::Error),
    /// A step failed.
    Step {
        /// The step, as a verb phrase.
        step: String,
        /// Why.
        error: io::Error,
    },
    /// None of the candidates can be executed; why not the last one.
    NotFound(io::Error),
    /// The kernel did not execute the program, though it is there and has the permission.
    NotExecuted {
        /// Which of the candidates it was.
        candidate: usize,
        /// Why.
        error: io::Error,
    },
}

impl Spawner {
    /// # Errors
    /// When there is no memory.
    pub(in crate::engine::embedded) fn new() -> io::Result<Self> {
        // SAFETY: a new mapping, which nobody else knows.
        let stack = unsafe {
            libc::mmap(
                null_mut(),
                STACK,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK,
                -1,
                0,
            )
        };
        if stack == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            stack,
            processors: sched_getaffinity(None).ok(),
        })
    }

    /// Starts a process. When this comes back it executes its program.
    ///
    /// # Errors
    /// When it does not; then nothing of it is left.
    pub(in crate::engine::embedded) fn spawn(
        &mut self,
        program: &Program,
    ) -> Result<Spawned, Fault> {
        let pointers = |texts: &[CString]| -> Vec<*const libc::c_char> {
            let texts = texts.iter().map(|text| text.as_ptr());
            texts.chain([null()]).collect()
        };
        let (argv, env) = (pointers(&program.exec.argv), pointers(&program.exec.env));
        let report = Report::new();
        let stay = Stay::of(self.processors);
        let task = Task {
            program,
            argv: &argv,
            env: &env,
            report: &report,
            processors: stay.0,
        };
        let cloned = self.clone_child(&task, program.namespaces);
        drop(stay);
        let process = cloned.map_err(Fault::Clone)?;
        let (step, errno) = report.read();
        if step == Report::NOTHING {
            return Ok(Spawned { process });
        }
        // It has gone already, and only its status is left.
        let _ = waitid(WaitId::PidFd(process.as_fd()), WaitIdOptions::EXITED);
        let error = io::Error::from_raw_os_error(errno);
        Err(match step {
            Report::NOT_FOUND => Fault::NotFound(error),
            step if step <= Report::NOT_EXECUTED => Fault::NotExecuted {
                candidate: usize::try_from(Report::NOT_EXECUTED - step).unwrap_or(0),
                error,
            },
            step => {
                let op = usize::try_from(step)
                    .ok()
                    .and_then(|step| program.ops.get(step));
                let step = op.map_or_else(|| "begin".to_owned(), super::Op::describe);
                Fault::Step { step, error }
            }
        })
    }

    fn clone_child(&mut self, task: &Task<'_>, namespaces: libc::c_int) -> io::Result<OwnedFd> {
        let flags =
            libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | namespaces | libc::SIGCHLD;
        let mut pidfd: RawFd = -1;
        // SAFETY: `CLONE_VFORK` keeps this thread, and with it `task` and the stack, as they are
        // until the child has executed its program or ended. No signal handler runs in between
        // in the child, because all signals are blocked, and handlers are not shared.
        unsafe {
            let mut all: libc::sigset_t = std::mem::zeroed();
            let mut before: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
            let pid = libc::clone(
                begin,
                self.stack.byte_add(STACK),
                flags,
                std::ptr::from_ref(task).cast_mut().cast(),
                &raw mut pidfd,
            );
            let error = io::Error::last_os_error();
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, null_mut());
            if pid < 0 {
                return Err(error);
            }
        }
        // SAFETY: the kernel has just made it for us.
        Ok(unsafe { OwnedFd::from_raw_fd(pidfd) })
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        // SAFETY: mapped by `new` with this length; no child is left that uses it.
        unsafe {
            libc::munmap(self.stack, STACK);
        }
    }
}

/// The child's first function.
extern "C" fn begin(task: *mut libc::c_void) -> libc::c_int {
    // SAFETY: the parent gave a `Task` that lives for as long as it waits.
    let task = unsafe { &*task.cast::<Task<'_>>() };
    perform(task);
    // SAFETY: ends this process alone, without running what the parent has registered for its end.
    unsafe { libc::_exit(127) }
}
