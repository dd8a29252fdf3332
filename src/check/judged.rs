//! What several expectations came to together.

use crate::verdict::{Finding, Problem};

/// Findings, and the first thing that could not be decided.
#[derive(Default)]
pub(super) struct Judged {
    findings: Vec<Finding>,
    undecided: Option<Problem>,
}

impl Judged {
    /// Adds what one expectation came to.
    pub(super) fn add(&mut self, judged: Result<Vec<Finding>, Problem>) {
        match judged {
            Ok(findings) => self.findings.extend(findings),
            Err(problem) => {
                self.undecided.get_or_insert(problem);
            }
        }
    }

    /// One expectation that does not hold decides, whatever the undecided ones would say.
    pub(super) fn finish(self) -> Result<Vec<Finding>, Problem> {
        match self.undecided {
            Some(problem) if self.findings.is_empty() => Err(problem),
            _ => Ok(self.findings),
        }
    }
}
