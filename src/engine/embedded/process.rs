//! The helper process, as whoever started it sees it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid,
};

use super::helper::{NAME, Settings, serve_forked, timespec};
use super::sandbox::fork_alone;

/// A child process that makes containers, until somebody has waited for its end.
#[derive(Debug)]
pub(super) struct HelperProcess {
    id: u32,
    file: OwnedFd,
    /// Whether it ended well, once that is known.
    ended: Option<bool>,
}

impl HelperProcess {
    /// Starts it by executing `program`, which calls [`serve`](super::helper::serve) before anything
    /// else. Its requests come over `socket`.
    ///
    /// # Errors
    /// When there is no such program, or no room for a process.
    pub(super) fn execute(
        program: &Path,
        settings: &Settings,
        socket: OwnedFd,
    ) -> io::Result<Self> {
        let mut command = Command::new(program);
        command
            .arg0(NAME)
            .arg(serde_json::to_string(settings)?)
            .env_clear()
            .stdin(Stdio::from(socket))
            .stdout(Stdio::null())
            // It says nothing there, but for a panic.
            .stderr(Stdio::inherit())
            // Signals of the terminal are the main process's to handle.
            .process_group(0);
        Self::of(command.spawn()?.id())
    }

    /// Starts it as a copy of this process, which saves what the start of a program takes.
    ///
    /// # Errors
    /// When this process has more than one thread, or there is no room for another.
    pub(super) fn fork(settings: &Settings, socket: OwnedFd) -> io::Result<Self> {
        let title = format!("{NAME} {}", settings.name);
        Self::of(fork_alone(&title, || serve_forked(settings, socket))?)
    }

    fn of(id: u32) -> io::Result<Self> {
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(io::ErrorKind::InvalidData)?;
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(file) => Ok(Self {
                id,
                file,
                ended: None,
            }),
            Err(error) => {
                // It ends by itself, for nobody has the other end of its socket.
                let _ = rustix::process::kill_process(pid, Signal::KILL);
                let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED);
                Err(error.into())
            }
        }
    }

    /// Its number.
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Ends it, whatever it does.
    pub(super) fn kill(&self) {
        // One that has ended is as good.
        let _ = pidfd_send_signal(&self.file, Signal::KILL);
    }

    /// Whether it ends within this time.
    pub(super) fn ends_within(&self, limit: Duration) -> bool {
        let mut files = [PollFd::new(&self.file, PollFlags::IN)];
        poll(&mut files, Some(&timespec(limit))) != Ok(0)
    }

    /// Waits for its end; whether it was a good one.
    pub(super) fn wait(&mut self) -> bool {
        if let Some(ended) = self.ended {
            return ended;
        }
        let status = loop {
            match waitid(WaitId::PidFd(self.file.as_fd()), WaitIdOptions::EXITED) {
                Err(rustix::io::Errno::INTR) => {}
                status => break status,
            }
        };
        let well = matches!(status, Ok(Some(status)) if status.exit_status() == Some(0));
        self.ended = Some(well);
        well
    }
}
