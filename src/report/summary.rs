//! How many checks came to what.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::ledger::Ledger;
use crate::event::{Event, Listener};
use crate::verdict::Verdict;

/// The number of checks for each verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Checks whose expectations all hold.
    pub passed: usize,
    /// Checks with an expectation that does not hold.
    pub failed: usize,
    /// Checks that could not be decided, those that never ran among them.
    pub errors: usize,
    /// Checks that were not meant to run here.
    pub skipped: usize,
    /// Checks among those that passed which an earlier run performed.
    pub cached: usize,
}

impl Counts {
    /// Counts one more verdict.
    pub fn add(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Failed(_) => self.failed += 1,
            Verdict::Error(_) => self.errors += 1,
            Verdict::Skipped(_) => self.skipped += 1,
        }
    }

    /// All checks.
    pub fn total(&self) -> usize {
        self.passed + self.failed + self.errors + self.skipped
    }

    /// Whether nothing failed and nothing stayed undecided.
    pub fn is_good(&self) -> bool {
        self.failed == 0 && self.errors == 0
    }
}

/// `5 passed, 4 of them cached, 1 failed, 2 errors, 1 skipped`; beside the first only what there is.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed", self.passed)?;
        if self.cached > 0 {
            write!(f, ", {} of them cached", self.cached)?;
        }
        let errors = if self.errors == 1 { "error" } else { "errors" };
        for (count, word) in [
            (self.failed, "failed"),
            (self.errors, errors),
            (self.skipped, "skipped"),
        ] {
            if count > 0 {
                write!(f, ", {count} {word}")?;
            }
        }
        Ok(())
    }
}

/// Counts verdicts while a run goes on; the exit code is decided by them.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Ledger>);

impl Tally {
    /// Begins at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// The counts so far. From the end of the run on, every selected check is among them: one that
    /// never had a verdict is an error.
    pub fn counts(&self) -> Counts {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .counts()
    }
}

impl Listener for Tally {
    fn on(&self, event: &Event) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::golden;

    #[test]
    fn every_verdict_is_counted() {
        let tally = Tally::new();
        golden::events().iter().for_each(|event| tally.on(event));
        let counts = tally.counts();
        assert_eq!(counts.total(), golden::SELECTED);
        assert!(!counts.is_good());
    }

    #[test]
    fn a_selected_check_without_a_verdict_is_an_error() {
        let tally = Tally::new();
        for event in golden::broken_off() {
            tally.on(&event);
        }
        let counts = tally.counts();
        assert_eq!(counts.to_string(), "1 passed, 2 errors");
    }

    #[test]
    fn only_what_there_is_is_named() {
        let counts = |passed, failed, errors, skipped| Counts {
            passed,
            failed,
            errors,
            skipped,
            cached: 0,
        };
        assert_eq!(counts(0, 0, 0, 0).to_string(), "0 passed");
        assert_eq!(
            counts(5, 1, 1, 2).to_string(),
            "5 passed, 1 failed, 1 error, 2 skipped"
        );
        let cached = Counts {
            cached: 4,
            ..counts(5, 0, 0, 2)
        };
        assert_eq!(cached.to_string(), "5 passed, 4 of them cached, 2 skipped");
    }
}
