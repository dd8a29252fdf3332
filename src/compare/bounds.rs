//! How much a comparison may take.

use std::time::{Duration, Instant};

use crate::engine::EngineError;

/// An image with more files is refused: they are kept in memory.
const MOST_FILES: usize = 3_000_000;

/// How much a comparison may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    end: Option<(Instant, Duration)>,
}

impl Bounds {
    /// As long as it takes.
    pub const fn none() -> Self {
        Self { end: None }
    }

    /// So long from now on.
    pub fn within(limit: Duration) -> Self {
        let end = Instant::now().checked_add(limit);
        Self {
            end: end.map(|end| (end, limit)),
        }
    }

    /// Whether the time is over.
    pub(super) fn are_over(self) -> bool {
        self.check().is_err()
    }

    /// An error as soon as the time is over.
    pub(super) fn check(self) -> Result<(), EngineError> {
        match self.end {
            Some((end, limit)) if Instant::now() > end => Err(EngineError::TimedOut {
                step: "show all files",
                limit,
            }),
            _ => Ok(()),
        }
    }

    /// An error if an image has more files than are kept.
    pub(super) fn check_count(count: usize) -> Result<(), EngineError> {
        if count <= MOST_FILES {
            return Ok(());
        }
        Err(EngineError::Failed {
            step: "show all files",
            reason: format!("there are more than {MOST_FILES}"),
        })
    }
}
