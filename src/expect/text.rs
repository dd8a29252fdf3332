//! Text matchers against what was captured.

use super::flow::Flow;
use super::judged::{Judged, Subject, is_cut};
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
    for (index, matcher) in expected.0.iter().enumerate() {
        match one(subject, index, matcher, actual) {
            Ok(more) => findings.extend(more.into_iter().map(|finding| Finding {
                matcher: Some(matcher.value.key()),
                ..finding
            })),
            Err(error) => undecided = Some(error.problem(subject.name, actual)),
        }
    }
    // One expectation that does not hold decides, whatever the missing part says.
    match undecided {
        Some(problem) if findings.is_empty() => Err(problem),
        _ => Ok(findings),
    }
}

/// `index` is where the matcher stands in its expectation, for what was noted of the flow.
fn one(
    subject: Subject<'_>,
    index: usize,
    matcher: &Located<TextMatcher>,
    actual: &Captured,
) -> Judged {
    let place = &matcher.place;
    let flow = actual.seen::<Flow>().filter(|_| is_cut(actual));
    match &matcher.value {
        TextMatcher::Equals(expected) => equal::text(subject, place, expected.as_bytes(), actual),
        TextMatcher::EqualsFile(path) => equal::file(subject, place, path, actual),
        TextMatcher::Lines(expected) => lines::judge(subject, &expected.0, actual),
        TextMatcher::Sha256(expected) => {
            let noted = flow.and_then(|flow| flow.sha256(index));
            digest::judge(subject, place, expected, actual, noted)
        }
        TextMatcher::Json(expected) => json::judge(subject, expected, actual),
        TextMatcher::Version(expected) => version::judge(subject, place, expected, actual),
        TextMatcher::Contains(needle) | TextMatcher::NotContains(needle) => {
            let wanted = matches!(matcher.value, TextMatcher::Contains(_));
            let noted = flow.and_then(|flow| flow.contains(index));
            search::contains(subject, place, (needle, wanted), actual, noted)
        }
        TextMatcher::Matches(regex) | TextMatcher::NotMatches(regex) => {
            let wanted = matches!(matcher.value, TextMatcher::Matches(_));
            let noted = flow.and_then(|flow| flow.matches(index));
            search::matches(subject, place, (regex, wanted), actual, noted)
        }
        TextMatcher::Empty(wanted) => {
            let finding = search::empty(subject, place, *wanted, actual);
            Ok(finding.into_iter().collect())
        }
    }
}
