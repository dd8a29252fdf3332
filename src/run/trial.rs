//! One check as a libtest-mimic trial.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant, SystemTime};

use libtest_mimic::{Failed, Trial};

use super::policy::Policy;
use super::queue::{Desk, Queue};
use super::runner::Resolved;
use super::tries::{Tried, tried};
use crate::cache::Results;
use crate::check::{Observation, perform};
use crate::engine::{Engine, EngineError, Image, ImageConfig};
use crate::event::{CaseResult, Event, Listener, Stopped};
use crate::plan::Case;
use crate::source::Located;
use crate::verdict::{Finding, Problem, Verdict};
use crate::yaml::OneOrMany;

/// What all trials of a run share.
pub(super) struct Shared {
    pub(super) engine: Result<Arc<dyn Engine>, EngineError>,
    pub(super) images: Vec<Awaited>,
    pub(super) listener: Arc<dyn Listener>,
    pub(super) started: Instant,
    pub(super) policy: Policy,
    /// Why the run is to end before its time, once it is.
    pub(super) halted: Arc<dyn Fn() -> Option<Stopped> + Send + Sync>,
    /// How many checks did not pass.
    pub(super) bad: AtomicU32,
    /// What earlier runs came to.
    pub(super) results: Option<Results>,
    /// The threads that perform checks, in the order in which they first did.
    pub(super) workers: Mutex<Vec<ThreadId>>,
    /// The checks that are performed.
    pub(super) queue: Queue,
    /// Is told of an image when all of its checks have their verdicts.
    pub(super) tested: Option<super::Tested>,
}

/// An image of the plan.
pub(super) struct Awaited {
    /// Whether a check needs it.
    pub(super) is_needed: bool,
    /// The image, or why there is none, once that is known.
    pub(super) resolved: OnceLock<Resolved>,
    /// How many of its checks have no verdict yet.
    pub(super) open: AtomicUsize,
}

impl Shared {
    /// Why nothing more is to be started, if so.
    pub(super) fn stopped(&self) -> Option<Stopped> {
        let bad = self.bad.load(Ordering::SeqCst);
        let enough = self.policy.max_failures.filter(|most| bad >= *most);
        (self.halted)().or_else(|| enough.map(Stopped::Failures))
    }

    /// The number of this thread among those that perform checks.
    fn worker(&self) -> usize {
        let me = std::thread::current().id();
        let mut known = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().position(|id| *id == me).unwrap_or_else(|| {
            known.push(me);
            known.len() - 1
        })
    }

    /// When a check passed whose result still holds.
    fn recall(&self, case: &Case) -> Option<SystemTime> {
        // Whoever wants repetitions wants them performed.
        let results = self.results.as_ref().filter(|_| self.policy.repeat <= 1)?;
        let (engine, image) = self.at_hand(case)?;
        if elsewhere(case, &engine.kinds(), &image.config).is_some() {
            return None;
        }
        results.recall(case, image, engine.info())
    }

    fn keep(&self, case: &Case) {
        if let (Some(results), Some((engine, image))) = (&self.results, self.at_hand(case)) {
            results.keep(case, image, engine.info());
        }
    }

    fn revoke(&self, case: &Case) {
        if let (Some(results), Some((engine, image))) = (&self.results, self.at_hand(case)) {
            results.revoke(case, image, engine.info());
        }
    }

    fn at_hand(&self, case: &Case) -> Option<(&dyn Engine, &Image)> {
        let engine = self.engine.as_ref().ok()?;
        let files = self.images[case.image].resolved.get()?.as_ref().ok()?;
        Some((engine.as_ref(), files.image()))
    }

    /// Whether nothing has to be waited for before the check is performed, or is known not to be.
    fn is_ready(&self, case: &Case) -> bool {
        self.images[case.image].resolved.get().is_some() || self.stopped().is_some()
    }

    /// Counts a check that is over.
    fn over(&self, case: &Case) {
        let left = self.images[case.image].open.fetch_sub(1, Ordering::SeqCst);
        if let (1, Some(tested)) = (left, &self.tested) {
            tested(&case.info.image);
        }
    }

    fn count(&self, verdict: &Verdict) {
        if verdict.is_bad() {
            self.bad.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// A trial that performs `case`, records all that came of it, and tells libtest-mimic in brief.
pub(super) fn trial(at: usize, case: &Arc<Case>, shared: &Arc<Shared>) -> Trial {
    let shared = Arc::clone(shared);
    probe(case, move |_| {
        let desk = Desk {
            is_ready: &|case| shared.is_ready(case),
            perform: &|case| judge(case, &shared),
        };
        shared.queue.verdict(at, &desk)
    })
}

/// Gives a check its verdict.
fn judge(case: &Arc<Case>, shared: &Shared) -> Result<(), Failed> {
    let offset = shared.started.elapsed();
    shared
        .listener
        .on(&Event::CheckStarted(Arc::clone(&case.info)));
    let begun = Instant::now();
    let mut result = match shared.stopped() {
        Some(stopped) => finished(case, not_run(stopped)),
        None => performed(case, shared),
    };
    result.offset = offset;
    result.duration = begun.elapsed();
    shared.count(&result.verdict);
    let told = brief(case, &result.verdict);
    shared.listener.on(&Event::CheckFinished(Arc::new(result)));
    shared.over(case);
    told
}

/// All tries of a check that is begun; none if its result is known.
fn performed(case: &Case, shared: &Shared) -> CaseResult {
    let worker = shared.worker();
    if let Some(performed) = shared.recall(case) {
        let observed = Observation {
            verdict: Verdict::Passed,
            stdout: None,
            stderr: None,
            reproduce: None,
        };
        return CaseResult {
            worker: Some(worker),
            cached: Some(performed),
            ..finished(case, observed)
        };
    }
    let goes_on = || shared.stopped().is_none();
    let Tried {
        mut observed,
        earlier,
    } = tried(case, shared.policy, &goes_on, &|| once(case, shared));
    match observed.verdict {
        Verdict::Passed if earlier.is_empty() => shared.keep(case),
        Verdict::Skipped(_) => {}
        _ => shared.revoke(case),
    }
    let failed = matches!(observed.verdict, Verdict::Failed(_));
    observed.verdict = expected_to_fail(case, observed.verdict);
    CaseResult {
        xfailed: failed && matches!(observed.verdict, Verdict::Skipped(_)),
        worker: Some(worker),
        earlier,
        ..finished(case, observed)
    }
}

/// What there is to see of a check that is not begun any more.
fn not_run(stopped: Stopped) -> Observation {
    Observation::undecided(Problem {
        kind: stopped.kind(),
        message: format!("not run: {stopped}"),
    })
}

/// What libtest-mimic knows of a check: its name, and whether the spec skips it.
pub(super) fn probe(
    case: &Arc<Case>,
    runner: impl FnOnce(Arc<Case>) -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let skipped = case.check.options.skip.is_some();
    let case = Arc::clone(case);
    Trial::test(case.info.name(), move || runner(case)).with_ignored_flag(skipped)
}

/// The events of a check that the spec skips.
pub(super) fn skipped(case: &Arc<Case>, offset: Duration) -> [Event; 2] {
    let reason = case.check.options.skip.as_ref();
    let reason = reason
        .map(|reason| reason.value.clone())
        .unwrap_or_default();
    let observed = Observation {
        verdict: Verdict::Skipped(reason),
        stdout: None,
        stderr: None,
        reproduce: None,
    };
    [
        Event::CheckStarted(Arc::clone(&case.info)),
        Event::CheckFinished(Arc::new(CaseResult {
            offset,
            ..finished(case, observed)
        })),
    ]
}

fn finished(case: &Case, observed: Observation) -> CaseResult {
    CaseResult {
        case: Arc::clone(&case.info),
        verdict: observed.verdict,
        xfailed: false,
        worker: None,
        offset: Duration::ZERO,
        duration: Duration::ZERO,
        stdout: observed.stdout,
        stderr: observed.stderr,
        reproduce: observed.reproduce,
        cached: None,
        earlier: Vec::new(),
    }
}

/// One try.
fn once(case: &Case, shared: &Shared) -> Observation {
    let begun = Instant::now();
    // A panic is our mistake: it must neither pass nor take the other verdicts with it.
    let observed = catch_unwind(AssertUnwindSafe(|| observe(case, shared)));
    let mut observed =
        observed.unwrap_or_else(|panic| Observation::undecided(panicked(panic.as_ref())));
    if let Verdict::Error(problem) = &mut observed.verdict
        && problem.kind == "interrupted"
        && let Some(stopped) = (shared.halted)()
    {
        problem.kind = stopped.kind();
        problem.message = format!("killed: {stopped}");
    }
    // What has been judged is kept for people alone.
    let outputs = [&mut observed.stdout, &mut observed.stderr];
    for output in outputs.into_iter().flatten() {
        output.shorten(shared.policy.output_limit);
    }
    if let (Some(timeout), Verdict::Passed) = (&case.check.timeout, &observed.verdict)
        && begun.elapsed() > timeout.value
    {
        let message = format!("was not decided within {:?}", timeout.value);
        observed.verdict = Verdict::Failed(vec![Finding::new(&timeout.place, "timeout", message)]);
    }
    observed
}

/// A check that is known to fail is skipped when it does, and fails when it passes.
fn expected_to_fail(case: &Case, verdict: Verdict) -> Verdict {
    let Some(reason) = &case.check.options.xfail else {
        return verdict;
    };
    match verdict {
        Verdict::Failed(_) => Verdict::Skipped(format!("fails as expected: {}", reason.value)),
        Verdict::Passed => Verdict::Failed(vec![Finding::new(
            &reason.place,
            "xfail",
            format!(
                "passed, but is marked as failing ({}): remove `xfail`",
                reason.value
            ),
        )]),
        other => other,
    }
}

fn observe(case: &Case, shared: &Shared) -> Observation {
    let engine = match &shared.engine {
        Ok(engine) => engine,
        Err(error) => return Observation::undecided(error.clone().into()),
    };
    let files = match shared.images[case.image].resolved.get() {
        Some(Ok(files)) => files,
        Some(Err(problem)) => return Observation::undecided(problem.clone()),
        None => {
            return Observation::undecided(Problem {
                kind: "internal",
                message: "its image was not looked up; this is a mistake of seatrial".to_owned(),
            });
        }
    };
    if let Some(reason) = elsewhere(case, &engine.kinds(), &files.image().config) {
        return Observation {
            verdict: Verdict::Skipped(reason),
            stdout: None,
            stderr: None,
            reproduce: None,
        };
    }
    perform(case, engine.as_ref(), files)
}

/// Why a check is not meant to run here, if it is not.
pub(super) fn elsewhere(case: &Case, engines: &[&str], config: &ImageConfig) -> Option<String> {
    let only = case.check.options.only.as_ref()?;
    let names = |wanted: &OneOrMany<Located<String>>| {
        let names: Vec<&str> = wanted.0.iter().map(|name| name.value.as_str()).collect();
        names.join(" or ")
    };
    if let Some(wanted) = &only.engine
        && !wanted
            .0
            .iter()
            .any(|name| engines.contains(&name.value.as_str()))
    {
        return Some(format!(
            "only on {}, this is {}",
            names(wanted),
            engines.join(" and ")
        ));
    }
    let wanted = only.platform.as_ref()?;
    let platform = format!("{}/{}", config.os, config.architecture);
    let meant = |name: &str| name == platform || name.starts_with(&format!("{platform}/"));
    (!wanted.0.iter().any(|name| meant(name)))
        .then(|| format!("only for {}, this image is for {platform}", names(wanted)))
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Problem {
    let words = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no reason given");
    Problem {
        kind: "internal",
        message: format!("seatrial made a mistake while checking this: {words}"),
    }
}

/// What libtest-mimic's own formats show: the place and the first line.
fn brief(case: &Case, verdict: &Verdict) -> Result<(), Failed> {
    match verdict {
        Verdict::Passed | Verdict::Skipped(_) => Ok(()),
        Verdict::Failed(findings) => {
            let lines: Vec<String> = findings
                .iter()
                .map(|finding| format!("{}: {}", finding.place, finding.message))
                .collect();
            Err(lines.join("\n").into())
        }
        Verdict::Error(problem) => {
            Err(format!("{}: error: {}", case.info.place, problem.message).into())
        }
    }
}
