//! Containers that several processes share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::client::failed;
use super::engine::EmbeddedEngine;
use super::running::EmbeddedRunning;
use crate::engine::{
    Ended, EngineError, Image, Look, Outcome, Process, Running, holder, sharing_key,
};

/// The shared containers of a run, by image and all that is fixed when a container is made.
#[derive(Default)]
pub(super) struct SharedContainers(Mutex<HashMap<String, Arc<EmbeddedRunning>>>);

impl std::fmt::Debug for SharedContainers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedContainers")
    }
}

impl SharedContainers {
    /// Lets go of all of them.
    pub(super) fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn get(
        &self,
        key: &str,
        start: impl FnOnce() -> Result<EmbeddedRunning, EngineError>,
    ) -> Result<Arc<EmbeddedRunning>, EngineError> {
        let mut containers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(container) = containers.get(key) {
            return Ok(Arc::clone(container));
        }
        let container = Arc::new(start()?);
        containers.insert(key.to_owned(), Arc::clone(&container));
        Ok(container)
    }

    /// The next one to ask starts another.
    fn forget(&self, key: &str, container: &Arc<EmbeddedRunning>) {
        let mut containers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = containers.get(key);
        if known.is_some_and(|known| Arc::ptr_eq(known, container)) {
            containers.remove(key);
        }
    }

    fn has(&self, key: &str, container: &Arc<EmbeddedRunning>) -> bool {
        let containers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = containers.get(key);
        known.is_some_and(|known| Arc::ptr_eq(known, container))
    }
}

impl EmbeddedEngine {
    /// Runs a process in the container that others like it share.
    pub(super) fn run_shared(
        &self,
        image: &Image,
        process: &Process,
        mut look: Option<&mut Look<'_>>,
    ) -> Result<Outcome, EngineError> {
        let key = sharing_key(image, process);
        loop {
            let container = self.shared.get(&key, || self.hold(image, process))?;
            let outcome = container.exec(process);
            let is_timed_out = matches!(&outcome, Ok(outcome) if outcome.ended == Ended::TimedOut);
            if !self.shared.has(&key, &container) && !is_timed_out {
                if self.waiter.is_stopped() {
                    return Err(EngineError::Interrupted);
                }
                // Another process took the container with it: that says nothing of this one.
                continue;
            }
            match &outcome {
                Ok(outcome) if matches!(outcome.ended, Ended::Exited { .. }) => {
                    if let Some(look) = look.take() {
                        look(container.files().as_ref());
                    }
                }
                Ok(_) if is_timed_out => {
                    // Whatever it started is still in there, and only goes with the container.
                    self.shared.forget(&key, &container);
                    container.kill()?;
                }
                _ if container.ended()?.is_some() => {
                    self.shared.forget(&key, &container);
                }
                _ => {}
            }
            return outcome;
        }
    }

    /// Starts a container that does nothing, for processes to be executed in.
    fn hold(&self, image: &Image, process: &Process) -> Result<EmbeddedRunning, EngineError> {
        const STEP: &str = "start a container to share";
        // What comes with each command is not the container's, lest it become that of others too.
        let holder = holder(&Process {
            env: Vec::new(),
            user: None,
            workdir: None,
            ..process.clone()
        });
        let container = EmbeddedRunning::start(self, image, &holder, None)?;
        match container.ended()? {
            None => Ok(container),
            Some(Ended::NotStarted { reason, .. }) => {
                Err(failed(STEP, format!("it needs /bin/sh: {reason}")))
            }
            Some(_) => Err(failed(STEP, "it ended at once")),
        }
    }
}
