//! One run for `seatrial watch`: this program again, as a process of its own. So a run that is broken
//! off leaves nothing in the one that watches, and ends as every run does that a signal stops.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::Sender;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::watch::Wake;

/// A run that goes on.
pub(super) struct Running {
    /// Tells its end from those of other runs.
    pub(super) number: u64,
    process: OwnedFd,
}

impl Running {
    /// Starts `seatrial test` with the arguments of this `seatrial watch`; `sender` is told of its
    /// end.
    pub(super) fn start(
        number: u64,
        folder: &Path,
        build: bool,
        sender: Sender<Wake>,
    ) -> io::Result<Self> {
        let mut child = Command::new("/proc/self/exe")
            .arg0("seatrial")
            .args(arguments(std::env::args_os(), folder, build))
            .stdin(Stdio::null())
            // What is typed on the terminal is for the one that watches, which passes it on: two
            // signals would mean that there is no time to clean up.
            .process_group(0)
            .spawn()?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let process = pid.ok_or_else(|| io::Error::other("it has no number"));
        let process = process.and_then(|pid| Ok(pidfd_open(pid, PidfdFlags::empty())?));
        let process = match process {
            Ok(process) => process,
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(error);
            }
        };
        std::thread::spawn(move || {
            // Nobody may listen any more.
            let _ = sender.send(Wake::Ended(number, child.wait()));
        });
        Ok(Self { number, process })
    }

    /// Asks it to end; the second time it does not clean up.
    pub(super) fn interrupt(&self) {
        // It may have ended.
        let _ = pidfd_send_signal(&self.process, Signal::INT);
    }

    /// Ends it.
    pub(super) fn kill(&self) {
        let _ = pidfd_send_signal(&self.process, Signal::KILL);
    }
}

/// The command line of `seatrial watch` as one of `seatrial test`.
fn arguments(own: impl Iterator<Item = OsString>, folder: &Path, build: bool) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["test".into(), "--watched".into(), folder.into()];
    if build {
        arguments.push("--build".into());
    }
    // The program, and the subcommand.
    arguments.extend(own.skip(2).filter(|it| it != "--poll" && it != "--build"));
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_to_watch_is_said_to_test() {
        let said = |own: &[&str], build| {
            let own = own.iter().map(OsString::from);
            let said = arguments(own, Path::new("/f"), build).into_iter();
            let said: Vec<_> = said.map(|it| it.into_string().unwrap()).collect();
            said.join(" ")
        };
        let own = ["seatrial", "watch", "--poll", "wham", "--engine", "docker"];
        assert_eq!(said(&own, false), "test --watched /f wham --engine docker");
        assert_eq!(
            said(&own, true),
            "test --watched /f --build wham --engine docker"
        );
        let own = ["seatrial", "watch", "--build"];
        assert_eq!(said(&own, true), "test --watched /f --build");
        assert_eq!(said(&own, false), "test --watched /f");
    }
}
