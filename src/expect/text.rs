//! Text matchers against what was captured.

use super::judged::{Judged, Subject};
use super::{digest, equal, json, lines, search, version};
use crate::engine::Captured;
use crate::source::Located;
use crate::spec::{TextExpectation, TextMatcher};
use crate::verdict::{Finding, Problem};

/// Judges one text by all matchers: the findings, or why it can't be decided.
///
/// # Errors
/// When a matcher needs the part of the output that was not kept, a file of the project that can't
/// be read, or a filter that finds no end.
pub fn judge(
    subject: Subject<'_>,
    expected: &TextExpectation,
    actual: &Captured,
) -> Result<Vec<Finding>, Problem> {
    let mut findings = Vec::new();
    let mut undecided = None;
    for matcher in &expected.0 {
        match one(subject, matcher, actual) {
            Ok(more) => findings.extend(more),
            Err(error) => undecided = Some(error.problem(subject.name, actual)),
        }
    }
    // One expectation that does not hold decides, whatever the missing part says.
    match undecided {
        Some(problem) if findings.is_empty() => Err(problem),
        _ => Ok(findings),
    }
}

fn one(subject: Subject<'_>, matcher: &Located<TextMatcher>, actual: &Captured) -> Judged {
    let place = &matcher.place;
    match &matcher.value {
        TextMatcher::Equals(expected) => equal::text(subject, place, expected.as_bytes(), actual),
        TextMatcher::EqualsFile(path) => equal::file(subject, place, path, actual),
        TextMatcher::Lines(expected) => lines::judge(subject, &expected.0, actual),
        TextMatcher::Sha256(expected) => digest::judge(subject, place, expected, actual),
        TextMatcher::Json(expected) => json::judge(subject, expected, actual),
        TextMatcher::Version(expected) => version::judge(subject, place, expected, actual),
        TextMatcher::Contains(needle) => search::contains(subject, place, needle, true, actual),
        TextMatcher::NotContains(needle) => search::contains(subject, place, needle, false, actual),
        TextMatcher::Matches(regex) => search::matches(subject, place, regex, true, actual),
        TextMatcher::NotMatches(regex) => search::matches(subject, place, regex, false, actual),
        TextMatcher::Empty(wanted) => {
            let finding = search::empty(subject, place, *wanted, actual);
            Ok(finding.into_iter().collect())
        }
    }
}
