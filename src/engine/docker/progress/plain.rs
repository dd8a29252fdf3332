//! BuildKit's progress as its clients write it in plain text, read back.

use bollard::moby::buildkit::v1::{StatusResponse, Vertex, VertexLog};

use super::buildkit::BuildKitProgress;
use crate::build::{BuildError, BuildEvent, Lines};

/// Follows one build of `docker build --progress=plain`.
#[derive(Debug, Default)]
pub(in super::super) struct PlainProgress {
    lines: Lines,
    graph: BuildKitProgress,
    /// What was begun, by the number that lines have in front.
    begun: Vec<(String, Vertex)>,
    /// The last line that belongs to no step.
    last: String,
}

impl PlainProgress {
    /// Takes a piece of what the client writes.
    pub(in super::super) fn take(&mut self, chunk: &[u8], emit: &dyn Fn(BuildEvent)) {
        for line in self.lines.push(chunk) {
            self.line(&line, emit);
        }
    }

    /// `#5 [2/3] RUN x` begins a step, `#5 0.1 text` is what it wrote, and `#5 DONE 0.2s` ends it.
    fn line(&mut self, line: &str, emit: &dyn Fn(BuildEvent)) {
        let numbered = line.strip_prefix('#').and_then(|it| it.split_once(' '));
        let numbered = numbered.filter(|(number, _)| number.parse::<u32>().is_ok());
        let Some((number, text)) = numbered else {
            if !line.trim().is_empty() {
                line.trim().clone_into(&mut self.last);
            }
            return;
        };
        let known = self.begun.iter_mut().find(|(known, _)| known == number);
        let Some((_, vertex)) = known else {
            let vertex = Vertex {
                digest: number.to_owned(),
                name: text.to_owned(),
                started: Some(Default::default()),
                ..Vertex::default()
            };
            self.begun.push((number.to_owned(), vertex.clone()));
            return self.graph.take(of(vertex), emit);
        };
        let (done, error) = match text.split_once(' ').unwrap_or((text, "")) {
            ("DONE" | "CACHED", _) => (true, ""),
            ("CANCELED", _) => (true, "context canceled"),
            ("ERROR:", error) => (true, error),
            _ => (false, ""),
        };
        if done {
            vertex.cached |= text == "CACHED";
            vertex.completed = Some(Default::default());
            error.clone_into(&mut vertex.error);
            let vertex = vertex.clone();
            return self.graph.take(of(vertex), emit);
        }
        // What the client itself tells of a step has no time in front.
        let (time, text) = text.split_once(' ').unwrap_or((text, ""));
        if time.chars().all(|c| c.is_ascii_digit() || c == '.') && time != "..." {
            let log = VertexLog {
                vertex: number.to_owned(),
                msg: format!("{text}\n").into_bytes(),
                ..VertexLog::default()
            };
            let status = StatusResponse {
                logs: vec![log],
                ..StatusResponse::default()
            };
            self.graph.take(status, emit);
        }
    }

    /// Ends a build that succeeded: whether all of it came from the cache.
    pub(in super::super) fn finish(mut self, emit: &dyn Fn(BuildEvent)) -> bool {
        self.end(emit);
        self.graph.all_cached()
    }

    /// What to say of a build that did not.
    pub(in super::super) fn failure(mut self, emit: &dyn Fn(BuildEvent)) -> BuildError {
        self.end(emit);
        let reason = self.last.trim_start_matches("ERROR: ");
        let reason = reason.trim_start_matches("failed to solve: ");
        let reason = match reason {
            "" => "the client ended without a word",
            reason => reason,
        };
        self.graph.failure(reason.to_owned())
    }

    fn end(&mut self, emit: &dyn Fn(BuildEvent)) {
        if let Some(line) = self.lines.end() {
            self.line(&line, emit);
        }
    }
}

fn of(vertex: Vertex) -> StatusResponse {
    StatusResponse {
        vertexes: vec![vertex],
        ..StatusResponse::default()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// As Docker 20.10 writes it, and as buildx does.
    const FAILED: [&str; 2] = [
        "#1 [internal] load build definition from Dockerfile\n\
         #1 sha256:a4ad9e506dbd\n\
         #1 transferring dockerfile: 160B done\n\
         #1 DONE 0.0s\n\n\
         #4 [1/3] FROM docker.io/library/debian:bookworm-slim\n\
         #4 CACHED\n\n\
         #5 [2/3] RUN sleep 1\n\
         #6 [other 2/2] RUN x\n\
         #6 0.100 noise\n\
         #5 ...\n\
         #5 [2/3] RUN sleep 1\n\
         #5 0.548 DONE 19893\n\
         #5 0.549\n\
         #5 DONE 0.6s\n\n\
         #7 [3/3] RUN echo hi; exit 3\n\
         #7 0.499 hi\n\
         #6 CANCELED\n\
         #7 ERROR: executor failed running [/bin/sh -c echo hi; exit 3]: exit code: 3\n\
         ------\n > [3/3] RUN echo hi; exit 3:\n------\n\
         executor failed running [/bin/sh -c echo hi; exit 3]: exit code: 3\n",
        "#0 building with \"default\" instance using docker driver\n\n\
         #1 [internal] load build definition from Dockerfile\n#1 DONE 0.0s\n\n\
         #4 [1/3] FROM docker.io/library/debian:bookworm-slim\n#4 CACHED\n\n\
         #5 [2/3] RUN sleep 1\n#5 0.548 DONE 19893\n#5 DONE 0.6s\n\n\
         #7 [3/3] RUN echo hi; exit 3\n#7 0.499 hi\n\
         #7 ERROR: process \"/bin/sh -c echo hi; exit 3\" did not complete successfully: exit code: 3\n\
         ------\n > [3/3] RUN echo hi; exit 3:\n0.499 hi\n------\nDockerfile:4\n--------------------\n   \
         4 | >>> RUN echo hi; exit 3\n--------------------\n\
         ERROR: failed to solve: process \"/bin/sh -c echo hi; exit 3\" did not complete successfully: exit code: 3",
    ];

    #[test]
    fn a_failure_has_its_step_and_its_lines() {
        for text in FAILED {
            let told = RefCell::new(Vec::new());
            let emit = |event| told.borrow_mut().push(event);
            let mut progress = PlainProgress::default();
            for piece in text.as_bytes().chunks(7) {
                progress.take(piece, &emit);
            }
            let BuildError::Step { step, reason, log } = progress.failure(&emit) else {
                panic!("no step")
            };
            assert_eq!(
                (step.position.as_str(), step.text.as_str()),
                ("3/3", "RUN echo hi; exit 3")
            );
            assert!(reason.ends_with("exit code: 3"), "{reason}");
            assert_eq!(log, ["hi"]);
            let told = told.into_inner();
            let line = BuildEvent::Log("DONE 19893".to_owned());
            assert!(told.contains(&line), "{told:?}");
        }
    }

    #[test]
    fn what_came_from_the_cache_is_known() {
        let text = "#4 [1/2] FROM debian\n#4 DONE 0.1s\n#5 [2/2] RUN x\n#5 CACHED\n\
                    #6 exporting to image\n#6 DONE 0.0s\n";
        for (text, expected) in [
            (text.to_owned(), true),
            (text.replace("CACHED", "DONE 0.1s"), false),
        ] {
            let mut progress = PlainProgress::default();
            progress.take(text.as_bytes(), &|_| ());
            assert_eq!(progress.finish(&|_| ()), expected);
        }
    }

    #[test]
    fn an_end_without_a_step_is_told_in_the_words_of_the_client() {
        let table = [
            (
                "#2 [internal] x\n#2 DONE 0s\nERROR: failed to solve: dockerfile parse error",
                "dockerfile parse error",
            ),
            ("", "the client ended without a word"),
        ];
        for (text, expected) in table {
            let mut progress = PlainProgress::default();
            progress.take(text.as_bytes(), &|_| ());
            assert_eq!(progress.failure(&|_| ()).to_string(), expected);
        }
    }
}
