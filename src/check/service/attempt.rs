//! A service under test: what is known of it, and what has been found so far.

use std::time::{Duration, Instant};

use super::log::Seen;
use crate::engine::{Ended, EngineError, Process, Running, Waited};
use crate::plan::Case;
use crate::source::Place;
use crate::spec::{ServiceCheck, shown};
use crate::verdict::{Finding, Problem};

/// The end of a process is known a moment after its connections break.
const MOMENT: Duration = Duration::from_millis(50);
/// How much longer is waited for an end that something speaks for.
const LIKELY_END: Duration = Duration::from_millis(500);

/// One service while it is looked at.
pub(super) struct Attempt<'a> {
    pub(super) case: &'a Case,
    pub(super) check: &'a ServiceCheck,
    pub(super) process: &'a Process,
    pub(super) running: &'a dyn Running,
    pub(super) seen: Seen,
    /// When the time of the whole check is up.
    pub(super) deadline: Instant,
    pub(super) findings: Vec<Finding>,
    /// The first thing that could not be decided although the service went on.
    pub(super) undecided: Option<Problem>,
}

/// Why a service is not looked at any further.
pub(super) enum Broken {
    /// The findings say why.
    Found,
    /// This can't be decided.
    Undecided(Problem),
}

impl From<EngineError> for Broken {
    fn from(error: EngineError) -> Self {
        Self::Undecided(error.into())
    }
}

impl From<Problem> for Broken {
    fn from(problem: Problem) -> Self {
        Self::Undecided(problem)
    }
}

impl Attempt<'_> {
    /// Records something that does not hold.
    pub(super) fn find(&mut self, place: &Place, kind: &'static str, message: String) {
        self.findings.push(Finding::new(place, kind, message));
    }

    /// The time that something may take, and how long that is in words: no longer than until the
    /// deadline of the whole.
    pub(super) fn limit(&self, limit: Duration) -> (Instant, String) {
        let until = Instant::now() + limit;
        if until <= self.deadline {
            return (until, shown(limit));
        }
        let whole = shown(self.process.timeout);
        (self.deadline, format!("the {whole} of the whole check"))
    }

    /// Goes no further when the time is up before `what`.
    pub(super) fn in_time(&mut self, what: &str) -> Result<(), Broken> {
        if Instant::now() < self.deadline {
            return Ok(());
        }
        let whole = shown(self.process.timeout);
        let message = format!("the {whole} of the whole check were over before {what}");
        let place = self.check.service.place.clone();
        self.find(&place, "timeout", message);
        Err(Broken::Found)
    }

    /// Goes no further when it has ended by itself. `is_likely` when something speaks for that;
    /// what was found from `since` on is then but a consequence.
    pub(super) fn still_there(
        &mut self,
        place: &Place,
        when: &str,
        is_likely: bool,
        since: usize,
    ) -> Result<(), Broken> {
        let moment = if is_likely { LIKELY_END } else { MOMENT };
        let wait = Box::pin(std::future::pending());
        let waited = self.running.during(Instant::now() + moment, wait);
        if waited.is_err() {
            // So it is when what becomes of it can't be told.
            self.findings.truncate(since);
        }
        match waited? {
            Waited::Ended(ended) => {
                self.findings.truncate(since);
                let message = format!("the service {} {when}", how(&ended));
                self.find(place, "service.ended", message);
                Err(Broken::Found)
            }
            Waited::Done | Waited::TimedOut => Ok(()),
        }
    }
}

/// How a service ended, in words that follow "the service".
pub(super) fn how(ended: &Ended) -> String {
    match ended {
        Ended::Exited {
            code,
            out_of_memory: true,
        } => format!("ran out of memory and was killed (exit code {code})"),
        Ended::Exited { code, .. } => {
            format!(
                "ended with exit code {code}{}",
                crate::check::run::hint(*code)
            )
        }
        Ended::NotStarted { code, reason } => format!("could not be started ({code}): {reason}"),
        Ended::TimedOut => "was killed".to_owned(),
    }
}
