//! Serves one connection.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Signal, pidfd_send_signal};

use super::container::Maker;
use super::look;
use super::message::{Answer, NotStarted, Place, Request, Then};
use super::wire::{Channel, timespec};
use crate::engine::embedded::layer::Part;
use crate::engine::embedded::unpack::{Bounds, Expect, Rules, unpack};

/// Answers requests until the connection is closed; then nothing is left of its container.
pub(super) fn serve(channel: &Channel, maker: &mut Maker) {
    loop {
        let Ok(Some((request, files))) = channel.receive::<Request>() else {
            break;
        };
        let is_over = is_last(&request);
        let image = match &request {
            Request::Root { id, .. } => Some(*id),
            _ => None,
        };
        let answered = match answer(channel, maker, request, files) {
            Ok(answered) => answered,
            Err(error) => Some((Answer::Failed(error.to_string()), None)),
        };
        if let Some((answer, file)) = answered {
            let files: Vec<BorrowedFd<'_>> = file.iter().map(AsFd::as_fd).collect();
            if channel.send(&answer, &files).is_err() {
                break;
            }
        }
        // Whoever asked goes on meanwhile, and is going to need this.
        if let Some(id) = image {
            maker.lay_out(id);
        }
        // Without a clean place, nothing more is done here.
        if is_over && maker.release().is_err() {
            break;
        }
    }
    let _ = maker.release();
}

/// Whether nothing more is asked about the container after this.
fn is_last(request: &Request) -> bool {
    match request {
        Request::Release => true,
        Request::Run(_, then) | Request::Execute(_, then) => {
            matches!(then, Then::Await { keep: false, .. })
        }
        _ => false,
    }
}

/// What is answered, and a file with it; nothing where nobody waits for it.
type Answered = io::Result<Option<(Answer, Option<OwnedFd>)>>;

fn answer(channel: &Channel, maker: &mut Maker, request: Request, files: Vec<OwnedFd>) -> Answered {
    let count = files.len();
    let wrong = move |_| io::Error::other(format!("{count} files came with this"));
    match request {
        Request::Connect => Err(io::Error::other("this connection is served already")),
        Request::Root { id, layers } => {
            let shared = maker.shared.clone();
            maker.ground.on_host(|| shared.roots.add(id, &layers))??;
            Ok(Some((Answer::Done, None)))
        }
        Request::Run(container, then) => {
            let streams = files.try_into().map_err(wrong)?;
            let is_awaited = matches!(then, Then::Await { .. });
            let started = maker.start(&container, streams, is_awaited)?;
            after(channel, maker, started, then)
        }
        Request::Execute(execution, then) => {
            let [container, stdin, stdout, stderr] = files.try_into().map_err(wrong)?;
            let started = maker.execute(&execution, &container, [stdin, stdout, stderr])?;
            after(channel, maker, started, then)
        }
        Request::Reap => {
            let (code, out_of_memory) = maker.reap()?;
            let ended = Answer::Ended {
                code,
                out_of_memory,
            };
            Ok(Some((ended, None)))
        }
        Request::Release => Ok(None),
        Request::Ask { place, ask } => match place {
            Place::Container => look::answer(maker.view()?.as_fd(), &ask).map(Some),
            Place::Image(id) => {
                let shared = maker.shared.clone();
                let root = shared.roots.get(id)?;
                maker.require(&root)?;
                look::answer(root.view(&shared.roots)?.as_fd(), &ask).map(Some)
            }
        },
        Request::Unpack {
            part,
            digest,
            diff_id,
            target,
            form,
            owners,
        } => {
            let [file] = <[OwnedFd; 1]>::try_from(files).map_err(wrong)?;
            let expect = Expect {
                blob: digest,
                diff_id,
            };
            let rules = Rules {
                form,
                owners,
                bounds: Bounds::default(),
            };
            let unpacked = unpack_layer(channel, file.into(), part, &expect, &target, &rules)?;
            Ok(Some((unpacked, None)))
        }
        Request::Remove(path) => {
            remove(&path)?;
            Ok(Some((Answer::Done, None)))
        }
    }
}

/// Answers when a process was started or, if that is wanted, when it has ended.
fn after(
    channel: &Channel,
    maker: &mut Maker,
    started: Result<OwnedFd, NotStarted>,
    then: Then,
) -> Answered {
    let begun = Instant::now();
    let process = match started {
        Ok(process) => process,
        Err(not_started) => return Ok(Some((Answer::NotStarted(not_started), None))),
    };
    let Then::Await { limit, .. } = then else {
        return Ok(Some((Answer::Done, Some(process))));
    };
    maker.networks.prepare();
    let waited = wait(channel, &process, begun + limit)?;
    let duration = begun.elapsed();
    let end = match waited {
        Waited::Ended => Some(maker.reap()?),
        Waited::TooLong => {
            // It may have ended in this very moment.
            let _ = pidfd_send_signal(&process, Signal::KILL);
            maker.reap()?;
            None
        }
        Waited::Abandoned => return Ok(None),
    };
    Ok(Some((Answer::Performed { duration, end }, None)))
}

enum Waited {
    Ended,
    TooLong,
    /// Whoever asked does not wait any more.
    Abandoned,
}

fn wait(channel: &Channel, process: &OwnedFd, until: Instant) -> io::Result<Waited> {
    loop {
        let mut files = [
            PollFd::new(process, PollFlags::IN),
            PollFd::new(channel, PollFlags::IN),
        ];
        let left = until.saturating_duration_since(Instant::now());
        match poll(&mut files, Some(&timespec(left))) {
            Ok(0) => return Ok(Waited::TooLong),
            Ok(_) if !files[0].revents().is_empty() => return Ok(Waited::Ended),
            Ok(_) => return Ok(Waited::Abandoned),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn unpack_layer(
    channel: &Channel,
    file: File,
    part: Option<(u64, u64)>,
    expect: &Expect,
    target: &Path,
    rules: &Rules,
) -> io::Result<Answer> {
    let folder = File::open(target)?;
    let input: Box<dyn Read + Send> = match part {
        Some((offset, length)) => Box::new(Part::new(Arc::new(file), offset, length)),
        None => Box::new(file),
    };
    let socket = channel.as_fd().try_clone_to_owned()?;
    let asked = Channel::of(socket);
    let input = Box::new(Wanted { input, asked });
    let unpacked = unpack(input, expect, folder.as_fd(), rules).map_err(io::Error::other)?;
    Ok(Answer::Unpacked(unpacked))
}

/// What is read only as long as whoever asked for it waits.
struct Wanted {
    input: Box<dyn Read + Send>,
    asked: Channel,
}

impl Read for Wanted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Nothing else is asked meanwhile: what comes is the end.
        if self.asked.has_news()? {
            return Err(io::Error::other("nobody waits for it any more"));
        }
        self.input.read(buffer)
    }
}
