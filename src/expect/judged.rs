//! What a matcher can say of a text.

use std::path::Path;

use crate::engine::Captured;
use crate::source::Place;
use crate::verdict::{Finding, Problem};

/// What a text is, for messages, and where files that it is compared with lie.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// For machines: `stdout`, `file.content`, …
    pub kind: &'static str,
    /// For people: "stdout", "the variable `PATH`", …
    pub name: &'a str,
    /// The folder that `equals_file` is relative to.
    pub root: &'a Path,
}

impl<'a> Subject<'a> {
    /// A part of this text, such as one of its lines.
    pub(super) fn part<'b>(&self, name: &'b str) -> Subject<'b>
    where
        'a: 'b,
    {
        Subject { name, ..*self }
    }

    pub(super) fn finding(&self, place: &Place, message: String) -> Finding {
        Finding::new(place, self.kind, message)
    }
}

/// Why a matcher can't say.
#[derive(Debug)]
pub(super) enum Undecided {
    /// The answer lies in the part of the output that was not kept.
    CutOff,
    /// Something else is in the way.
    Problem(Problem),
}

impl Undecided {
    pub(super) fn problem(self, name: &str, actual: &Captured) -> Problem {
        match self {
            Self::Problem(problem) => problem,
            Self::CutOff => Problem {
                kind: "output-limit",
                message: format!(
                    "{name} has {} bytes, of which {} in the middle were not kept: this \
                     expectation can't be decided; expect something of less output, or let the \
                     command filter it",
                    actual.total(),
                    actual.omitted()
                ),
            },
        }
    }
}

/// What does not hold; nothing when all does.
pub(super) type Judged = Result<Vec<Finding>, Undecided>;

/// Whether a part of the text was not kept.
pub(super) fn is_cut(actual: &Captured) -> bool {
    actual.omitted() > 0
}

/// The text without one final newline.
pub(super) fn trim_newline(text: &[u8]) -> &[u8] {
    text.strip_suffix(b"\n").unwrap_or(text)
}
