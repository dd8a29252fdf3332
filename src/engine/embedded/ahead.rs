//! A helper process that is started before anybody knows which images there are.

use std::io::{self, PipeWriter};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::thread::{self, JoinHandle};

use super::client::{Helper, failed};
use super::engine::advised;
use super::run::START;
use super::setup::Setup;
use super::store::Store;
use crate::engine::EngineError;

/// What an [`EmbeddedEngine`](super::EmbeddedEngine) needs of this host, and its helper process, which may
/// still be on its way. Nothing is left when this is dropped.
#[derive(Debug)]
pub struct Ahead {
    pub(super) setup: Setup,
    pub(super) store: Store,
    pub(super) helper: Helper,
    /// Can be read from as soon as the other end is closed: then nothing is waited for any more.
    pub(super) stopped: OwnedFd,
    pub(super) go_on: PipeWriter,
}

impl Ahead {
    /// Starts the helper process: `program`, which calls [`helper::serve`](super::helper::serve) before
    /// anything else.
    ///
    /// # Errors
    /// When this host does not allow what it needs, as far as that is known at once, or the store can't
    /// be used.
    pub fn start(program: &Path) -> Result<Self, EngineError> {
        let setup = Setup::of_this_host()?;
        let store = setup.store()?;
        let (stopped, go_on) = io::pipe().map_err(|error| failed(START, error))?;
        let stopped = OwnedFd::from(stopped);
        let copy = stopped.try_clone().map_err(|error| failed(START, error))?;
        let helper = Helper::start(program, &setup.settings, copy).map_err(advised)?;
        Ok(Self {
            setup,
            store,
            helper,
            stopped,
            go_on,
        })
    }
}

/// One that is started by a thread of its own: whoever starts a process waits until it executes its
/// program, and often for the processor on which that is done.
#[derive(Debug)]
pub struct Begun(Option<JoinHandle<Result<Ahead, EngineError>>>);

impl Begun {
    /// Begins to start it, as [`Ahead::start`].
    pub fn begin(program: &'static Path) -> Self {
        let thread = thread::Builder::new().name("helper".to_owned());
        // Without a thread it is started when it is needed.
        Self(thread.spawn(move || Ahead::start(program)).ok())
    }

    /// What was started; nothing if that could not be.
    pub fn take(mut self) -> Option<Ahead> {
        self.0.take()?.join().ok()?.ok()
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        // Nothing goes on without somebody who ends it.
        if let Some(thread) = self.0.take() {
            let _ = thread.join();
        }
    }
}
