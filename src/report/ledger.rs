//! What a report remembers of a run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::summary::Counts;
use crate::event::{CaseInfo, CaseResult, Event, RunEnd, RunStart};
use crate::verdict::{Problem, Verdict};

/// Collects events, and makes errors of checks that never had a verdict.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    start: Option<Arc<RunStart>>,
    /// Checks without a verdict.
    open: BTreeMap<usize, Arc<CaseInfo>>,
    results: Vec<Arc<CaseResult>>,
    keep: Keep,
    counts: Counts,
}

/// Which results a report needs until the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Keep {
    /// None: only the counts.
    #[default]
    Nothing,
    /// Failures and errors.
    Bad,
    /// All.
    Everything,
}

impl Ledger {
    pub(super) fn new(keep: Keep) -> Self {
        Self {
            keep,
            ..Self::default()
        }
    }

    pub(super) fn take(&mut self, event: &Event) {
        match event {
            Event::RunStarted(start) => {
                let open = start.checks.iter();
                self.open = open.map(|case| (case.index, Arc::clone(case))).collect();
                self.start = Some(Arc::clone(start));
            }
            Event::ImageReady(_) | Event::CheckStarted(_) => {}
            Event::CheckFinished(result) => {
                self.open.remove(&result.case.index);
                self.enter(Arc::clone(result));
            }
            Event::RunFinished(end) => self.settle(end),
        }
    }

    fn enter(&mut self, result: Arc<CaseResult>) {
        self.counts.add(&result.verdict);
        self.counts.cached += usize::from(result.cached.is_some());
        let bad = result.verdict.is_bad();
        if self.keep == Keep::Everything || (bad && self.keep == Keep::Bad) {
            self.results.push(result);
        }
    }

    /// The run promises a verdict for every check. If it ever breaks that promise, the gap must
    /// not look like success.
    fn settle(&mut self, end: &RunEnd) {
        for case in std::mem::take(&mut self.open).into_values() {
            self.enter(Arc::new(without_verdict(case)));
        }
        self.counts.errors += end.missing.len();
        self.results.sort_by_key(|result| result.case.index);
    }

    pub(super) fn start(&self) -> Option<&RunStart> {
        self.start.as_deref()
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// The results that were kept, in the order of the plan, grouped by image.
    pub(super) fn by_image(&self) -> Vec<(&str, Vec<&CaseResult>)> {
        let mut groups: Vec<(&str, Vec<&CaseResult>)> = Vec::new();
        for result in &self.results {
            let image = result.case.image.as_str();
            match groups.iter_mut().find(|(name, _)| *name == image) {
                Some((_, results)) => results.push(result),
                None => groups.push((image, vec![result])),
            }
        }
        groups
    }
}

/// The error that stands for a check which was selected and has no verdict.
pub(super) fn without_verdict(case: Arc<CaseInfo>) -> CaseResult {
    CaseResult {
        case,
        verdict: Verdict::Error(Problem {
            kind: "unfinished",
            message: "the run ended before this check had a verdict".into(),
        }),
        xfailed: false,
        worker: None,
        offset: Duration::ZERO,
        duration: Duration::ZERO,
        stdout: None,
        stderr: None,
        reproduce: None,
        cached: None,
        earlier: Vec::new(),
    }
}
