//! Containers that several processes share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::engine::DockerEngine;
use super::hosts::ContainerFiles;
use super::view::View;
use crate::engine::{Ended, EngineError, Image, Look, Outcome, Process, holder, sharing_key};

/// The shared containers of a run, by image and all that is fixed when a container is created.
#[derive(Debug, Default)]
pub(super) struct SharedContainers(Mutex<HashMap<String, Arc<Shared>>>);

/// One of them, once it is started.
#[derive(Debug, Default)]
struct Shared {
    container: OnceCell<Held>,
    /// Whether it was removed because a process in it could not be ended otherwise.
    is_gone: AtomicBool,
}

#[derive(Debug)]
struct Held {
    name: String,
    /// Needed for as long as the container is there.
    _network_files: Option<ContainerFiles>,
}

impl SharedContainers {
    fn get(&self, key: &str) -> Arc<Shared> {
        let mut containers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(containers.entry(key.to_owned()).or_default())
    }

    /// The next one to ask starts another.
    fn forget(&self, key: &str, shared: &Arc<Shared>) {
        shared.is_gone.store(true, Ordering::SeqCst);
        let mut containers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if containers
            .get(key)
            .is_some_and(|known| Arc::ptr_eq(known, shared))
        {
            containers.remove(key);
        }
    }
}

impl DockerEngine {
    /// Runs a process in the container that others like it share.
    pub(super) fn run_shared(
        &self,
        image: &Image,
        process: &Process,
        mut look: Option<&mut Look<'_>>,
    ) -> Result<Outcome, EngineError> {
        let key = sharing_key(image, process);
        loop {
            let shared = self.shared.get(&key);
            let held = self.wait(
                shared
                    .container
                    .get_or_try_init(|| self.hold(image, process)),
            )?;
            let outcome = self.wait(self.container_of(held.name.clone()).exec(process));
            let is_timed_out = matches!(&outcome, Ok(outcome) if outcome.ended == Ended::TimedOut);
            if shared.is_gone.load(Ordering::SeqCst) {
                if is_timed_out {
                    return outcome;
                }
                // Another process took the container with it: that says nothing of this one.
                continue;
            }
            match &outcome {
                Ok(outcome) if matches!(outcome.ended, Ended::Exited { .. }) => {
                    if let Some(look) = look.take() {
                        look(&View::of_container(self, &held.name));
                    }
                }
                Ok(outcome) if outcome.ended == Ended::TimedOut => {
                    // The process is still in there, and only goes with the container.
                    self.shared.forget(&key, &shared);
                    self.waiter
                        .runtime()
                        .block_on(self.container_of(held.name.clone()).remove())?;
                }
                Err(error) if !matches!(error, EngineError::Interrupted) => {
                    // Perhaps somebody has removed the container; the next one has another then.
                    let container = self.container_of(held.name.clone());
                    let runs = self.waiter.runtime().block_on(container.is_running());
                    if !matches!(runs, Ok(true)) {
                        self.shared.forget(&key, &shared);
                    }
                }
                _ => {}
            }
            return outcome;
        }
    }

    /// Starts a container that does nothing, for processes to be executed in.
    async fn hold(&self, image: &Image, process: &Process) -> Result<Held, EngineError> {
        // What comes with each command is not the container's, lest it become that of others too.
        let holder = holder(&Process {
            env: Vec::new(),
            user: None,
            workdir: None,
            ..process.clone()
        });
        let container = self.container();
        let network_files = self.create(&container, image, &holder).await?;
        match container.start().await? {
            None => Ok(Held {
                name: container.name,
                _network_files: network_files,
            }),
            Some(Ended::NotStarted { reason, .. }) => Err(EngineError::Failed {
                step: "start a container to share",
                reason: format!("it needs /bin/sh: {reason}"),
            }),
            Some(_) => Err(EngineError::Failed {
                step: "start a container to share",
                reason: "it ended at once".to_owned(),
            }),
        }
    }
}
