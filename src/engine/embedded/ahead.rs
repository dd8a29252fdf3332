//! A helper process that is started before anybody knows which images there are.

use std::io::{self, PipeWriter};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::thread::{self, JoinHandle};

use super::client::{self, Helper, connection, failed};
use super::engine::advised;
use super::helper::{Channel, Settings};
use super::process::HelperProcess;
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
        let start = |settings: &Settings, socket| HelperProcess::execute(program, settings, socket);
        Stranger::by(start)?.greet()
    }
}

/// A helper process that nobody has spoken to yet.
#[derive(Debug)]
struct Stranger {
    setup: Setup,
    store: Store,
    process: HelperProcess,
    channel: Channel,
}

impl Stranger {
    fn by(
        start: impl FnOnce(&Settings, OwnedFd) -> io::Result<HelperProcess>,
    ) -> Result<Self, EngineError> {
        let setup = Setup::of_this_host()?;
        let store = setup.store()?;
        let begin = || -> io::Result<_> {
            let (channel, socket) = connection()?;
            Ok((start(&setup.settings, socket)?, channel))
        };
        let (process, channel) = begin().map_err(|error| failed(client::START, error))?;
        Ok(Self {
            setup,
            store,
            process,
            channel,
        })
    }

    fn greet(self) -> Result<Ahead, EngineError> {
        let Self {
            setup,
            store,
            process,
            channel,
        } = self;
        let (stopped, go_on) = io::pipe().map_err(|error| failed(START, error))?;
        let stopped = OwnedFd::from(stopped);
        let copy = stopped.try_clone().map_err(|error| failed(START, error))?;
        let helper = Helper::greet(process, channel, &setup.settings, copy).map_err(advised)?;
        Ok(Ahead {
            setup,
            store,
            helper,
            stopped,
            go_on,
        })
    }
}

/// One that gets ready while other things are done.
#[derive(Debug)]
pub struct Begun(Coming);

#[derive(Debug)]
enum Coming {
    /// It was spoken to.
    Greeted(Box<Ahead>),
    /// It is being given its users, which takes other programs.
    Greeting(JoinHandle<Result<Ahead, EngineError>>),
    /// There is none, and why is told when it is needed.
    Nothing,
}

impl Begun {
    /// Starts it as a copy of this process, which must not have other threads yet.
    pub fn begin() -> Self {
        let Ok(stranger) = Stranger::by(HelperProcess::fork) else {
            return Self(Coming::Nothing);
        };
        if !stranger.setup.settings.rootless {
            let ahead = stranger.greet().map(Box::new);
            return Self(ahead.map_or(Coming::Nothing, Coming::Greeted));
        }
        let thread = thread::Builder::new().name("helper".to_owned());
        let thread = thread.spawn(move || stranger.greet());
        Self(thread.map_or(Coming::Nothing, Coming::Greeting))
    }

    /// What was started; nothing if that could not be.
    pub fn take(mut self) -> Option<Ahead> {
        match std::mem::replace(&mut self.0, Coming::Nothing) {
            Coming::Greeted(ahead) => Some(*ahead),
            Coming::Greeting(thread) => thread.join().ok()?.ok(),
            Coming::Nothing => None,
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        // Nothing goes on without somebody who ends it.
        if let Coming::Greeting(thread) = std::mem::replace(&mut self.0, Coming::Nothing) {
            let _ = thread.join();
        }
    }
}
