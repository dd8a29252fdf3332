//! One check as a libtest-mimic trial.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use libtest_mimic::{Failed, Trial};
use tokio::sync::watch;

use super::runner::Resolved;
use crate::check::{Observation, perform};
use crate::engine::{Engine, EngineError};
use crate::event::{CaseResult, Event, Listener};
use crate::plan::Case;
use crate::verdict::{Problem, Verdict};

/// What all trials of a run share.
pub(super) struct Shared {
    pub(super) engine: Result<Arc<dyn Engine>, EngineError>,
    pub(super) images: Vec<Option<Resolved>>,
    pub(super) listener: Arc<dyn Listener>,
    pub(super) started: Instant,
    pub(super) stop: watch::Receiver<bool>,
}

/// A trial that performs `case`, records all that came of it, and tells libtest-mimic in brief.
pub(super) fn trial(case: Arc<Case>, shared: &Arc<Shared>) -> Trial {
    let shared = Arc::clone(shared);
    Trial::test(case.info.name(), move || {
        let offset = shared.started.elapsed();
        shared
            .listener
            .on(&Event::CheckStarted(Arc::clone(&case.info)));
        let begun = Instant::now();
        // A panic is our mistake: it must neither pass nor take the other verdicts with it.
        let observed = catch_unwind(AssertUnwindSafe(|| observe(&case, &shared)));
        let observed = observed.unwrap_or_else(|panic| undecided(panicked(panic.as_ref())));
        let told = brief(&case, &observed.verdict);
        shared
            .listener
            .on(&Event::CheckFinished(Arc::new(CaseResult {
                case: Arc::clone(&case.info),
                verdict: observed.verdict,
                offset,
                duration: begun.elapsed(),
                stdout: observed.stdout,
                stderr: observed.stderr,
                reproduce: observed.reproduce,
            })));
        told
    })
}

fn observe(case: &Case, shared: &Shared) -> Observation {
    if *shared.stop.borrow() {
        return undecided(Problem {
            kind: "interrupted",
            message: "not run: the run was interrupted".to_owned(),
        });
    }
    let engine = match &shared.engine {
        Ok(engine) => engine,
        Err(error) => return undecided(error.clone().into()),
    };
    match &shared.images[case.image] {
        Some(Ok(files)) => perform(case, engine.as_ref(), files),
        Some(Err(problem)) => undecided(problem.clone()),
        None => undecided(Problem {
            kind: "internal",
            message: "its image was not looked up; this is a mistake of seatrial".to_owned(),
        }),
    }
}

fn undecided(problem: Problem) -> Observation {
    Observation {
        verdict: Verdict::Error(problem),
        stdout: None,
        stderr: None,
        reproduce: None,
    }
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
