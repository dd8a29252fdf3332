//! One run from its first to its last event.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use libtest_mimic::Arguments;
use sha2::{Digest, Sha256};

use super::policy::Policy;
use super::trial::{Shared, probe, skipped, trial};
use crate::cache::Results;
use crate::check::ImageFiles;
use crate::engine::{Engine, EngineError};
use crate::event::{Event, ImageInfo, Listener, RunEnd, RunStart, Selection, SpecFile, Stopped};
use crate::plan::{Case, Plan, PlannedImage};
use crate::spec::Sha256Digest;
use crate::verdict::Problem;

/// An image of the plan, or why there is none.
pub type Resolved = Result<ImageFiles, Problem>;

/// What a run needs.
pub struct Run {
    /// What to check.
    pub plan: Plan,
    /// What made the plan what it is, for reports.
    pub selection: Selection,
    /// What runs the containers; without one every check is an error.
    pub engine: Result<Arc<dyn Engine>, EngineError>,
    /// Selection, number of threads and format, as libtest-mimic takes them.
    pub arguments: Arguments,
    /// What is told of every event.
    pub listener: Arc<dyn Listener>,
    /// How often checks are tried, and when to give up.
    pub policy: Policy,
    /// Why the run is to end before its time, once it is: a signal or its deadline.
    pub halted: Arc<dyn Fn() -> Option<Stopped> + Send + Sync>,
    /// The folder of the project in its repository.
    pub folder: PathBuf,
    /// Images that can't be tested, and why: their builds failed.
    pub unbuilt: Vec<(String, Problem)>,
    /// What earlier runs came to, for checks that need not be performed again.
    pub results: Option<Results>,
}

/// Why a run ended badly beyond its verdicts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunFailure {
    /// The selection selects nothing.
    #[error("no check is selected{}", .0.as_ref().map(|filter| format!(" by `{filter}`")).unwrap_or_default())]
    NothingSelected(Option<String>),
    /// Something could not be removed from the engine.
    #[error("{0}")]
    LeftBehind(String),
}

impl Run {
    /// Lists the selected checks, as libtest-mimic lists tests, without asking any engine.
    pub fn list(plan: &Plan, arguments: &Arguments) {
        let trials = plan.cases.iter().map(|case| probe(case, |_| Ok(())));
        let _ = libtest_mimic::run(arguments, trials.collect());
    }

    /// The names of the images that selected checks need.
    pub fn images(plan: &Plan, arguments: &Arguments) -> BTreeSet<String> {
        let cases = selected(plan, arguments);
        cases.map(|case| case.info.image.clone()).collect()
    }

    /// The whole names of the selected checks.
    pub fn names(plan: &Plan, arguments: &Arguments) -> BTreeSet<String> {
        let cases = selected(plan, arguments);
        cases.map(|case| case.info.name()).collect()
    }

    /// Runs the selected checks. Every one of them gets a verdict, whatever happens.
    ///
    /// # Errors
    /// What the verdicts don't tell.
    pub fn execute(mut self) -> Result<(), RunFailure> {
        let started = Instant::now();
        let clock = SystemTime::now();
        let total = self.plan.cases.len();
        let cases: Vec<_> = selected(&self.plan, &self.arguments).cloned().collect();
        let (ignored, run): (Vec<&Arc<Case>>, Vec<_>) = cases
            .iter()
            .partition(|case| self.arguments.is_ignored(&probe(case, |_| Ok(()))));
        let images = self.resolve(&run.iter().map(|case| case.image).collect());
        let threads = self.threads(cases.len());
        let info = |(at, image): (usize, &Option<Resolved>)| {
            let planned = &self.plan.images[at];
            image.as_ref().map(|resolved| ImageInfo {
                name: planned.name.clone(),
                reference: planned.reference.clone(),
                image: resolved.as_ref().ok().map(|files| files.image().clone()),
            })
        };
        self.listener.on(&Event::RunStarted(Arc::new(RunStart {
            started: clock,
            engine: self
                .engine
                .as_ref()
                .ok()
                .map(|engine| engine.info().clone()),
            images: images.iter().enumerate().filter_map(info).collect(),
            checks: cases.iter().map(|case| Arc::clone(&case.info)).collect(),
            selection: self.selection.clone(),
            filtered: total - cases.len(),
            threads,
            folder: self.folder.clone(),
            specs: spec_files(&self.plan, &cases),
        })));

        let shared = Arc::new(Shared {
            engine: self.engine.clone(),
            images,
            listener: Arc::clone(&self.listener),
            started,
            policy: self.policy,
            halted: Arc::clone(&self.halted),
            bad: AtomicU32::new(0),
            results: self.results.take(),
            workers: Mutex::default(),
        });
        let selected = cases.len();
        for case in ignored {
            for event in skipped(case, started.elapsed()) {
                self.listener.on(&event);
            }
        }
        let trials = cases.iter().map(|case| trial(case, &shared)).collect();
        let mut arguments = self.arguments.clone();
        arguments.test_threads = Some(threads);
        // The verdicts are in the events; this conclusion has only counts.
        let _ = libtest_mimic::run(&arguments, trials);

        if let Some(results) = &shared.results {
            results.close();
        }
        let left_behind = self.close();
        self.listener.on(&Event::RunFinished(Arc::new(RunEnd {
            duration: started.elapsed(),
            stopped: shared.stopped(),
            left_behind: left_behind.clone(),
            missing: Vec::new(),
        })));
        match left_behind {
            _ if selected == 0 => Err(RunFailure::NothingSelected(self.arguments.filter.clone())),
            Some(message) => Err(RunFailure::LeftBehind(message)),
            None => Ok(()),
        }
    }

    /// Finds the images of the selected checks; `None` for images that no check needs.
    fn resolve(&self, needed: &BTreeSet<usize>) -> Vec<Option<Resolved>> {
        let images = self.plan.images.iter().enumerate();
        let resolve = |(at, planned): (usize, &PlannedImage)| {
            needed.contains(&at).then(|| {
                let unbuilt = self.unbuilt.iter().find(|(name, _)| *name == planned.name);
                if let Some((_, problem)) = unbuilt {
                    return Err(problem.clone());
                }
                let engine = self
                    .engine
                    .as_ref()
                    .map_err(|error| Problem::from(error.clone()))?;
                match engine.image(&planned.reference) {
                    Ok(image) => Ok(ImageFiles::new(image)),
                    Err(error) => Err(advise(error, planned)),
                }
            })
        };
        images.map(resolve).collect()
    }

    fn threads(&self, cases: usize) -> usize {
        let default = self
            .engine
            .as_ref()
            .map_or(1, |engine| engine.parallelism());
        let wanted = self.arguments.test_threads.unwrap_or(default);
        // Idle threads are of no use, and libtest-mimic waits for ever with none.
        wanted.min(cases).max(1)
    }

    fn close(&self) -> Option<String> {
        match self.engine.as_ref().ok()?.close() {
            Ok(0) => None,
            Ok(left) => Some(format!(
                "{left} container(s) of this run could not be removed"
            )),
            Err(error) => Some(format!(
                "whether all containers are removed is not known: {error}"
            )),
        }
    }
}

/// The selection is libtest-mimic's to make, so it is asked with a trial that has but the name.
pub(super) fn selected<'a>(
    plan: &'a Plan,
    arguments: &'a Arguments,
) -> impl Iterator<Item = &'a Arc<Case>> {
    plan.cases.iter().filter(|case| {
        let probe = probe(case, |_| Ok(()));
        !arguments.is_filtered_out(&probe)
    })
}

/// The files that say what is checked of the images of these checks.
fn spec_files(plan: &Plan, cases: &[Arc<Case>]) -> Vec<SpecFile> {
    let images: BTreeSet<usize> = cases.iter().map(|case| case.image).collect();
    let mut known = BTreeMap::new();
    for source in images.iter().flat_map(|at| &plan.images[*at].specs) {
        known.entry(source.path()).or_insert_with(|| {
            let text = source.text().as_bytes();
            Sha256Digest::from(Sha256::new_with_prefix(text))
        });
    }
    let files = known.into_iter().map(|(path, digest)| SpecFile {
        path: path.to_owned(),
        sha256: digest.hex().to_owned(),
    });
    files.collect()
}

/// Adds the way out to an image that is not there.
fn advise(error: EngineError, planned: &PlannedImage) -> Problem {
    let advice = match &error {
        EngineError::NoSuchImage { .. } if planned.in_catalogue => {
            format!(
                "; `seatrial build {}` builds it, `--build` does so before testing",
                planned.name
            )
        }
        EngineError::NoSuchImage { .. } => {
            format!("; `docker pull {}` may fetch it", planned.reference)
        }
        _ => String::new(),
    };
    let mut problem = Problem::from(error);
    problem.message.push_str(&advice);
    problem
}
