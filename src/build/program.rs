//! A program that is followed to its end: with a deadline, and with a run that can be stopped.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::sending::Feed;
use rustix::fs::{Access, access};
use rustix::process::{Pid, Signal, kill_process_group};

/// The files of this name in the folders of `path` that this process may execute, in their order.
pub(crate) fn programs(name: &str, path: &OsStr) -> impl Iterator<Item = PathBuf> {
    let files = std::env::split_paths(path).map(move |folder| folder.join(name));
    files.filter(|file| access(file, Access::EXEC_OK).is_ok())
}

/// How often it is looked whether the run was stopped.
const LOOK: Duration = Duration::from_millis(50);

/// Why a program was not followed to its own end.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The run was stopped; the program was ended.
    Stopped,
    /// It took too long, and was ended.
    TimedOut,
    /// It could not be started or followed.
    Io(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What bounds a program.
pub(crate) struct Bounds<'a> {
    /// Whether the run was stopped.
    pub(crate) is_stopped: &'a dyn Fn() -> bool,
    /// When it is given up.
    pub(crate) until: Instant,
    /// How long it has to end by itself once it was told to.
    pub(crate) grace: Duration,
}

/// Runs a program to its end. What it writes, on either stream and in that order, goes to `take`;
/// what `feed` writes is its standard input.
pub(crate) fn follow(
    mut command: Command,
    feed: Option<Feed>,
    bounds: &Bounds<'_>,
    take: &mut dyn FnMut(&[u8]),
) -> Result<ExitStatus, Broken> {
    let (output, writer) = io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    match feed {
        Some(feed) => {
            let (reader, writer) = io::pipe()?;
            command.stdin(reader);
            std::thread::spawn(move || feed(writer));
        }
        None => {
            command.stdin(Stdio::null());
        }
    }
    // A group of its own: all of it can be ended, and signals of the terminal are ours to handle.
    let child = command.process_group(0).spawn()?;
    // With it our own ends of the pipes are closed.
    drop(command);
    let mut ending = Ending(child, bounds.grace);
    let chunks = read(output);
    loop {
        match chunks.recv_timeout(LOOK) {
            Ok(chunk) => take(&chunk),
            Err(RecvTimeoutError::Timeout) => {
                // Something that it left in the background may hold the pipe open.
                if let Some(status) = ending.0.try_wait()? {
                    return Ok(status);
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
        bounds.check()?;
    }
    loop {
        if let Some(status) = ending.0.try_wait()? {
            return Ok(status);
        }
        bounds.check()?;
        std::thread::sleep(Duration::from_millis(2));
    }
}

impl Bounds<'_> {
    fn check(&self) -> Result<(), Broken> {
        if (self.is_stopped)() {
            Err(Broken::Stopped)
        } else if Instant::now() >= self.until {
            Err(Broken::TimedOut)
        } else {
            Ok(())
        }
    }
}

/// Reads ahead a little, by a thread that ends when the pipe does.
fn read(mut output: io::PipeReader) -> Receiver<Vec<u8>> {
    let (sender, chunks): (SyncSender<Vec<u8>>, _) = sync_channel(16);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 16 << 10];
        loop {
            match output.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => {
                    if sender.send(buffer[..count].to_vec()).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    });
    chunks
}

/// Ends the program's whole group when it is dropped.
struct Ending(Child, Duration);

impl Drop for Ending {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(Some(_))) {
            return;
        }
        let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) else {
            return;
        };
        // It is our child and was not waited for, so the number is still its own.
        let _ = kill_process_group(group, Signal::TERM);
        let told = Instant::now();
        while told.elapsed() < self.1 && !matches!(self.0.try_wait(), Ok(Some(_))) {
            std::thread::sleep(Duration::from_millis(10));
        }
        if !matches!(self.0.try_wait(), Ok(Some(_))) {
            let _ = kill_process_group(group, Signal::KILL);
            let _ = self.0.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn bounds(seconds: u64) -> Bounds<'static> {
        Bounds {
            is_stopped: &|| false,
            until: Instant::now() + Duration::from_secs(seconds),
            grace: Duration::from_secs(5),
        }
    }

    #[test]
    fn both_streams_come_in_order_and_the_input_is_given() {
        let mut text = Vec::new();
        let feed: Box<dyn FnOnce(io::PipeWriter) + Send> = Box::new(|mut pipe| {
            let _ = io::Write::write_all(&mut pipe, b"in\n");
        });
        let mut take = |chunk: &[u8]| text.extend_from_slice(chunk);
        let script = shell("echo one; echo two >&2; cat; exit 3");
        let status = follow(script, Some(feed), &bounds(30), &mut take).unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(String::from_utf8(text).unwrap(), "one\ntwo\nin\n");
    }

    #[test]
    fn what_takes_too_long_is_ended_with_all_that_it_started() {
        let begun = Instant::now();
        let mut text = Vec::new();
        let mut take = |chunk: &[u8]| text.extend_from_slice(chunk);
        let script = shell("sleep 1000 & echo $!; wait");
        let broken = follow(script, None, &bounds(1), &mut take);
        assert!(matches!(broken, Err(Broken::TimedOut)));
        assert!(begun.elapsed() < Duration::from_secs(30));
        let pid = String::from_utf8(text).unwrap();
        let lives = || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
            stat.is_ok_and(|stat| !stat.contains(") Z"))
        };
        // A busy kernel takes its time.
        while lives() {
            assert!(begun.elapsed() < Duration::from_secs(30), "it lives");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn what_is_left_in_the_background_is_not_waited_for() {
        let status = follow(shell("sleep 5 & exit 0"), None, &bounds(30), &mut |_| {});
        assert!(status.unwrap().success());
    }
}
