//! The gate: an image is published if every check of the plan for it passed on exactly its bytes.

use std::collections::{HashMap, HashSet};

use super::refusal::Refusal;
use crate::plan::{Case, Plan};
use crate::report::record::{CheckRecord, Ended, ImageRecord, Judgement, Record};

/// What is to be published.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The name of the image in the plan.
    pub name: String,
    /// The id of what would be published.
    pub id: String,
    /// Its platform, as `os/architecture`, if it says one.
    pub platform: Option<String>,
}

/// What is accepted beyond what is certain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rules {
    /// Results that an earlier run had.
    pub cached: bool,
    /// Checks that were skipped because nothing here could run them.
    pub skipped: bool,
    /// Whether the result is of a run that this very process made, of the very plan.
    pub fresh: bool,
    /// Whether warnings are refused.
    pub deny_warnings: bool,
}

/// What the gate says of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// The checks that passed, by their whole names.
    pub passed: Vec<String>,
    /// The checks that neither passed as they should nor stand in the way, and why.
    pub warned: Vec<(String, String)>,
    /// The checks that stand in the way.
    pub failed: Vec<String>,
    /// Why it is refused; it is not if this is empty.
    pub refusals: Vec<Refusal>,
}

impl Decision {
    /// Whether it may be published.
    pub fn is_accepted(&self) -> bool {
        self.refusals.is_empty()
    }

    /// Refused for a reason that no check gives.
    pub fn refused(reason: Refusal) -> Self {
        Self {
            refusals: vec![reason],
            ..Self::default()
        }
    }
}

/// Decides for one image. `plan` must hold all checks of it, unfiltered, as the specs are now.
pub fn judge(candidate: &Candidate, plan: &Plan, record: &Record, rules: Rules) -> Decision {
    let mut decision = Decision::default();
    let cases = plan.cases.iter();
    let cases: Vec<&Case> = cases
        .map(AsRef::as_ref)
        .filter(|case| case.info.image == candidate.name)
        .collect();
    if cases.is_empty() {
        // An image that nothing is asked of would pass everything.
        return Decision::refused(Refusal::NoChecks);
    }
    let mut images = record.images.iter().filter(|it| it.name == candidate.name);
    let (image, second) = (images.next(), images.next());
    let checks = record.checks.iter();
    let checks: HashMap<&str, &CheckRecord> = checks
        .filter(|check| check.case.image == candidate.name)
        .map(|check| (check.case.name.as_str(), check))
        .collect();
    let (Some(image), false) = (image, checks.is_empty()) else {
        return Decision::refused(Refusal::NoResult);
    };
    if second.is_some() {
        let message = "the result has two images of this name".to_owned();
        decision.refusals.push(Refusal::Inconsistent { message });
    }
    decision.refusals.extend(identity(candidate, image));
    decision.refusals.extend(end(record));

    let mut found = Found::default();
    for case in &cases {
        let name = case.info.name();
        match checks.get(case.info.check.as_str()) {
            None => found.partial.push(name),
            Some(check) => found.take(case, check, image, rules, &mut decision),
        }
    }
    let planned: HashSet<&str> = cases.iter().map(|case| case.info.check.as_str()).collect();
    let gone = checks.keys().filter(|name| !planned.contains(*name));
    let mut gone: Vec<String> = gone
        .map(|name| format!("{}::{name}", candidate.name))
        .collect();
    gone.sort();
    found.stale.extend(gone);
    found.conclude(&mut decision);
    let mut verdicts = checks.values().map(|check| &check.judgement);
    if decision.is_accepted() && !verdicts.any(|it| *it == Judgement::Passed) {
        decision.refusals.push(Refusal::NothingPassed);
    }
    if rules.deny_warnings && !decision.warned.is_empty() {
        let names = decision.warned.iter().map(|(name, _)| name.clone());
        let checks = names.collect();
        decision.refusals.push(Refusal::Warned { checks });
    }
    decision
}

/// Whether it is the image that was tested.
fn identity(candidate: &Candidate, image: &ImageRecord) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    match &image.id {
        None => refusals.push(Refusal::NoResult),
        Some(tested) if *tested != candidate.id => refusals.push(Refusal::OtherImage {
            tested: tested.clone(),
            found: candidate.id.clone(),
        }),
        Some(_) => {}
    }
    if let (Some(tested), Some(found)) = (&image.platform, &candidate.platform)
        && tested != found
    {
        refusals.push(Refusal::OtherPlatform {
            tested: tested.clone(),
            found: found.clone(),
        });
    }
    refusals
}

/// Whether the run came to its end.
fn end(record: &Record) -> Option<Refusal> {
    let message = match record.ended {
        Ended::Complete if record.missing.is_empty() => return None,
        Ended::Complete => format!("the result is not whole: {}", record.missing.join("; ")),
        Ended::Signal { number } => format!("the run was stopped by signal {number}"),
        Ended::Deadline { .. } => "the run was stopped at its deadline".to_owned(),
        Ended::Failures { limit } => format!("the run was stopped after {limit} failures"),
        Ended::Unfinished => "the run goes on, or it was killed".to_owned(),
    };
    Some(Refusal::Unfinished { message })
}

/// Names of checks by what stands in the way.
#[derive(Default)]
struct Found {
    partial: Vec<String>,
    not_run: Vec<String>,
    failed: Vec<String>,
    undecided: Vec<String>,
    skipped: Vec<String>,
    unexpected: Vec<String>,
    stale: Vec<String>,
    incomparable: Vec<String>,
    cached: Vec<String>,
}

impl Found {
    fn take(
        &mut self,
        case: &Case,
        check: &CheckRecord,
        image: &ImageRecord,
        rules: Rules,
        decision: &mut Decision,
    ) {
        let name = case.info.name();
        match is_same(case, check, rules) {
            Some(true) => {}
            Some(false) => self.stale.push(name.clone()),
            None => self.incomparable.push(name.clone()),
        }
        if check.cached && !rules.cached {
            self.cached.push(name.clone());
        }
        let known_to_fail = case.check.options.xfail.is_some();
        match &check.judgement {
            Judgement::Passed if known_to_fail => self.unexpected.push(name),
            Judgement::Passed if check.flaky => {
                let why = format!("passed on try {}", check.earlier.len() + 1);
                decision.warned.push((name, why));
            }
            Judgement::Passed => decision.passed.push(name),
            Judgement::Failed { findings } if findings.iter().any(|it| it.kind == "xfail") => {
                self.unexpected.push(name);
            }
            Judgement::Failed { .. } => self.failed.push(name),
            Judgement::Error { .. } if check.was_not_run() => self.not_run.push(name),
            Judgement::Error { .. } => self.undecided.push(name),
            Judgement::Skipped { reason } => match intended(case, check, image) {
                Some(why) => decision.warned.push((name, why)),
                None if rules.skipped => decision.warned.push((name, format!("skipped: {reason}"))),
                None => self.skipped.push(name),
            },
        }
    }

    fn conclude(self, decision: &mut Decision) {
        type Reason = fn(Vec<String>) -> Refusal;
        let reasons: [(Vec<String>, Reason); 9] = [
            (self.partial, |checks| Refusal::Partial { checks }),
            (self.not_run, |checks| Refusal::NotRun { checks }),
            (self.failed, |checks| Refusal::Failed { checks }),
            (self.undecided, |checks| Refusal::Undecided { checks }),
            (self.skipped, |checks| Refusal::Skipped { checks }),
            (self.unexpected, |checks| Refusal::PassedUnexpectedly {
                checks,
            }),
            (self.stale, |checks| Refusal::Stale { checks }),
            (self.incomparable, |checks| Refusal::Incomparable { checks }),
            (self.cached, |checks| Refusal::Cached { checks }),
        ];
        for (checks, reason) in reasons {
            if !checks.is_empty() {
                decision.failed.extend(checks.iter().cloned());
                decision.refusals.push(reason(checks));
            }
        }
        let mut told = HashSet::new();
        decision.failed.retain(|name| told.insert(name.clone()));
    }
}

/// Why the spec wants the check skipped on this image. What only the engine could not do is not
/// among that, whatever the record says of it.
fn intended(case: &Case, check: &CheckRecord, image: &ImageRecord) -> Option<String> {
    let options = &case.check.options;
    if let Some(reason) = &options.skip {
        return (!check.xfailed).then(|| format!("skipped: {}", reason.value));
    }
    if let Some(reason) = &options.xfail
        && check.xfailed
    {
        return Some(format!("fails as expected: {}", reason.value));
    }
    let wanted = options.only.as_ref()?.platform.as_ref()?;
    let platform = image.platform.as_deref()?;
    let meant = |name: &str| name == platform || name.starts_with(&format!("{platform}/"));
    (!wanted.0.iter().any(|name| meant(name))).then(|| format!("not for {platform}"))
}

/// Whether the record is of the check that the specs have now; nothing if that can't be told.
fn is_same(case: &Case, check: &CheckRecord, rules: Rules) -> Option<bool> {
    match (&case.info.fingerprint, &check.case.fingerprint) {
        (Some(now), Some(then)) => Some(now == then),
        // It was made of this very plan.
        (None, None) if rules.fresh => Some(true),
        _ => None,
    }
}
