//! The [`Engine`] without a daemon.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::client::{Helper, Lease, failed};
use super::files::View;
use super::helper::{Answer, Container, Place, Request, Settings};
use super::known::Known;
use super::run::{self, START};
use super::shared::SharedContainers;
use super::waiter::Waiter;
use crate::engine::{EngineError, Files, Image, Look, Outcome, Process};

/// Runs each process in a container of its own making.
#[derive(Debug)]
pub struct EmbeddedEngine {
    pub(super) helper: Arc<Helper>,
    pub(super) waiter: Waiter,
    /// Can be read from as soon as the run is stopped.
    stopped: OwnedFd,
    known: Mutex<HashMap<String, Arc<Known>>>,
    next: AtomicU64,
    pub(super) shared: SharedContainers,
}

impl EmbeddedEngine {
    /// Starts its helper process.
    ///
    /// # Errors
    /// When this host does not allow what it needs.
    pub(super) fn start(
        program: &Path,
        settings: &Settings,
        runtime: Handle,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, EngineError> {
        let helper = Arc::new(Helper::start(program, settings)?);
        let (stopped, writer) = std::io::pipe().map_err(|error| failed(START, error))?;
        let mut waits = stop.clone();
        runtime.spawn(async move {
            // An end of the run is none of a stop: then nobody asks any more.
            let _ = waits.wait_for(|stop| *stop).await;
            drop(writer);
        });
        Ok(Self {
            helper,
            waiter: Waiter::new(runtime, stop),
            stopped: stopped.into(),
            known: Mutex::default(),
            next: AtomicU64::new(0),
            shared: SharedContainers::default(),
        })
    }

    /// Makes an image known whose layers are in these folders, the lowest first.
    pub(super) fn learn(&self, id: &str, layers: Vec<PathBuf>) -> Result<Arc<Known>, EngineError> {
        let root = self.next.fetch_add(1, Ordering::Relaxed);
        let request = Request::Root { id: root, layers };
        match self
            .helper
            .lease()?
            .ask("open the layers of an image", &request, &[])?
            .0
        {
            Answer::Done => {}
            other => {
                return Err(failed(
                    START,
                    format!("its helper process answered {other:?}"),
                ));
            }
        }
        let known = Arc::new(Known::new(root));
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(id.to_owned(), Arc::clone(&known));
        Ok(known)
    }

    pub(super) fn known(&self, image: &Image) -> Result<Arc<Known>, EngineError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(&image.id).cloned();
        found.ok_or_else(|| failed(START, format!("nobody has opened {}", image.reference)))
    }

    pub(super) fn image_files(&self, known: &Known) -> Result<View<'static>, EngineError> {
        Ok(View::owning(self.helper.lease()?, Place::Image(known.root)))
    }

    pub(super) fn stopped(&self) -> BorrowedFd<'_> {
        self.stopped.as_fd()
    }

    /// The description of a container for a process.
    pub(super) fn describe(
        &self,
        image: &Image,
        process: &Process,
    ) -> Result<(Lease, Container), EngineError> {
        if self.waiter.is_stopped() {
            return Err(EngineError::Interrupted);
        }
        let known = self.known(image)?;
        let files =
            || -> Result<Box<dyn Files>, EngineError> { Ok(Box::new(self.image_files(&known)?)) };
        let container = known.container(image, process, &files)?;
        Ok((self.helper.lease()?, container))
    }

    pub(super) fn run_fresh(
        &self,
        image: &Image,
        process: &Process,
        look: Option<&mut Look<'_>>,
    ) -> Result<Outcome, EngineError> {
        let (lease, container) = self.describe(image, process)?;
        let request = Request::Run(Box::new(container));
        run::run(lease, &request, None, process, self.stopped(), look)
    }
}

#[cfg(test)]
mod tests;
