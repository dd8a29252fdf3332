//! How many checks of a record came to what.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{CheckRecord, Judgement};
use crate::report::summary::Counts;

/// How many checks came to what. The first four add up to all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CountsRecord {
    /// Checks that passed, those that are flaky among them.
    pub passed: usize,
    /// Checks that failed.
    pub failed: usize,
    /// Checks that could not be decided, those that were not run among them; and what is missing.
    pub errors: usize,
    /// Checks that were skipped, those that failed as was known among them.
    pub skipped: usize,
    /// Checks that passed only when they were tried again.
    pub flaky: usize,
    /// Checks that passed in an earlier run whose result still holds.
    #[serde(default)]
    pub cached: usize,
    /// Checks that failed as was known.
    pub xfail: usize,
    /// Checks that were to be performed and were not begun.
    pub not_run: usize,
}

impl CountsRecord {
    /// Counts the checks, and `missing` more errors.
    pub fn of(checks: &[CheckRecord], missing: usize) -> Self {
        let mut counts = Self {
            errors: missing,
            ..Self::default()
        };
        for check in checks {
            counts.add(check);
        }
        counts
    }

    /// Counts one more check.
    pub fn add(&mut self, check: &CheckRecord) {
        match check.judgement {
            Judgement::Passed => self.passed += 1,
            Judgement::Failed { .. } => self.failed += 1,
            Judgement::Error { .. } => self.errors += 1,
            Judgement::Skipped { .. } => self.skipped += 1,
        }
        self.flaky += usize::from(check.flaky);
        self.cached += usize::from(check.cached);
        self.xfail += usize::from(check.xfailed);
        self.not_run += usize::from(check.was_not_run());
    }
}

impl From<CountsRecord> for Counts {
    fn from(counts: CountsRecord) -> Self {
        Self {
            passed: counts.passed,
            cached: counts.cached,
            failed: counts.failed,
            errors: counts.errors,
            skipped: counts.skipped,
        }
    }
}
