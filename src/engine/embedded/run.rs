//! One process, from the request to its outcome.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Mutex;
use std::time::Instant;

use super::client::{LIMIT, Lease, failed};
use super::files::View;
use super::follow::{Streams, Until, Why};
use super::helper::{Answer, Container, NotStarted, Place, Request, Then};
use crate::engine::{Capture, Captured, Ended, EngineError, Look, Outcome, Process, Stream};

pub(super) const START: &str = "start a container";
pub(super) const FOLLOW: &str = "follow a container to its end";

/// A process that runs, and our ends of its streams.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) process: OwnedFd,
    pub(super) streams: Streams,
}

/// Starts a container that goes on, with new streams; an outcome if its process could not be
/// executed.
pub(super) fn begin(
    lease: &mut Lease,
    container: Container,
    has_stdin: bool,
) -> Result<Result<Begun, Outcome>, EngineError> {
    let (streams, its) = Streams::new(has_stdin).map_err(|error| failed(START, error))?;
    let request = Request::Run(Box::new(container), Then::Answer);
    let (answer, process) = lease.ask(START, &request, &its.each_ref().map(AsFd::as_fd))?;
    match (answer, process) {
        (Answer::Done, Some(process)) => Ok(Ok(Begun { process, streams })),
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

/// Runs a process to its end, and shows what it left to `look`. The container, if it is one of its
/// own, is thrown away. `request` is given what is to be done when the process was started.
pub(super) fn run(
    mut lease: Lease,
    request: impl FnOnce(Then) -> Request,
    container: Option<BorrowedFd<'_>>,
    process: &Process,
    stop: BorrowedFd<'_>,
    look: Option<&mut Look<'_>>,
) -> Result<Outcome, EngineError> {
    let keep = look.is_some();
    let limit = process.timeout;
    let request = request(Then::Await { limit, keep });
    let outcome = perform(&mut lease, &request, container, process, stop)?;
    let Some(look) = look else {
        return Ok(outcome);
    };
    let mut lease = Mutex::new(lease);
    if matches!(outcome.ended, Ended::Exited { .. }) {
        look(&View::new(&lease, Place::Container));
    }
    let lease = lease.get_mut();
    lease
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .release();
    Ok(outcome)
}

fn perform(
    lease: &mut Lease,
    request: &Request,
    container: Option<BorrowedFd<'_>>,
    process: &Process,
    stop: BorrowedFd<'_>,
) -> Result<Outcome, EngineError> {
    let (mut streams, its) =
        Streams::new(process.stdin.is_some()).map_err(|error| failed(START, error))?;
    let files = container.into_iter().chain(its.iter().map(AsFd::as_fd));
    let files: Vec<BorrowedFd<'_>> = files.collect();
    lease.send(START, request, &files)?;
    drop(its);
    let mut stdout = Capture::of(process, Stream::Stdout);
    let mut stderr = Capture::of(process, Stream::Stderr);
    let mut take = |stream, bytes: &[u8]| match stream {
        Stream::Stdout => stdout.push(bytes),
        Stream::Stderr => stderr.push(bytes),
    };
    let input = process.stdin.as_deref().unwrap_or_default();
    let news = lease.news(START)?;
    let mut answer = None;
    // What it has left in a container that goes on, when it was killed, may write for ever.
    let mut is_done = || {
        let answer = answer.insert(lease.answer(START));
        !matches!(answer, Ok((Answer::Performed { end: Some(_), .. }, _)))
    };
    let until = Until {
        end: news.as_fd(),
        stop,
        // The helper keeps the time of the process; this is for a helper that does not.
        time: Some(Instant::now() + process.timeout + LIMIT),
        is_alone: container.is_none(),
    };
    let why = streams.follow(until, input, false, &mut take, &mut is_done);
    let answer = match why.map_err(|error| failed(FOLLOW, error))? {
        Why::Ended => answer.unwrap_or_else(|| lease.answer(START))?.0,
        Why::TimedOut => return Err(lease.give_up(FOLLOW)),
        Why::Stopped => {
            lease.hang_up();
            return Err(EngineError::Interrupted);
        }
    };
    let (duration, end) = match answer {
        Answer::Performed { duration, end } => (duration, end),
        Answer::NotStarted(why) => return Ok(not_started(why)),
        other => {
            let reason = format!("its helper process answered {other:?}");
            return Err(failed(START, reason));
        }
    };
    let exited = |(code, out_of_memory)| Ended::Exited {
        code,
        out_of_memory,
    };
    Ok(Outcome {
        ended: end.map_or(Ended::TimedOut, exited),
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
