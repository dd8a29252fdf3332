//! Builds several images at once, each as soon as its parents are there.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::builder::{BuildError, BuildListener, Builder, Job};
use super::driver::{ImageOutcome, ImageResult, ends_all};
use crate::engine::EngineError;
use crate::project::Project;

/// How images are built, and who is told.
pub struct Crew<'a> {
    /// What builds.
    pub builder: &'a dyn Builder,
    /// Is told of everything.
    pub listener: &'a dyn BuildListener,
    /// How many images are built at once; at least one is.
    pub at_once: usize,
    /// Is told of each image, as soon as it is there or it is known that it won't be: of parents first.
    pub done: &'a (dyn Fn(&ImageResult) + Sync),
}

impl Crew<'_> {
    /// Builds the images of `order`, which has parents first, and says for each what came of it, in
    /// the same order. `jobs` are those of [`jobs`](super::jobs) for the same order.
    pub fn build(&self, project: &Project, order: &[usize], jobs: &[Job]) -> Vec<ImageResult> {
        let site = Site {
            names: jobs.iter().map(|job| job.name.as_str()).collect(),
            parents: order
                .iter()
                .map(|at| parents(project, order, *at))
                .collect(),
            state: Mutex::new(State {
                stages: order.iter().map(|_| Stage::Open).collect(),
                is_over: false,
            }),
            changed: Condvar::new(),
        };
        std::thread::scope(|scope| {
            for _ in 1..self.at_once.min(jobs.len()) {
                scope.spawn(|| self.work(&site, jobs));
            }
            self.work(&site, jobs);
        });
        let state = site.state.into_inner();
        let stages = state.unwrap_or_else(PoisonError::into_inner).stages;
        let results = stages.into_iter().filter_map(|stage| match stage {
            Stage::Done(result) => Some(result),
            Stage::Open | Stage::Taken => None,
        });
        results.collect()
    }

    fn work(&self, site: &Site<'_>, jobs: &[Job]) {
        while let Some((at, decided)) = site.next() {
            let job = &jobs[at];
            let start = Instant::now();
            let outcome = decided.unwrap_or_else(|| self.attempt(job));
            let ends = matches!(&outcome, ImageOutcome::Failed(error) if ends_all(error));
            let result = ImageResult {
                name: job.name.clone(),
                reference: job.reference.clone(),
                duration: start.elapsed(),
                outcome,
            };
            (self.done)(&result);
            let mut state = site.lock();
            state.is_over |= ends;
            state.stages[at] = Stage::Done(result);
            drop(state);
            site.changed.notify_all();
        }
    }

    fn attempt(&self, job: &Job) -> ImageOutcome {
        self.listener.started(&job.name);
        // Whoever waits for this image would wait for ever.
        let built = catch_unwind(AssertUnwindSafe(|| self.builder.build(job, self.listener)));
        let built = built.unwrap_or_else(|_| {
            Err(BuildError::Engine(EngineError::Failed {
                step: "build an image",
                reason: "seatrial made a mistake".to_owned(),
            }))
        });
        match built {
            Ok(built) => ImageOutcome::Built(built),
            Err(error) => ImageOutcome::Failed(error),
        }
    }
}

/// The parents of an image, as positions in `order`.
fn parents(project: &Project, order: &[usize], at: usize) -> Vec<usize> {
    let parents = project.images[at].parents.iter();
    parents
        .filter_map(|parent| order.iter().position(|at| at == parent))
        .collect()
}

struct Site<'a> {
    names: Vec<&'a str>,
    parents: Vec<Vec<usize>>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    stages: Vec<Stage>,
    /// There is no use in trying further images.
    is_over: bool,
}

enum Stage {
    Open,
    Taken,
    Done(ImageResult),
}

impl Site<'_> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An image that can be built, or of which it is known that it can't; waits for one if need be.
    fn next(&self) -> Option<(usize, Option<ImageOutcome>)> {
        let mut state = self.lock();
        loop {
            let open = state.stages.iter().enumerate();
            let mut open = open.filter(|(_, stage)| matches!(stage, Stage::Open));
            let found = open.find_map(|(at, _)| Some((at, self.decide(&state, at)?)));
            if let Some((at, decided)) = found {
                state.stages[at] = Stage::Taken;
                return Some((at, decided));
            }
            // Whatever is open waits for what others build.
            let is_open = |stage: &Stage| matches!(stage, Stage::Open);
            if !state.stages.iter().any(is_open) {
                return None;
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// `None` while a parent is not there yet; what became of the image if it can't be built.
    fn decide(&self, state: &State, at: usize) -> Option<Option<ImageOutcome>> {
        if state.is_over {
            return Some(Some(ImageOutcome::NotTried));
        }
        let mut is_ready = true;
        for parent in &self.parents[at] {
            match &state.stages[*parent] {
                Stage::Done(result) if matches!(result.outcome, ImageOutcome::Built(_)) => {}
                Stage::Done(_) => {
                    let parent = self.names[*parent].to_owned();
                    return Some(Some(ImageOutcome::ParentFailed(parent)));
                }
                Stage::Open | Stage::Taken => is_ready = false,
            }
        }
        is_ready.then_some(None)
    }
}
