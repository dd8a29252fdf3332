//! One run from its first to its last event.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicUsize};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Instant, SystemTime};

use libtest_mimic::Arguments;
use sha2::{Digest, Sha256};

use super::building::Building;
use super::policy::Policy;
use super::queue::Queue;
use super::trial::{Awaited, Shared, probe, skipped, trial};
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

    /// The names of the images of the selected checks that the spec does not skip.
    pub fn performed_images(plan: &Plan, arguments: &Arguments) -> Vec<String> {
        let cases = selected(plan, arguments);
        let cases = cases.filter(|case| !arguments.is_ignored(&probe(case, |_| Ok(()))));
        let names: BTreeSet<String> = cases.map(|case| case.info.image.clone()).collect();
        names.into_iter().collect()
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
    pub fn execute(self) -> Result<(), RunFailure> {
        self.execute_while(None)
    }

    /// The same while images are built: checks of an image begin as soon as it is there.
    ///
    /// # Errors
    /// What the verdicts don't tell.
    pub fn execute_while(mut self, building: Option<Building<'_>>) -> Result<(), RunFailure> {
        let started = Instant::now();
        let clock = SystemTime::now();
        let total = self.plan.cases.len();
        let cases: Vec<_> = selected(&self.plan, &self.arguments).cloned().collect();
        let (ignored, run): (Vec<&Arc<Case>>, Vec<_>) =
            cases.iter().partition(|case| self.is_ignored(case));
        let later = building.as_ref().map_or(&[][..], |it| &it.names);
        let images = self.awaited(&run, later);
        let order = in_order(&self.plan, &cases, later);
        let queue = order.iter().filter(|case| !self.is_ignored(case));
        let queue = queue.cloned().collect();
        let threads = self.threads(cases.len());
        self.listener.on(&Event::RunStarted(Arc::new(RunStart {
            started: clock,
            engine: self
                .engine
                .as_ref()
                .ok()
                .map(|engine| engine.info().clone()),
            images: (images.iter().enumerate())
                .filter(|(_, awaited)| awaited.is_needed)
                .map(|(at, awaited)| info(&self.plan.images[at], awaited.resolved.get()))
                .collect(),
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
            queue: Queue::new(queue),
            tested: building.as_ref().map(|it| Arc::clone(&it.tested)),
        });
        let selected = cases.len();
        for case in ignored {
            for event in skipped(case, started.elapsed()) {
                self.listener.on(&event);
            }
        }
        let mut at = 0..;
        let trials = order.iter().filter_map(|case| {
            if self.is_ignored(case) {
                return Some(probe(case, |_| Ok(())));
            }
            Some(trial(at.next()?, case, &shared))
        });
        let trials = trials.collect();
        let mut arguments = self.arguments.clone();
        arguments.test_threads = Some(threads);
        // The verdicts are in the events; this conclusion has only counts.
        let run = || libtest_mimic::run(&arguments, trials);
        match building {
            None => drop(run()),
            Some(Building { work, stop, .. }) => std::thread::scope(|scope| {
                let end = Unbuilt(&self, &shared);
                scope.spawn(move || {
                    let end = end;
                    work(&|name, outcome| end.tell(name, &outcome));
                });
                drop(run());
                // Every check has its verdict.
                stop();
            }),
        }

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

    fn is_ignored(&self, case: &Arc<Case>) -> bool {
        self.arguments.is_ignored(&probe(case, |_| Ok(())))
    }

    /// Finds the images of these checks, but for those that are there `later`.
    fn awaited(&self, run: &[&Arc<Case>], later: &[String]) -> Vec<Awaited> {
        let images = self.plan.images.iter().enumerate();
        let images = images.map(|(at, planned)| {
            let open = run.iter().filter(|case| case.image == at).count();
            let awaited = Awaited {
                is_needed: open > 0,
                resolved: OnceLock::new(),
                open: AtomicUsize::new(open),
            };
            if open > 0 && !later.contains(&planned.name) {
                let _ = awaited.resolved.set(self.resolve(planned));
            }
            awaited
        });
        images.collect()
    }

    fn resolve(&self, planned: &PlannedImage) -> Resolved {
        let engine = self.engine.as_ref();
        let engine = engine.map_err(|error| Problem::from(error.clone()))?;
        match engine.image(&planned.reference) {
            Ok(image) => Ok(ImageFiles::new(image)),
            Err(error) => Err(advise(error, planned)),
        }
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

/// Tells trials of images that are built. When it goes, those that nobody told of were not.
struct Unbuilt<'a>(&'a Run, &'a Shared);

impl Unbuilt<'_> {
    fn tell(&self, name: &str, outcome: &Result<(), Problem>) {
        let Self(run, shared) = self;
        let known = run.plan.images.iter().zip(&shared.images);
        let found = known.filter(|(planned, awaited)| planned.name == name && awaited.is_needed);
        for (planned, awaited) in found {
            if awaited.resolved.get().is_some() {
                continue;
            }
            let resolved = outcome.clone().and_then(|()| run.resolve(planned));
            let info = info(planned, Some(&resolved));
            // Nobody hears of a check before its image is known.
            shared.listener.on(&Event::ImageReady(Arc::new(info)));
            let _ = awaited.resolved.set(resolved);
            shared.queue.wake();
        }
    }
}

impl Drop for Unbuilt<'_> {
    fn drop(&mut self) {
        for planned in &self.0.plan.images {
            let message = "the image was not built: the run ended before".to_owned();
            let kind = "build";
            self.tell(&planned.name, &Err(Problem { kind, message }));
        }
    }
}

fn info(planned: &PlannedImage, resolved: Option<&Resolved>) -> ImageInfo {
    let files = resolved.and_then(|resolved| resolved.as_ref().ok());
    ImageInfo {
        name: planned.name.clone(),
        reference: planned.reference.clone(),
        image: files.map(|files| files.image().clone()),
    }
}

/// Checks of images that are there first, then those of others in the order of their builds.
fn in_order(plan: &Plan, cases: &[Arc<Case>], later: &[String]) -> Vec<Arc<Case>> {
    let mut cases = cases.to_vec();
    cases.sort_by_key(|case| {
        let name = &plan.images[case.image].name;
        let built = later.iter().position(|later| later == name);
        built.map_or(0, |at| at + 1)
    });
    cases
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
