//! An engine that is started only when something is to be run.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::embedded::Nothing;
use super::image::{HistoryStep, Image};
use super::process::{Outcome, Process};
use super::running::{Running, Tap};
use super::traits::{Engine, EngineError, EngineInfo, Files, Finder, Look};

/// Finds images at once, and starts the engine that runs containers of them when that is needed.
pub struct OnDemand {
    finder: Box<dyn Finder>,
    start: Box<Start>,
    started: OnceLock<Result<Arc<dyn Engine>, EngineError>>,
    found: Mutex<HashMap<String, Image>>,
    parallelism: usize,
}

/// Starts an engine.
type Start = dyn Fn() -> Result<Arc<dyn Engine>, EngineError> + Send + Sync;

impl OnDemand {
    /// Images are those that `finder` finds; `start` is called once at most.
    pub fn new(
        finder: Box<dyn Finder>,
        start: impl Fn() -> Result<Arc<dyn Engine>, EngineError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            finder,
            start: Box::new(start),
            started: OnceLock::new(),
            found: Mutex::default(),
            parallelism: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// The engine, started.
    fn engine(&self) -> Result<&dyn Engine, EngineError> {
        let started = self.started.get_or_init(|| (self.start)());
        started.as_deref().map_err(EngineError::clone)
    }

    /// The engine, which knows this very image.
    fn engine_with(&self, image: &Image) -> Result<&dyn Engine, EngineError> {
        let engine = self.engine()?;
        let found = engine.image(&image.reference)?;
        if found.id == image.id {
            return Ok(engine);
        }
        Err(EngineError::Failed {
            step: "find an image again",
            reason: format!("`{}` was another one a moment ago", image.reference),
        })
    }
}

impl fmt::Debug for OnDemand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnDemand")
    }
}

impl Engine for OnDemand {
    fn info(&self) -> &EngineInfo {
        self.finder.info()
    }

    fn kinds(&self) -> Vec<&str> {
        self.finder.kinds()
    }

    fn parallelism(&self) -> usize {
        self.parallelism
    }

    fn image(&self, reference: &str) -> Result<Image, EngineError> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(image) = found.get(reference) {
            return Ok(image.clone());
        }
        let image = self.finder.image(reference)?;
        found.insert(reference.to_owned(), image.clone());
        Ok(image)
    }

    fn run(
        &self,
        image: &Image,
        process: &Process,
        look: Option<&mut Look<'_>>,
    ) -> Result<Outcome, EngineError> {
        self.engine_with(image)?.run(image, process, look)
    }

    fn confirm(&self, image: &Image) -> Result<(), EngineError> {
        self.started()
            .map_or(Ok(()), |engine| engine.confirm(image))
    }

    fn history(&self, image: &Image) -> Result<Vec<HistoryStep>, EngineError> {
        self.engine_with(image)?.history(image)
    }

    fn start<'a>(
        &'a self,
        image: &'a Image,
        process: &Process,
        tap: Option<Tap>,
    ) -> Result<Box<dyn Running + 'a>, EngineError> {
        self.engine_with(image)?.start(image, process, tap)
    }

    fn files<'a>(&'a self, image: &'a Image) -> Box<dyn Files + 'a> {
        match self.engine_with(image) {
            Ok(engine) => engine.files(image),
            Err(error) => Box::new(Nothing(error)),
        }
    }

    fn faults(&self) -> u64 {
        self.started().map_or(0, Engine::faults)
    }

    fn is_lost(&self) -> bool {
        self.started().is_some_and(Engine::is_lost)
    }

    fn close(&self) -> Result<usize, EngineError> {
        // Whoever has made nothing has nothing to remove.
        self.started().map_or(Ok(0), Engine::close)
    }
}

impl OnDemand {
    fn started(&self) -> Option<&dyn Engine> {
        self.started.get()?.as_deref().ok()
    }
}
