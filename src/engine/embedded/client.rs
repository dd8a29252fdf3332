//! The main process's side of its helper.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::helper::{Answer, Channel, Request, Settings, remove_groups, timespec};
use super::leftover;
use super::process::HelperProcess;
use super::user_namespace;
use crate::engine::EngineError;

/// A helper process, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Helper {
    control: Mutex<Option<Channel>>,
    /// Whether nobody has waited for it yet.
    is_new: Mutex<bool>,
    /// The first connection, until somebody needs it.
    first: Mutex<Option<Channel>>,
    idle: Mutex<Vec<Channel>>,
    process: Mutex<HelperProcess>,
    has_many_users: bool,
    /// Can be read from as soon as the run is stopped.
    stopped: OwnedFd,
    /// How its control groups are called.
    name: String,
}

/// It answers within this time, whatever the image.
pub(super) const LIMIT: Duration = Duration::from_secs(30);
/// Layers can be large, and come over slow lines.
const LONG_LIMIT: Duration = Duration::from_secs(30 * 60);
/// It ends within this time, and lets go of what it does.
const END_LIMIT: Duration = Duration::from_secs(10);

/// An error of the helper: it says itself what it could not do.
#[expect(
    clippy::needless_pass_by_value,
    reason = "errors are handed over where they arise"
)]
pub(super) fn failed(step: &'static str, reason: impl ToString) -> EngineError {
    EngineError::Failed {
        step,
        reason: reason.to_string(),
    }
}

pub(super) const START: &str = "start its helper process";
const ASK: &str = "ask its helper process";

impl Helper {
    /// Greets a process that was just started, over its first [`connection`], and does not wait until it
    /// is [`ready`](Self::ready).
    /// `stopped` can be read from as soon as the run is stopped: then its answers are not waited for.
    ///
    /// # Errors
    /// When this host does not allow what it needs, as far as that is known at once.
    pub(super) fn greet(
        process: HelperProcess,
        channel: Channel,
        settings: &Settings,
        stopped: OwnedFd,
    ) -> Result<Self, EngineError> {
        let mut helper = Self {
            control: Mutex::new(None),
            is_new: Mutex::new(true),
            first: Mutex::new(None),
            idle: Mutex::default(),
            process: Mutex::new(process),
            has_many_users: true,
            stopped,
            name: settings.name.clone(),
        };
        if settings.rootless {
            answered(&channel, START)?;
            let pid = lock(&helper.process).id();
            let many = user_namespace::map(pid).map_err(|error| failed(START, error))?;
            channel
                .send(&many, &[])
                .map_err(|error| failed(START, error))?;
            helper.has_many_users = many;
        }
        // It is served as soon as the helper is ready, whatever is done here meanwhile.
        let (first, socket) = connection().map_err(|error| failed(START, error))?;
        // A helper that has ended already has said why, which is heard when it is waited for.
        let _ = channel.send(&Request::Connect, &[socket.as_fd()]);
        *lock(&helper.first) = Some(first);
        *lock(&helper.control) = Some(channel);
        Ok(helper)
    }

    /// Waits until it can make containers.
    ///
    /// # Errors
    /// When this host does not allow what it needs.
    pub(super) fn ready(&self) -> Result<(), EngineError> {
        let mut is_new = lock(&self.is_new);
        if std::mem::replace(&mut *is_new, false) {
            answered(controlled(&lock(&self.control))?, START)?;
        }
        Ok(())
    }

    /// The first connection, which was asked for when the helper was started; once.
    fn first(&self) -> Result<Option<Channel>, EngineError> {
        // Held until it is there, so that nobody else takes its answer.
        let mut first = lock(&self.first);
        let Some(channel) = first.take() else {
            return Ok(None);
        };
        answered(controlled(&lock(&self.control))?, ASK)?;
        answered(&channel, ASK)?;
        Ok(Some(channel))
    }

    /// Whether there are other users than root.
    pub(super) fn has_many_users(&self) -> bool {
        self.has_many_users
    }

    /// A connection for one container, or for questions.
    ///
    /// # Errors
    /// When the helper is gone, or has no room.
    pub(super) fn lease(self: &Arc<Self>) -> Result<Lease, EngineError> {
        self.ready()?;
        let idle = lock(&self.idle).pop();
        if let Some(channel) = idle.map_or_else(|| self.first(), |idle| Ok(Some(idle)))? {
            return Ok(Lease {
                helper: Arc::clone(self),
                channel: Some(channel),
            });
        }
        let (channel, socket) = connection().map_err(|error| failed(ASK, error))?;
        {
            let control = lock(&self.control);
            let control = controlled(&control)?;
            let files = [socket.as_fd()];
            control
                .send(&Request::Connect, &files)
                .map_err(|error| failed(ASK, slow(error)))?;
            answered(control, ASK)?;
        }
        drop(socket);
        answered(&channel, ASK)?;
        Ok(Lease {
            helper: Arc::clone(self),
            channel: Some(channel),
        })
    }

    /// Waits until it answers; when the run is stopped, only until it is over with a layer.
    fn wait_for(&self, channel: &Channel, request: &Request) -> io::Result<Waited> {
        let (limit, stop) = match request {
            Request::Unpack { .. } => (LONG_LIMIT, Some(self.stopped.as_fd())),
            // What was begun is removed also when the run is stopped.
            Request::Remove(_) => (LONG_LIMIT, None),
            _ => (LIMIT, Some(self.stopped.as_fd())),
        };
        if is_ready(channel, stop, limit)? {
            return Ok(Waited::Ready);
        }
        if let Request::Unpack { .. } = request {
            channel.hang_up();
            // An answer or its end: both mean that it writes no more.
            let _ = is_ready(channel, None, END_LIMIT);
        }
        Ok(Waited::Stopped)
    }

    /// Whoever is silent once is not asked again: everybody would wait as long.
    fn given_up(&self, step: &'static str, error: io::Error) -> EngineError {
        lock(&self.process).kill();
        failed(step, slow(error))
    }

    /// Lets it end, and with it all containers, and does not wait for that.
    pub(super) fn let_go(&self) {
        drop(lock(&self.first).take());
        lock(&self.idle).clear();
        drop(lock(&self.control).take());
    }

    /// Ends it, and with it all containers.
    pub(super) fn end(&self) {
        self.let_go();
        // Meanwhile, what runs left that were killed.
        leftover::clean_groups();
        let mut process = lock(&self.process);
        // It ends by itself when its connection does, unless somebody has stopped it.
        if !process.ends_within(END_LIMIT) {
            process.kill();
        }
        // One that was killed has left its control groups.
        if !process.wait() {
            remove_groups(&self.name);
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.end();
    }
}

/// A connection that nobody else uses meanwhile.
#[derive(Debug)]
pub(super) struct Lease {
    helper: Arc<Helper>,
    channel: Option<Channel>,
}

impl Lease {
    /// Whether containers have other users than root.
    pub(super) fn has_many_users(&self) -> bool {
        self.helper.has_many_users
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// What the helper says of its failure; or that it is gone.
    pub(super) fn ask(
        &mut self,
        step: &'static str,
        request: &Request,
        files: &[BorrowedFd<'_>],
    ) -> Result<(Answer, Option<OwnedFd>), EngineError> {
        let channel = self.channel.as_ref().ok_or_else(|| gone(step))?;
        let asked = channel.send(request, files);
        let lost = match asked.and_then(|()| self.helper.wait_for(channel, request)) {
            Ok(Waited::Ready) => return self.answer(step),
            Ok(Waited::Stopped) => EngineError::Interrupted,
            Err(error) => self.helper.given_up(step, error),
        };
        self.hang_up();
        Err(lost)
    }

    /// Asks, and does not wait: when [`news`](Self::news) can be read from, there is the answer.
    ///
    /// # Errors
    /// When the helper is gone.
    pub(super) fn send(
        &mut self,
        step: &'static str,
        request: &Request,
        files: &[BorrowedFd<'_>],
    ) -> Result<(), EngineError> {
        let channel = self.channel.as_ref().ok_or_else(|| gone(step))?;
        let sent = channel.send(request, files);
        sent.map_err(|error| {
            let lost = self.helper.given_up(step, error);
            self.hang_up();
            lost
        })
    }

    /// Can be read from as soon as there is an answer, or will be none.
    ///
    /// # Errors
    /// When the helper is gone.
    pub(super) fn news(&self, step: &'static str) -> Result<OwnedFd, EngineError> {
        let channel = self.channel.as_ref().ok_or_else(|| gone(step))?;
        let copy = channel.as_fd().try_clone_to_owned();
        copy.map_err(|error| failed(step, error))
    }

    /// The answer, which is there.
    ///
    /// # Errors
    /// What the helper says of its failure; or that it is gone.
    pub(super) fn answer(
        &mut self,
        step: &'static str,
    ) -> Result<(Answer, Option<OwnedFd>), EngineError> {
        let channel = self.channel.as_ref().ok_or_else(|| gone(step))?;
        let lost = match channel.receive::<Answer>() {
            Ok(Some((Answer::Failed(reason), _))) => return Err(failed(step, reason)),
            Ok(Some((answer, mut files))) => return Ok((answer, files.pop())),
            Ok(None) => gone(step),
            Err(error) => self.helper.given_up(step, error),
        };
        self.hang_up();
        Err(lost)
    }

    /// There was no answer in time, and there will be none.
    pub(super) fn give_up(&mut self, step: &'static str) -> EngineError {
        self.hang_up();
        self.helper.given_up(step, io::ErrorKind::TimedOut.into())
    }

    /// Ends whatever was begun over this connection, which serves for nothing more.
    pub(super) fn hang_up(&mut self) {
        self.channel = None;
    }

    /// Lets the helper throw the container away, without waiting for it.
    pub(super) fn release(&mut self) {
        let released = self
            .channel
            .as_ref()
            .map(|channel| channel.send(&Request::Release, &[]));
        if !matches!(released, Some(Ok(()))) {
            self.channel = None;
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(channel) = self.channel.take() {
            lock(&self.helper.idle).push(channel);
        }
    }
}

fn controlled(control: &Option<Channel>) -> Result<&Channel, EngineError> {
    let control = control.as_ref();
    control.ok_or_else(|| failed(ASK, "it has ended"))
}

fn gone(step: &'static str) -> EngineError {
    failed(step, "its helper process has ended")
}

/// What a wait for an answer came to.
enum Waited {
    /// It is there, or there will be none.
    Ready,
    /// The run is stopped.
    Stopped,
}

/// Whether there is something to receive; if not, `stop` can be read from.
fn is_ready(channel: &Channel, stop: Option<BorrowedFd<'_>>, limit: Duration) -> io::Result<bool> {
    let until = Instant::now() + limit;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let mut files = vec![PollFd::new(channel, PollFlags::IN)];
        files.extend(stop.map(|stop| PollFd::from_borrowed_fd(stop, PollFlags::IN)));
        match poll(&mut files, Some(&timespec(left))) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => return Ok(!files[0].revents().is_empty()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// An error that says what it means that nothing came or went, or will.
fn slow(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => io::Error::new(
            io::ErrorKind::TimedOut,
            "its helper process does not answer",
        ),
        io::ErrorKind::BrokenPipe
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::UnexpectedEof => {
            io::Error::new(error.kind(), "its helper process has ended")
        }
        _ => error,
    }
}

/// A new connection, which waits no longer than any sound helper takes.
pub(super) fn connection() -> io::Result<(Channel, OwnedFd)> {
    let (channel, socket) = Channel::pair()?;
    channel.bound(LIMIT)?;
    Ok((channel, socket))
}

fn answered(channel: &Channel, step: &'static str) -> Result<(), EngineError> {
    match channel.receive::<Answer>() {
        Ok(Some((Answer::Failed(reason), _))) => Err(failed(step, reason)),
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(failed(step, "it ended at once")),
        Err(error) => Err(failed(step, slow(error))),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
