//! What buildah writes: steps and their output as the classic builder has them, then its reason.

use crate::build::{BuildError, BuildEvent, ClassicProgress, Lines};

/// Follows one build.
#[derive(Debug, Default)]
pub(super) struct BuildahProgress {
    lines: Lines,
    classic: ClassicProgress,
    /// A line that is buildah's reason if no further one comes.
    reason: Option<String>,
}

impl BuildahProgress {
    /// Takes a piece of what it writes.
    pub(super) fn take(&mut self, chunk: &[u8], emit: &dyn Fn(BuildEvent)) {
        for line in self.lines.push(chunk) {
            self.line(&line, emit);
        }
    }

    fn line(&mut self, line: &str, emit: &dyn Fn(BuildEvent)) {
        if line.starts_with("subprocess exited ") {
            // buildah's own runner says so of what it ran, and the reason says it again.
            return;
        }
        // Whatever was a reason so far was a step's own word.
        if let Some(word) = self.reason.take() {
            self.classic.take(&format!("{word}\n"), emit);
        }
        if line.starts_with("Error: ") {
            self.reason = Some(line.to_owned());
        } else {
            self.classic.take(&format!("{line}\n"), emit);
        }
    }

    /// Ends a build that succeeded: whether all of it came from the cache.
    pub(super) fn finish(mut self, emit: &dyn Fn(BuildEvent)) -> bool {
        if let Some(line) = self.lines.end() {
            self.line(&line, emit);
        }
        self.classic.finish(emit);
        self.classic.all_cached()
    }

    /// What to say of a build that did not.
    pub(super) fn failure(mut self, emit: &dyn Fn(BuildEvent)) -> BuildError {
        if let Some(line) = self.lines.end() {
            self.line(&line, emit);
        }
        let reason = match self.reason {
            Some(line) => reason(&line),
            None => "buildah ended without a word".to_owned(),
        };
        self.classic.failure(reason)
    }
}

/// `Error: building at STEP "RUN false": while running runtime: exit status 1`, without what is
/// said elsewhere.
fn reason(line: &str) -> String {
    let text = line.trim_start_matches("Error: ");
    let Some(rest) = text.strip_prefix("building at STEP \"") else {
        return text.to_owned();
    };
    let status = rest.rfind("\": ").map(|at| &rest[at + 3..]);
    match status.filter(|status| status.contains("exit status ")) {
        Some(status) => status
            .trim_start_matches("while running runtime: ")
            .to_owned(),
        None => rest
            .split_once("\": ")
            .map_or(text, |(_, reason)| reason)
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn a_failed_step_has_its_own_lines_and_buildahs_reason() {
        let told = RefCell::new(Vec::new());
        let emit = |event| told.borrow_mut().push(event);
        let mut progress = BuildahProgress::default();
        let text = "STEP 1/2: FROM x\nSTEP 2/2: RUN echo \"a\": b; exit 3\nError: mine\n\
                    time=\"x\" level=error\nsubprocess exited with status 3\n\
                    Error: building at STEP \"RUN echo \"a\": b; exit 3\": while running runtime: exit status 3";
        for piece in text.as_bytes().chunks(5) {
            progress.take(piece, &emit);
        }
        let BuildError::Step { step, reason, log } = progress.failure(&emit) else {
            panic!("no step")
        };
        assert_eq!(step.position, "2/2");
        assert_eq!(reason, "exit status 3");
        assert_eq!(log, ["Error: mine", "time=\"x\" level=error"]);
    }

    #[test]
    fn reasons_are_told_without_what_stands_elsewhere() {
        let table = [
            (
                "Error: creating build container: no x",
                "creating build container: no x",
            ),
            (
                "Error: building at STEP \"RUN x\": exit status 1",
                "exit status 1",
            ),
            (
                "Error: building at STEP \"COPY a /\": checking on sources: no items matching",
                "checking on sources: no items matching",
            ),
            ("Error: building at STEP \"odd", "building at STEP \"odd"),
        ];
        for (line, expected) in table {
            assert_eq!(reason(line), expected);
        }
    }
}
