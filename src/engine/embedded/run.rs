//! One process, from the request to its outcome.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Mutex;
use std::time::Instant;

use rustix::process::{Signal, pidfd_send_signal};

use super::client::{Lease, failed};
use super::files::View;
use super::follow::{Streams, Why};
use super::helper::{Answer, NotStarted, Place, Request};
use crate::engine::{Capture, Captured, Ended, EngineError, Look, Outcome, Process, Stream};

pub(super) const START: &str = "start a container";
pub(super) const FOLLOW: &str = "follow a container to its end";

/// A process that runs, and our ends of its streams.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) process: OwnedFd,
    pub(super) streams: Streams,
    pub(super) at: Instant,
}

/// Starts what `request` says, with new streams; an outcome if it could not be executed.
pub(super) fn begin(
    lease: &mut Lease,
    request: &Request,
    container: Option<BorrowedFd<'_>>,
    has_stdin: bool,
) -> Result<Result<Begun, Outcome>, EngineError> {
    let (streams, its) = Streams::new(has_stdin).map_err(|error| failed(START, error))?;
    let files = container.into_iter().chain(its.iter().map(AsFd::as_fd));
    let files: Vec<BorrowedFd<'_>> = files.collect();
    let (answer, process) = lease.ask(START, request, &files)?;
    match (answer, process) {
        (Answer::Done, Some(process)) => Ok(Ok(Begun {
            process,
            streams,
            at: Instant::now(),
        })),
        (Answer::NotStarted(why), _) => Ok(Err(not_started(why))),
        (other, _) => Err(failed(
            START,
            format!("its helper process answered {other:?}"),
        )),
    }
}

fn not_started(why: NotStarted) -> Outcome {
    let (ended, stderr) = match why {
        NotStarted::NotFound(reason) => (Ended::NotStarted { code: 127, reason }, String::new()),
        NotStarted::NotPermitted(reason) => {
            (Ended::NotStarted { code: 126, reason }, String::new())
        }
        NotStarted::Unfit(message) => {
            let out_of_memory = false;
            let code = 1;
            (
                Ended::Exited {
                    code,
                    out_of_memory,
                },
                message,
            )
        }
    };
    Outcome {
        ended,
        stdout: Captured::default(),
        stderr: Captured::whole(stderr),
        duration: std::time::Duration::ZERO,
    }
}

/// Starts a process, follows it to its end, and shows what it left to `look`. The container, if
/// it is one of its own, is thrown away.
pub(super) fn run(
    lease: Lease,
    request: &Request,
    container: Option<BorrowedFd<'_>>,
    process: &Process,
    stop: BorrowedFd<'_>,
    look: Option<&mut Look<'_>>,
) -> Result<Outcome, EngineError> {
    let mut lease = lease;
    let begun = begin(&mut lease, request, container, process.stdin.is_some())?;
    let mut begun = match begun {
        Ok(begun) => begun,
        Err(outcome) => return Ok(outcome),
    };
    let lease = Mutex::new(lease);
    let outcome = finish(&lease, &mut begun, process, stop);
    if let (Ok(outcome), Some(look)) = (&outcome, look)
        && matches!(outcome.ended, Ended::Exited { .. })
    {
        look(&View::new(&lease, Place::Container));
    }
    let mut lease = lease
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    lease.release();
    outcome
}

fn finish(
    lease: &Mutex<Lease>,
    begun: &mut Begun,
    process: &Process,
    stop: BorrowedFd<'_>,
) -> Result<Outcome, EngineError> {
    let mut stdout = Capture::of(process, Stream::Stdout);
    let mut stderr = Capture::of(process, Stream::Stderr);
    let mut take = |stream, bytes: &[u8]| match stream {
        Stream::Stdout => stdout.push(bytes),
        Stream::Stderr => stderr.push(bytes),
    };
    let until = Some(begun.at + process.timeout);
    let input = process.stdin.as_deref().unwrap_or_default();
    let why = begun
        .streams
        .follow(&begun.process, stop, until, input, false, &mut take)
        .map_err(|error| failed(FOLLOW, error))?;
    let duration = begun.at.elapsed();
    let ended = match why {
        Why::Stopped => return Err(EngineError::Interrupted),
        Why::Ended => reap(lease)?,
        Why::TimedOut => {
            // It may have ended in this very moment.
            let _ = pidfd_send_signal(&begun.process, Signal::KILL);
            reap(lease)?;
            Ended::TimedOut
        }
    };
    Ok(Outcome {
        ended,
        stdout: stdout.finish(),
        stderr: stderr.finish(),
        duration,
    })
}

/// How a process ended that has ended.
pub(super) fn reap(lease: &Mutex<Lease>) -> Result<Ended, EngineError> {
    let mut lease = lease
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    match lease.ask(FOLLOW, &Request::Reap, &[])?.0 {
        Answer::Ended {
            code,
            out_of_memory,
        } => Ok(Ended::Exited {
            code,
            out_of_memory,
        }),
        other => Err(failed(
            FOLLOW,
            format!("its helper process answered {other:?}"),
        )),
    }
}
