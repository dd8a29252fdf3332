//! Places, findings and problems.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::excerpt::{Excerpt, Limit};
use crate::report::text::{one_line, terminal_text};
use crate::source::Place;
use crate::verdict::{Finding, Problem};

/// How much of the lines of a finding is kept. Below what JUnit shows, so that nothing is cut
/// twice.
const DETAIL: Limit = Limit {
    bytes: 60 * 1024,
    lines: usize::MAX,
};

/// A place in a spec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlaceRecord {
    /// The spec file, relative to the folder of the project.
    pub file: String,
    /// The line, from 1.
    #[schemars(range(min = 1))]
    pub line: usize,
    /// The column, in characters from 1.
    #[schemars(range(min = 1))]
    pub column: usize,
}

/// An expectation that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingRecord {
    /// The kind of expectation: `exit`, `stdout`, `file.mode`, …
    pub kind: String,
    /// The kind, of a text with the key that does not hold: `stdout.version`.
    pub label: String,
    /// Where that very expectation stands.
    pub place: PlaceRecord,
    /// What is wrong.
    pub message: String,
    /// What was expected and what came, line by line as people see it; cut in the middle if it is
    /// long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Why a check could not be decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProblemRecord {
    /// The kind of problem: `engine`, `image`, `interrupted`, …
    pub kind: String,
    /// What happened.
    pub message: String,
}

impl From<&Place> for PlaceRecord {
    fn from(place: &Place) -> Self {
        Self {
            file: place.source().path().to_string_lossy().into_owned(),
            line: place.line(),
            column: place.column(),
        }
    }
}

impl From<&Finding> for FindingRecord {
    fn from(finding: &Finding) -> Self {
        let detail = |detail: &String| {
            let shown = terminal_text(detail.trim_end_matches('\n'));
            Excerpt::of_bytes(shown.as_bytes(), DETAIL).text(|part| terminal_text(part))
        };
        Self {
            kind: one_line(finding.kind),
            label: match finding.matcher {
                Some(matcher) => one_line(format!("{}.{matcher}", finding.kind)),
                None => one_line(finding.kind),
            },
            place: (&finding.place).into(),
            message: terminal_text(&finding.message),
            detail: finding.detail.as_ref().map(detail),
        }
    }
}

impl From<&Problem> for ProblemRecord {
    fn from(problem: &Problem) -> Self {
        Self {
            kind: one_line(problem.kind),
            message: terminal_text(&problem.message),
        }
    }
}
