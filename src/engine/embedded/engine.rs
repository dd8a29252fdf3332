//! The [`Engine`] without a daemon.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::ahead::Ahead;
use super::client::{Helper, Lease, failed};
use super::daemon::Daemon;
use super::files::View;
use super::helper::{Answer, Container, Request};
use super::images::{Hold, Library, Ready};
use super::known::Known;
use super::lacks::Abilities;
use super::probe::with_advice;
use super::run;
use super::running::EmbeddedRunning;
use super::setup::BOUND;
use super::shared::SharedContainers;
use crate::engine::{
    Engine, EngineError, EngineInfo, Files, HistoryStep, Image, Isolation, Look, Outcome, Process,
    Running, Tap, Waiter, stopped as stopped_run,
};
use crate::mark::Mark;
use crate::registry::{Digest, ImageParts};

const OPEN: &str = "open the layers of an image";

/// Runs each process in a container of its own making.
pub struct EmbeddedEngine {
    info: EngineInfo,
    pub(super) helper: Arc<Helper>,
    pub(super) waiter: Waiter,
    /// Can be read from as soon as the run is stopped.
    stopped: OwnedFd,
    pub(super) library: Library,
    abilities: Abilities,
    opened: Mutex<HashMap<String, Arc<Opened>>>,
    next: AtomicU64,
    /// Whether only an earlier run has shown that containers can be made here.
    pub(super) is_taken_on_trust: AtomicBool,
    pub(super) shared: SharedContainers,
    /// The most that the store may hold after a run, in bytes.
    bound: u64,
    /// The most that a container may write, in bytes.
    scratch: u64,
}

/// An image whose layers are there.
#[derive(Debug)]
struct Opened {
    known: Arc<Known>,
    history: Vec<HistoryStep>,
    hold: Hold,
}

impl std::fmt::Debug for EmbeddedEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EmbeddedEngine")
    }
}

impl EmbeddedEngine {
    /// Starts its helper process: `program`, which calls [`helper::serve`](super::helper::serve)
    /// before anything else. Images are also sought on `daemon`, an engine of this machine;
    /// `root` is the folder that paths of images are relative to. `true` in `stop` ends what is
    /// under way with [`EngineError::Interrupted`].
    ///
    /// # Errors
    /// When this host does not allow what it needs, or the store can't be used.
    pub fn start(
        program: &Path,
        daemon: Daemon,
        root: &Path,
        runtime: Handle,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, EngineError> {
        let engine = Self::of(Ahead::start(program)?, daemon, root, runtime, stop);
        engine.ready()?;
        Ok(engine)
    }

    /// The same, of a helper process that was started before. It is waited for by whoever needs it
    /// first, who is told what this host does not allow.
    pub fn of(
        ahead: Ahead,
        daemon: Daemon,
        root: &Path,
        runtime: Handle,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let Ahead {
            setup,
            store,
            helper,
            stopped,
            go_on,
        } = ahead;
        let mut waits = stop.clone();
        runtime.spawn(async move {
            stopped_run(&mut waits).await;
            drop(go_on);
        });
        let helper = Arc::new(helper);
        let waiter = Waiter::new(runtime.clone(), stop.clone());
        let library = setup.library(&helper, store, daemon, root, runtime, stop);
        library.store.reap(&library.hands);
        Self {
            info: setup.info(),
            library,
            abilities: Abilities::new(&setup, &helper),
            helper,
            waiter,
            stopped,
            opened: Mutex::default(),
            next: AtomicU64::new(0),
            is_taken_on_trust: AtomicBool::new(false),
            shared: SharedContainers::default(),
            bound: BOUND,
            scratch: setup.settings.scratch,
        }
    }

    /// Waits for the helper process.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn ready(&self) -> Result<(), EngineError> {
        self.helper.ready().map_err(advised)
    }

    /// The same engine, whose store may hold so many bytes after a run.
    #[must_use]
    pub fn bounded(self, bound: u64) -> Self {
        Self { bound, ..self }
    }

    /// The most that the store may hold after a run, in bytes.
    pub fn store_bound(&self) -> u64 {
        self.bound
    }

    /// The most that a container may write, in bytes.
    pub fn scratch(&self) -> u64 {
        self.scratch
    }

    /// What this host can give to a container, and what not.
    pub fn abilities(&self) -> &Abilities {
        &self.abilities
    }

    /// What such a process of `image` needs and this engine can't give it: "needs docker: …".
    /// `is_entered`: whether further processes come into its container.
    pub fn lack(&self, image: &Image, process: &Process, is_entered: bool) -> Option<String> {
        self.abilities.lack(image, process, is_entered)
    }

    /// Takes an image from an OCI layout into the store under a name, by which it is found later.
    ///
    /// # Errors
    /// When it is not sound, or the store can't be written.
    pub fn take_in(&self, name: &str, layout: &Path) -> Result<Image, EngineError> {
        self.library.take_in(name, layout)
    }

    /// Forgets the image that was built here last under a name. Its layers go with the next cleaning.
    ///
    /// # Errors
    /// When the store can't be changed.
    pub fn forget(&self, name: &str) -> Result<(), EngineError> {
        self.library.forget(name)
    }

    /// The id of the image that the store has under a name. Nobody else is asked.
    pub fn built_id(&self, name: &str) -> Option<String> {
        self.library.built_id(name)
    }

    /// Whether the store has this very image under a name, with all of its layers.
    pub fn holds(&self, name: &str, id: &str) -> bool {
        self.library.holds(name, id)
    }

    /// A folder for a time, in the store.
    pub(super) fn temporary_folder(&self) -> io::Result<TempDir> {
        let mut builder = tempfile::Builder::new();
        let prefix = format!("{}.", Mark::ours());
        builder.prefix(&prefix).tempdir_in(&self.library.temporary)
    }

    /// The folder of the store.
    pub fn store_folder(&self) -> &Path {
        self.library.store.folder()
    }

    /// Makes an image known to the helper.
    pub(super) fn open(&self, ready: Ready) -> Result<Image, EngineError> {
        let root = self.next.fetch_add(1, Ordering::Relaxed);
        let Ready {
            image,
            history,
            layers,
            hold,
        } = ready;
        let request = Request::Root { id: root, layers };
        match self.helper.lease()?.ask(OPEN, &request, &[]) {
            Ok((Answer::Done, _)) => {}
            Ok((other, _)) => {
                let reason = format!("its helper process answered {other:?}");
                return Err(failed(OPEN, reason));
            }
            Err(_) if !hold.is_whole() => return Err(gone(&image)),
            Err(error) => return Err(error),
        }
        let opened = Arc::new(Opened {
            known: Arc::new(Known::new(root, self.helper.has_many_users())),
            history,
            hold,
        });
        let mut all = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        // The same image by another name; what was opened first is as good. Even if that is gone
        // meanwhile: what was seen of it must not be confirmed by another.
        all.entry(image.id.clone()).or_insert(opened);
        Ok(image)
    }

    fn opened(&self, image: &Image) -> Result<Arc<Opened>, EngineError> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let found = opened.get(&image.id).cloned();
        found.ok_or_else(|| failed(OPEN, format!("nobody has opened {}", image.reference)))
    }

    pub(super) fn known(&self, image: &Image) -> Result<Arc<Known>, EngineError> {
        Ok(Arc::clone(&self.opened(image)?.known))
    }

    pub(super) fn stopped(&self) -> BorrowedFd<'_> {
        self.stopped.as_fd()
    }

    /// The description of a container for a process.
    pub(super) fn describe(
        &self,
        image: &Image,
        process: &Process,
        is_entered: bool,
    ) -> Result<(Lease, Container), EngineError> {
        if self.waiter.is_stopped() {
            return Err(EngineError::Interrupted);
        }
        if let Some(lack) = self.lack(image, process, is_entered) {
            return Err(EngineError::Needs(lack));
        }
        let known = self.known(image)?;
        let files = || View::of_image(&self.helper, known.root);
        let container = known.container(image, process, &files)?;
        Ok((self.helper.lease()?, container))
    }
}

impl Engine for EmbeddedEngine {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    /// Two containers for each processor: what one waits for, another uses.
    fn parallelism(&self) -> usize {
        2 * std::thread::available_parallelism().map_or(2, usize::from)
    }

    fn image(&self, reference: &str) -> Result<Image, EngineError> {
        self.open(self.library.find(reference)?)
    }

    fn parts(&self, image: &Image, folder: &Path) -> Result<(ImageParts, Digest), EngineError> {
        let is_stopped = || self.waiter.is_stopped();
        self.library.parts(image, folder, &is_stopped)
    }

    fn run(
        &self,
        image: &Image,
        process: &Process,
        look: Option<&mut Look<'_>>,
    ) -> Result<Outcome, EngineError> {
        let outcome = if process.isolation == Isolation::Shared {
            self.run_shared(image, process, look)
        } else {
            let (lease, container) = self.describe(image, process, false)?;
            let request = |then| Request::Run(Box::new(container), then);
            run::run(lease, request, None, process, self.stopped(), look)
        };
        outcome.map_err(|error| self.doubted(error))
    }

    fn confirm(&self, image: &Image) -> Result<(), EngineError> {
        // Of what nobody has opened nothing was seen.
        match self.opened(image) {
            Ok(opened) if !opened.hold.is_whole() => Err(gone(image)),
            _ => Ok(()),
        }
    }

    fn history(&self, image: &Image) -> Result<Vec<HistoryStep>, EngineError> {
        Ok(self.opened(image)?.history.clone())
    }

    fn start<'a>(
        &'a self,
        image: &'a Image,
        process: &Process,
        tap: Option<Tap>,
    ) -> Result<Box<dyn Running + 'a>, EngineError> {
        match EmbeddedRunning::start(self, image, process, tap) {
            Ok(running) => Ok(Box::new(running)),
            Err(error) => Err(self.doubted(error)),
        }
    }

    fn files<'a>(&'a self, image: &'a Image) -> Box<dyn Files + 'a> {
        let known = self.known(image);
        match known.and_then(|known| View::of_image(&self.helper, known.root)) {
            Ok(view) => Box::new(view),
            Err(error) => Box::new(super::files::Nothing(error)),
        }
    }

    fn close(&self) -> Result<usize, EngineError> {
        self.shared.clear();
        self.opened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        // A store that is too large is no fault of this run.
        let _ = self.library.store.prune(self.bound, &self.library.hands);
        // Whoever drops this waits for its end.
        self.helper.let_go();
        self.library.daemon.close()
    }
}

fn gone(image: &Image) -> EngineError {
    EngineError::ImageGone {
        reference: image.reference.clone(),
    }
}

/// With the way out where this host tells one.
pub(super) fn advised(error: EngineError) -> EngineError {
    match error {
        EngineError::Failed { step, reason } => failed(step, with_advice(reason)),
        error => error,
    }
}
