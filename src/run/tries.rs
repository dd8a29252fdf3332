//! One check, tried as often as it takes.

use super::policy::Policy;
use crate::check::Observation;
use crate::plan::Case;
use crate::source::Place;
use crate::verdict::{Finding, Verdict};

/// What came of all tries of a check.
pub(super) struct Tried {
    /// The try that decides.
    pub(super) observed: Observation,
    /// What the tries before it came to.
    pub(super) earlier: Vec<Verdict>,
}

/// Tries a check until it passes, as often as spec and caller want, or as often as it is to be
/// repeated. `goes_on` says whether there is still time for it.
pub(super) fn tried(
    case: &Case,
    policy: Policy,
    goes_on: &dyn Fn() -> bool,
    once: &dyn Fn() -> Observation,
) -> Tried {
    if policy.repeat > 1 {
        return repeated(case, policy.repeat, goes_on, once);
    }
    let own = case.check.options.retries.map_or(0, |retries| retries.0);
    let retries = own.max(policy.retries);
    let mut earlier = Vec::new();
    let mut observed = once();
    while (earlier.len() as u32) < retries && goes_on() && observed.verdict.is_bad() {
        let again = once();
        earlier.push(std::mem::replace(&mut observed, again).verdict);
    }
    if policy.flaky_fails && !earlier.is_empty() && matches!(observed.verdict, Verdict::Passed) {
        observed.verdict = flaky(&case.check.place, &earlier);
    }
    Tried { observed, earlier }
}

/// Passing only sometimes is a failure where that is wanted.
fn flaky(place: &Place, earlier: &[Verdict]) -> Verdict {
    let tries = earlier.len() + 1;
    let message = format!("flaky: passed only on try {tries}");
    let mut finding = Finding::new(place, "flaky", message);
    let told: Vec<String> = earlier
        .iter()
        .zip(1..)
        .map(|(verdict, number)| tell(number, verdict))
        .collect();
    finding.detail = Some(told.join("\n"));
    Verdict::Failed(vec![finding])
}

fn tell(number: u32, verdict: &Verdict) -> String {
    let what = verdict
        .reason()
        .map_or(verdict.word(), |(_, message)| message);
    format!("try {number}: {}", what.lines().next().unwrap_or_default())
}

/// Every repetition must pass. The first that does not is shown, with how many others did.
fn repeated(
    case: &Case,
    times: u32,
    goes_on: &dyn Fn() -> bool,
    once: &dyn Fn() -> Observation,
) -> Tried {
    let mut shown = once();
    let mut runs = 1;
    let mut bad = u32::from(shown.verdict.is_bad());
    while runs < times && goes_on() {
        let next = once();
        runs += 1;
        bad += u32::from(next.verdict.is_bad());
        if !shown.verdict.is_bad() {
            shown = next;
        }
    }
    if let Verdict::Failed(findings) = &mut shown.verdict {
        let message = format!("did not pass {bad} of {runs} times; the first of them:");
        findings.insert(0, Finding::new(&case.check.place, "repeat", message));
    }
    Tried {
        observed: shown,
        earlier: Vec::new(),
    }
}
