//! What a check came to.

use crate::source::Place;

/// The result of one check.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Everything it expects holds.
    Passed,
    /// Something it expects does not hold. Never empty.
    Failed(Vec<Finding>),
    /// It could not be decided.
    Error(Problem),
    /// It was not meant to run here; the reason.
    Skipped(String),
}

impl Verdict {
    /// The word for it: `passed`, `failed`, `error` or `skipped`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::Error(_) => "error",
            Self::Skipped(_) => "skipped",
        }
    }

    /// Whether it stands in the way of a success: a failure or an error.
    pub fn is_bad(&self) -> bool {
        self.reason().is_some()
    }

    /// What is wrong, first of all: its kind, for machines, and its message. Nothing if nothing is.
    pub fn reason(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Failed(findings) => Some(
                findings
                    .first()
                    .map_or(("failure", "an expectation does not hold"), |first| {
                        (first.kind, &first.message)
                    }),
            ),
            Self::Error(problem) => Some((problem.kind, &problem.message)),
            Self::Passed | Self::Skipped(_) => None,
        }
    }
}

/// One expectation that does not hold.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The place of that very expectation.
    pub place: Place,
    /// The kind of expectation, for machines: `exit`, `stdout`, `file.mode`, …
    pub kind: &'static str,
    /// One line: "expected exit code 0, got 127".
    pub message: String,
    /// More lines, such as a diff.
    pub detail: Option<String>,
    /// Which key of a text's expectation it is: `version`, `contains`, …
    pub matcher: Option<&'static str>,
}

impl Finding {
    /// A finding that one line tells in full.
    pub fn new(place: &Place, kind: &'static str, message: String) -> Self {
        Self {
            place: place.clone(),
            kind,
            message,
            detail: None,
            matcher: None,
        }
    }
}

/// Why a check could not be decided.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The kind of problem, for machines: `engine`, `image`, `interrupted`, `output-limit`, …
    pub kind: &'static str,
    /// What happened, in one line or a few.
    pub message: String,
}
