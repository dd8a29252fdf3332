//! An engine of this machine, whose images can be used.

use std::sync::{Arc, OnceLock};

use crate::engine::docker::DockerEngine;
use crate::engine::{Engine, EngineError};

/// An engine of this machine, if one answers; it is asked when an image is sought that may be there.
pub struct Daemon {
    find: Box<Find>,
    found: OnceLock<Result<Option<Arc<DockerEngine>>, EngineError>>,
}

type Find = dyn Fn() -> Result<Option<Arc<DockerEngine>>, EngineError> + Send + Sync;

impl Daemon {
    /// One that `find` finds, which is called once at most.
    pub fn new(
        find: impl Fn() -> Result<Option<Arc<DockerEngine>>, EngineError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            find: Box::new(find),
            found: OnceLock::new(),
        }
    }

    /// None at all.
    pub fn none() -> Self {
        Self::new(|| Ok(None))
    }

    /// One that is known.
    pub fn known(docker: Option<Arc<DockerEngine>>) -> Self {
        Self::new(move || Ok(docker.clone()))
    }

    /// The engine.
    ///
    /// # Errors
    /// When the settings for reaching it are wrong, or the run is stopped.
    pub(super) fn get(&self) -> Result<Option<&DockerEngine>, EngineError> {
        let found = self.found.get_or_init(|| (self.find)()).as_ref();
        Ok(found.map_err(EngineError::clone)?.as_deref())
    }

    /// Removes what a run left on it, if it was used; how many things stay.
    pub(super) fn close(&self) -> Result<usize, EngineError> {
        match self.found.get() {
            Some(Ok(Some(docker))) => docker.close(),
            _ => Ok(0),
        }
    }
}
