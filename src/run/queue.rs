//! Which thread performs which check. A thread that would have to wait for an image takes a check of
//! another one meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use libtest_mimic::Failed;

use crate::plan::Case;

/// How often it is looked whether the run is to end.
const LOOK: Duration = Duration::from_millis(50);

/// The checks of a run that are performed, in the order in which they are begun if nothing is waited for.
pub(super) struct Queue {
    cases: Vec<Arc<Case>>,
    stages: Mutex<Vec<Stage>>,
    changed: Condvar,
}

enum Stage {
    Open,
    Taken,
    Done(Result<(), Failed>),
}

/// What threads need to know to take a check.
pub(super) struct Desk<'a> {
    /// Whether there is nothing to wait for before a check is performed.
    pub(super) is_ready: &'a dyn Fn(&Case) -> bool,
    /// Gives a check its verdict, and libtest-mimic its own.
    pub(super) perform: &'a dyn Fn(&Arc<Case>) -> Result<(), Failed>,
}

impl Queue {
    pub(super) fn new(cases: Vec<Arc<Case>>) -> Self {
        let stages = cases.iter().map(|_| Stage::Open).collect();
        Self {
            cases,
            stages: Mutex::new(stages),
            changed: Condvar::new(),
        }
    }

    /// What came of the check at `at`: this thread performs it, or others until another thread has.
    pub(super) fn verdict(&self, at: usize, desk: &Desk<'_>) -> Result<(), Failed> {
        let mut stages = self.lock();
        loop {
            if let Stage::Done(verdict) = &stages[at] {
                return verdict.clone();
            }
            let is_next = |at: &usize| {
                matches!(stages[*at], Stage::Open) && (desk.is_ready)(&self.cases[*at])
            };
            let next = Some(at).filter(is_next);
            let next = next.or_else(|| (0..stages.len()).find(is_next));
            let Some(next) = next else {
                let waited = self.changed.wait_timeout(stages, LOOK);
                stages = waited.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            };
            stages[next] = Stage::Taken;
            drop(stages);
            // Whoever waits for this check would wait for ever.
            let performed = catch_unwind(AssertUnwindSafe(|| (desk.perform)(&self.cases[next])));
            let verdict = performed.unwrap_or_else(|_| Err("seatrial made a mistake".into()));
            stages = self.lock();
            stages[next] = Stage::Done(verdict);
            self.changed.notify_all();
        }
    }

    /// Something is ready that was not.
    pub(super) fn wake(&self) {
        // Whoever has looked and not begun to wait must not miss it.
        drop(self.lock());
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Stage>> {
        self.stages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
