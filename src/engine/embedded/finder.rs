//! Images of the embedded engine, found before it is started.

use std::path::Path;

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::daemon::Daemon;
use super::images::Sources;
use super::setup::Setup;
use crate::engine::{EngineError, EngineInfo, Finder, Image};

/// Finds the images that an [`EmbeddedEngine`](super::EmbeddedEngine) would find. Nothing is
/// unpacked, and no process is started.
pub struct EmbeddedFinder {
    info: EngineInfo,
    sources: Sources,
}

impl EmbeddedFinder {
    /// As [`EmbeddedEngine::start`](super::EmbeddedEngine::start).
    ///
    /// # Errors
    /// When the store can't be used.
    pub fn new(
        daemon: Daemon,
        root: &Path,
        runtime: Handle,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, EngineError> {
        let setup = Setup::of_this_host()?;
        let store = setup.store()?;
        Ok(Self {
            info: setup.info(),
            sources: setup.sources(store, daemon, root, runtime, stop),
        })
    }

    /// The same finder, of an engine with another one beside it, which is told with its version.
    #[must_use]
    pub fn beside(self, other: Option<&EngineInfo>) -> Self {
        let beside = other.map(|info| format!("{} {}", info.kind, info.version));
        Self {
            info: EngineInfo {
                beside,
                ..self.info
            },
            ..self
        }
    }
}

impl Finder for EmbeddedFinder {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn kinds(&self) -> Vec<&str> {
        let own = std::iter::once(self.info.kind.as_str());
        let beside = self.info.beside.iter();
        own.chain(beside.filter_map(|beside| beside.split(' ').next()))
            .collect()
    }

    fn image(&self, reference: &str) -> Result<Image, EngineError> {
        self.sources.identify(reference)
    }
}
