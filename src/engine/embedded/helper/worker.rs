//! Serves one connection.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use super::container::Maker;
use super::look;
use super::message::{Answer, Place, Request};
use super::wire::Channel;
use crate::engine::embedded::layer::Part;
use crate::engine::embedded::unpack::{Bounds, Expect, Rules, unpack};

/// Answers requests until the connection is closed; then nothing is left of its container.
pub(super) fn serve(channel: &Channel, maker: &mut Maker) {
    while let Ok(Some((request, files))) = channel.receive::<Request>() {
        if let Request::Release = request {
            // Whoever asked goes on meanwhile. Without a clean place, nothing more is done here.
            if maker.release().is_err() {
                break;
            }
            continue;
        }
        let (answer, file) = match answer(channel, maker, request, files) {
            Ok(answered) => answered,
            Err(error) => (Answer::Failed(error.to_string()), None),
        };
        let files: Vec<BorrowedFd<'_>> = file.iter().map(AsFd::as_fd).collect();
        if channel.send(&answer, &files).is_err() {
            break;
        }
    }
    let _ = maker.release();
}

type Answered = io::Result<(Answer, Option<OwnedFd>)>;

fn answer(channel: &Channel, maker: &mut Maker, request: Request, files: Vec<OwnedFd>) -> Answered {
    let count = files.len();
    let wrong = move |_| io::Error::other(format!("{count} files came with this"));
    match request {
        Request::Connect => Err(io::Error::other("this connection is served already")),
        Request::Root { id, layers } => {
            let shared = maker.shared.clone();
            maker.ground.on_host(|| shared.roots.add(id, &layers))??;
            Ok((Answer::Done, None))
        }
        Request::Run(container) => {
            let streams = files.try_into().map_err(wrong)?;
            Ok(match maker.start(&container, streams)? {
                Ok(process) => (Answer::Done, Some(process)),
                Err(not_started) => (Answer::NotStarted(not_started), None),
            })
        }
        Request::Execute(execution) => {
            let [container, stdin, stdout, stderr] = files.try_into().map_err(wrong)?;
            let streams = [stdin, stdout, stderr];
            Ok(match maker.execute(&execution, &container, streams)? {
                Ok(process) => (Answer::Done, Some(process)),
                Err(not_started) => (Answer::NotStarted(not_started), None),
            })
        }
        Request::Reap => Ok((maker.reap()?, None)),
        Request::Release => Ok((Answer::Done, None)),
        Request::Ask { place, ask } => match place {
            Place::Container => look::answer(maker.view()?.as_fd(), &ask),
            Place::Image(id) => {
                let shared = maker.shared.clone();
                let root = shared.roots.get(id)?;
                maker.require(&root)?;
                look::answer(root.view(&shared.roots)?.as_fd(), &ask)
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
            Ok((
                unpack_layer(channel, file.into(), part, &expect, &target, &rules)?,
                None,
            ))
        }
        Request::Remove(path) => {
            remove(&path)?;
            Ok((Answer::Done, None))
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
