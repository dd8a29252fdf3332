//! The main process's side of its helper.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::helper::{Answer, Channel, NAME, Request, Settings};
use super::user_namespace;
use crate::engine::EngineError;

/// A helper process, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Helper {
    control: Mutex<Option<Channel>>,
    idle: Mutex<Vec<Channel>>,
    process: Mutex<Child>,
    has_many_users: bool,
}

/// An error of the helper: it says itself what it could not do.
pub(super) fn failed(step: &'static str, reason: impl ToString) -> EngineError {
    EngineError::Failed {
        step,
        reason: reason.to_string(),
    }
}

const START: &str = "start its helper process";
const ASK: &str = "ask its helper process";

impl Helper {
    /// Starts it and waits until it can make containers.
    ///
    /// # Errors
    /// When this host does not allow what it needs.
    pub(super) fn start(program: &Path, settings: &Settings) -> Result<Self, EngineError> {
        let begin = || -> io::Result<(Child, Channel)> {
            let (channel, socket) = Channel::pair()?;
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
            Ok((command.spawn()?, channel))
        };
        let (child, channel) = begin().map_err(|error| failed(START, error))?;
        let mut helper = Self {
            control: Mutex::new(None),
            idle: Mutex::default(),
            process: Mutex::new(child),
            has_many_users: true,
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
        answered(&channel, START)?;
        *lock(&helper.control) = Some(channel);
        Ok(helper)
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
        let idle = lock(&self.idle).pop();
        if let Some(channel) = idle {
            return Ok(Lease {
                helper: Arc::clone(self),
                channel: Some(channel),
            });
        }
        let (channel, socket) = Channel::pair().map_err(|error| failed(ASK, error))?;
        {
            let control = lock(&self.control);
            let control = control
                .as_ref()
                .ok_or_else(|| failed(ASK, "it has ended"))?;
            let files = [socket.as_fd()];
            control
                .send(&Request::Connect, &files)
                .map_err(|error| failed(ASK, error))?;
            answered(control, ASK)?;
        }
        drop(socket);
        answered(&channel, ASK)?;
        Ok(Lease {
            helper: Arc::clone(self),
            channel: Some(channel),
        })
    }

    /// Ends it, and with it all containers.
    pub(super) fn end(&self) {
        let end = |channels: &Mutex<Vec<Channel>>| {
            channels
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clear();
        };
        end(&self.idle);
        drop(lock(&self.control).take());
        let mut process = lock(&self.process);
        // It ends by itself when its connection does.
        let _ = process.wait();
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
        let gone = || failed(step, "its helper process has ended");
        let channel = self.channel.as_ref().ok_or_else(gone)?;
        let answer = channel
            .send(request, files)
            .and_then(|()| channel.receive::<Answer>());
        match answer {
            Ok(Some((Answer::Failed(reason), _))) => Err(failed(step, reason)),
            Ok(Some((answer, mut files))) => Ok((answer, files.pop())),
            Ok(None) => {
                self.channel = None;
                Err(gone())
            }
            Err(error) => {
                self.channel = None;
                Err(failed(step, error))
            }
        }
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

fn answered(channel: &Channel, step: &'static str) -> Result<(), EngineError> {
    match channel.receive::<Answer>() {
        Ok(Some((Answer::Failed(reason), _))) => Err(failed(step, reason)),
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(failed(step, "it ended at once")),
        Err(error) => Err(failed(step, error)),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
