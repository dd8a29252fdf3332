//! What several results of one check come to.

use crate::report::record::{CheckRecord, Judgement};

/// Kinds of problems of checks that were not performed to their end: for reasons of the run.
const BROKEN_OFF: [&str; 5] = [
    "interrupted",
    "deadline",
    "not-run",
    "unfinished",
    "missing",
];

/// Whether the run ended before the check did.
pub(super) fn is_broken_off(check: &CheckRecord) -> bool {
    match &check.judgement {
        Judgement::Error { problem } => BROKEN_OFF.contains(&problem.kind.as_str()),
        _ => false,
    }
}

/// One result of all `attempts` at one check, the oldest first; as with further tries within one
/// run the last decides, and one that passed after others is flaky. What was broken off or skipped
/// says nothing if another attempt does. Passing again adds nothing.
pub(super) fn decide(mut attempts: Vec<CheckRecord>) -> Option<CheckRecord> {
    // By weight: what was skipped says more than what was broken off, the rest more than both.
    let weight = |check: &CheckRecord| match &check.judgement {
        _ if is_broken_off(check) => 0,
        Judgement::Skipped { .. } => 1,
        _ => 2,
    };
    let most = attempts.iter().map(weight).max()?;
    attempts.retain(|check| weight(check) == most);
    let mut last = attempts.pop()?;
    if most < 2 {
        return Some(last);
    }
    let passed = last.judgement == Judgement::Passed;
    let mut earlier: Vec<Judgement> = attempts
        .into_iter()
        .flat_map(|check| check.earlier.into_iter().chain([check.judgement]))
        .filter(|judgement| !passed || judgement.is_bad())
        .collect();
    earlier.append(&mut last.earlier);
    last.flaky = passed && !earlier.is_empty();
    last.earlier = earlier;
    Some(last)
}
