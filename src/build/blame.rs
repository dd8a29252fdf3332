//! Where in its Dockerfile a build failed, and what to say of it.

use std::fmt::Write as _;
use std::path::Path;

use super::builder::{BuildError, Job};
use super::driver::ImageOutcome;
use crate::dockerfile::Dockerfile;
use crate::source::Place;
use crate::verdict::Problem;
use crate::words::{in_one_line, shortened};

/// Longer instructions are cut: the place tells where the whole one is.
const LONGEST: usize = 100;

impl BuildError {
    /// The instruction that failed, if that is certain. Files are named as seen from `root`.
    pub fn place(&self, job: &Job, root: &Path) -> Option<Place> {
        let Self::Step { step, .. } = self else {
            return None;
        };
        let shown = job.shown_dockerfile(root);
        let file = Dockerfile::open(&job.dockerfile, shown).ok()?;
        let found = file.instruction_at_step(&step.position, &step.text)?;
        Some(found.place.clone())
    }
}

impl Job {
    /// Why checks of this image can't be decided; nothing if it was built.
    pub fn problem(&self, outcome: &ImageOutcome, root: &Path) -> Option<Problem> {
        let message = match outcome {
            ImageOutcome::Built(_) => return None,
            ImageOutcome::Failed(error) => self.failed(error, root),
            ImageOutcome::ParentFailed(parent) => {
                format!("the image was not built, because its parent {parent} could not be")
            }
            ImageOutcome::NotTried => "the image was not built: the run ended before".to_owned(),
        };
        let kind = match outcome {
            ImageOutcome::Failed(BuildError::TimedOut(_)) => "build-timeout",
            ImageOutcome::Failed(BuildError::NoSpace(_)) => "build-space",
            _ => "build",
        };
        Some(Problem { kind, message })
    }

    fn failed(&self, error: &BuildError, root: &Path) -> String {
        let BuildError::Step { step, reason, log } = error else {
            let words = match error {
                BuildError::Refused(words) => {
                    format!(
                        "{}: {}",
                        self.shown_dockerfile(root).display(),
                        words.trim()
                    )
                }
                error => error.to_string(),
            };
            return format!("the image could not be built: {words}");
        };
        let place = match error.place(self, root) {
            Some(place) => format!("{}:{}", place.source().path().display(), place.line()),
            None => format!(
                "{}, step {}",
                self.shown_dockerfile(root).display(),
                step.position
            ),
        };
        let mut text = format!(
            "the image could not be built: {place}: `{}` {}",
            shortened(&in_one_line(&step.text), LONGEST),
            ended(reason.trim())
        );
        if log.is_empty() {
            text.push_str("\nit wrote nothing");
        } else {
            text.push_str("\nits last lines:");
        }
        for line in log {
            let _ = write!(text, "\n| {}", as_seen(line));
        }
        text
    }
}

/// A line that a build wrote, without colours. Of one that was overwritten (a progress bar) the last
/// state stays.
pub(crate) fn as_seen(line: &str) -> String {
    let last = line.trim_end_matches('\r').rsplit('\r').next();
    anstream::adapter::strip_str(last.unwrap_or_default()).to_string()
}

/// How a step ended. Builders repeat the whole instruction, and each has its own words for the code.
fn ended(reason: &str) -> String {
    let words = ["returned a non-zero code: ", "exit code: ", "exit status "];
    let code = words.iter().find_map(|words| {
        let (_, code) = reason.rsplit_once(words)?;
        code.parse::<u8>().ok()
    });
    match code {
        Some(code) => format!("failed with exit code {code}"),
        None => format!("failed: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_builders_tell_the_code_in_the_same_words() {
        let table = [
            (
                "The command '/bin/sh -c x' returned a non-zero code: 7",
                "failed with exit code 7",
            ),
            (
                "executor failed running [x]: exit code: 127",
                "failed with exit code 127",
            ),
            (
                "process \"x\" did not complete successfully: exit code: 1",
                "failed with exit code 1",
            ),
            ("exit status 3", "failed with exit code 3"),
            ("no such file", "failed: no such file"),
            ("exit code: many", "failed: exit code: many"),
        ];
        for (reason, expected) in table {
            assert_eq!(ended(reason), expected);
        }
    }
}
