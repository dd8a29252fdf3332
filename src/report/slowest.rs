//! The checks that take most of the time.

use std::cmp::Reverse;
use std::time::Duration;

use crate::event::CaseResult;

/// So many are told.
const MOST: usize = 3;

/// What is faster than this is not worth a word.
const SLOW: Duration = Duration::from_secs(1);

/// The slowest checks so far, the slowest first.
#[derive(Debug, Default)]
pub(super) struct Slowest(Vec<(Duration, String)>);

impl Slowest {
    /// Takes one more result.
    pub(super) fn take(&mut self, result: &CaseResult) {
        if result.duration < SLOW {
            return;
        }
        self.0.push((result.duration, result.case.name()));
        self.0.sort_by_key(|(duration, _)| Reverse(*duration));
        self.0.truncate(MOST);
    }

    /// How long they took, and their names.
    pub(super) fn all(&self) -> &[(Duration, String)] {
        &self.0
    }
}
