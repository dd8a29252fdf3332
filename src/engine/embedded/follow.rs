//! Follows a process from its start to its end.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use super::helper::timespec;
use crate::engine::Stream;

/// What is written by processes that are gone is there at once; nobody waits longer for it.
const LAST_OUTPUT: Duration = Duration::from_secs(10);

/// Our ends of the streams of a process.
#[derive(Debug)]
pub(super) struct Streams {
    stdin: Option<File>,
    stdout: Option<File>,
    stderr: Option<File>,
}

/// What following waits for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Until<'a> {
    /// Can be read from when the process has ended.
    pub(super) end: BorrowedFd<'a>,
    /// Can be read from when the run is stopped.
    pub(super) stop: BorrowedFd<'a>,
    /// No longer than this.
    pub(super) time: Option<Instant>,
    /// Whether nobody is left to write when the process has ended: then what is there is all, though
    /// the streams may be open.
    pub(super) is_alone: bool,
}

/// Why the following ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The process has ended, and all that it wrote was read.
    Ended,
    /// The time was up.
    TimedOut,
    /// The run is stopped.
    Stopped,
}

impl Streams {
    /// New pipes: our ends, and those of the process. Without an input it reads nothing.
    ///
    /// # Errors
    /// When there are too many files.
    pub(super) fn new(has_stdin: bool) -> io::Result<(Self, [OwnedFd; 3])> {
        let (stdout, its_stdout) = io::pipe()?;
        let (stderr, its_stderr) = io::pipe()?;
        let (its_stdin, stdin): (OwnedFd, Option<File>) = if has_stdin {
            let (its, ours) = io::pipe()?;
            let ours = OwnedFd::from(ours);
            fcntl_setfl(&ours, fcntl_getfl(&ours)? | OFlags::NONBLOCK)?;
            (its.into(), Some(ours.into()))
        } else {
            // To be written to as well, as engines open it.
            let null = File::options().read(true).write(true).open("/dev/null")?;
            (null.into(), None)
        };
        let ours = Self {
            stdin,
            stdout: Some(OwnedFd::from(stdout).into()),
            stderr: Some(OwnedFd::from(stderr).into()),
        };
        Ok((ours, [its_stdin, its_stdout.into(), its_stderr.into()]))
    }

    /// Writes `input` to the process and shows what it writes to `take`, until it has ended. After
    /// the input its end is told, unless `keep_open`. When it has ended, `is_done` is asked whether
    /// what others in its container still write does not matter.
    ///
    /// # Errors
    /// When the streams can't be read.
    pub(super) fn follow(
        &mut self,
        until: Until<'_>,
        mut input: &[u8],
        keep_open: bool,
        take: &mut dyn FnMut(Stream, &[u8]),
        is_done: &mut dyn FnMut() -> bool,
    ) -> io::Result<Why> {
        let mut buffer = vec![0; 64 << 10];
        let mut ended: Option<Instant> = None;
        while ended.is_none() || self.stdout.is_some() || self.stderr.is_some() {
            if input.is_empty() && !keep_open {
                self.stdin = None;
            }
            let deadline = match ended {
                Some(ended) if until.is_alone => Some(ended),
                Some(ended) => Some(ended + LAST_OUTPUT),
                None => until.time,
            };
            let had_ended = ended.is_some();
            let mut ready = Ready::default();
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            self.wait(until, ended.is_some(), input.is_empty(), left, &mut ready)?;
            if ready.stop {
                return Ok(Why::Stopped);
            }
            for (stream, file, is_ready) in [
                (Stream::Stdout, &mut self.stdout, ready.stdout),
                (Stream::Stderr, &mut self.stderr, ready.stderr),
            ] {
                if is_ready && !read(file, &mut buffer, |bytes| take(stream, bytes))? {
                    *file = None;
                }
            }
            if ready.stdin {
                match self.stdin.as_mut().map(|stdin| stdin.write(input)) {
                    Some(Ok(written)) => input = &input[written..],
                    Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                    // It does not read all of its input, which is its own affair.
                    _ => {
                        input = &[];
                        self.stdin = None;
                    }
                }
            }
            if ready.process && ended.is_none() {
                ended = Some(Instant::now());
                if is_done() {
                    return Ok(Why::Ended);
                }
            }
            let is_over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if is_over && ended.is_none() {
                return Ok(Why::TimedOut);
            }
            // There may be more than was read at once. Others in its container may go on to write for ever.
            let is_more = until.is_alone && (ready.stdout || ready.stderr);
            if is_over && had_ended && !is_more {
                return Ok(Why::Ended);
            }
        }
        Ok(Why::Ended)
    }

    fn wait(
        &self,
        until: Until<'_>,
        has_ended: bool,
        nothing_to_write: bool,
        left: Option<Duration>,
        ready: &mut Ready,
    ) -> io::Result<()> {
        let mut files = vec![PollFd::from_borrowed_fd(until.stop, PollFlags::empty())];
        let mut which: Vec<fn(&mut Ready)> = vec![|ready| ready.stop = true];
        let out = self.stdout.as_ref().map(AsFd::as_fd);
        let err = self.stderr.as_ref().map(AsFd::as_fd);
        let process = (!has_ended).then_some(until.end);
        let stdin = self.stdin.as_ref().map(AsFd::as_fd);
        let stdin = stdin.filter(|_| !nothing_to_write);
        let all: [Watched<'_>; 4] = [
            (out, PollFlags::IN, |ready| ready.stdout = true),
            (err, PollFlags::IN, |ready| ready.stderr = true),
            (process, PollFlags::IN, |ready| ready.process = true),
            (stdin, PollFlags::OUT, |ready| ready.stdin = true),
        ];
        for (file, flags, set) in all {
            if let Some(file) = file {
                files.push(PollFd::from_borrowed_fd(file, flags));
                which.push(set);
            }
        }
        let left = left.map(timespec);
        match poll(&mut files, left.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        for (file, set) in files.iter().zip(which) {
            if !file.revents().is_empty() {
                set(ready);
            }
        }
        Ok(())
    }
}

/// A file, what is awaited of it, and what it means when that has come.
type Watched<'a> = (Option<BorrowedFd<'a>>, PollFlags, fn(&mut Ready));

/// What can be read or written now.
#[derive(Debug, Default)]
struct Ready {
    stop: bool,
    stdout: bool,
    stderr: bool,
    process: bool,
    stdin: bool,
}

/// Whether there may be more.
fn read(
    file: &mut Option<File>,
    buffer: &mut [u8],
    mut take: impl FnMut(&[u8]),
) -> io::Result<bool> {
    let Some(file) = file else {
        return Ok(false);
    };
    match file.read(buffer) {
        Ok(0) => Ok(false),
        Ok(some) => {
            take(&buffer[..some]);
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
        Err(error) => Err(error),
    }
}
