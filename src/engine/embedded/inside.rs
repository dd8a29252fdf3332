//! A container that runs, as the threads that care for it share it.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use super::client::{Helper, Lease, failed};
use super::engine::EmbeddedEngine;
use super::files::View;
use super::helper::Request;
use super::known::Known;
use super::run::{self, Begun, START};
use crate::engine::{EngineError, Image, Outcome, Process};

/// The container and what further processes in it need.
#[derive(Debug)]
pub(super) struct Inside {
    /// The connection that it was started over.
    pub(super) lease: Mutex<Lease>,
    /// Its first process.
    pub(super) process: OwnedFd,
    /// Can be read from as soon as the run is stopped.
    pub(super) stopped: OwnedFd,
    helper: Arc<Helper>,
    known: Arc<Known>,
    image: Image,
    host_name: String,
    /// What it was started with: further processes have it too, but for what they say themselves.
    own: Process,
}

impl Inside {
    pub(super) fn new(
        engine: &EmbeddedEngine,
        image: &Image,
        process: &Process,
        lease: Lease,
        begun: &Begun,
        host_name: String,
    ) -> Result<Self, EngineError> {
        let copy = |file: &OwnedFd| file.try_clone().map_err(|error| failed(START, error));
        let stopped = engine.stopped().try_clone_to_owned();
        Ok(Self {
            lease: Mutex::new(lease),
            process: copy(&begun.process)?,
            stopped: stopped.map_err(|error| failed(START, error))?,
            helper: Arc::clone(&engine.helper),
            known: engine.known(image)?,
            image: image.clone(),
            host_name,
            own: process.clone(),
        })
    }

    /// Runs a further process in it.
    pub(super) fn exec(&self, process: &Process) -> Result<Outcome, EngineError> {
        let mut env = self.own.env.clone();
        env.extend(process.env.iter().cloned());
        let process = Process {
            env,
            user: process.user.clone().or_else(|| self.own.user.clone()),
            workdir: process.workdir.clone().or_else(|| self.own.workdir.clone()),
            cap_add: self.own.cap_add.clone(),
            cap_drop: self.own.cap_drop.clone(),
            mounts: self.own.mounts.clone(),
            ..process.clone()
        };
        let files = || View::of_image(&self.helper, self.known.root);
        let execution = self
            .known
            .execution(&self.image, &process, &self.host_name, &files)?;
        let request = |then| Request::Execute(Box::new(execution), then);
        let lease = self.helper.lease()?;
        let container = Some(self.process.as_fd());
        run::run(
            lease,
            request,
            container,
            &process,
            self.stopped.as_fd(),
            None,
        )
    }

    /// Lets the helper throw it away.
    pub(super) fn release(&self) {
        self.lease
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .release();
    }
}
