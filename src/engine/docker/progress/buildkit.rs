//! BuildKit: a graph of vertices, several of which can be under way at once.

use std::collections::HashMap;

use bollard::moby::buildkit::v1::{StatusResponse, Vertex};

use crate::build::{BuildError, BuildEvent, Lines, Step};

/// Follows one BuildKit build.
#[derive(Debug, Default)]
pub(in super::super) struct BuildKitProgress {
    vertices: HashMap<String, State>,
    failed: Option<String>,
    worked: bool,
}

#[derive(Debug, Default)]
struct State {
    name: String,
    started: bool,
    finished: bool,
    error: String,
    lines: Lines,
}

impl BuildKitProgress {
    /// Takes one message and passes on what is new in it.
    pub(in super::super) fn take(&mut self, status: StatusResponse, emit: &dyn Fn(BuildEvent)) {
        for vertex in status.vertexes {
            self.vertex(vertex, emit);
        }
        for log in status.logs {
            let state = self.vertices.entry(log.vertex).or_default();
            for line in state.lines.push(&log.msg) {
                state.lines.keep(&line);
                emit(BuildEvent::Log(line));
            }
        }
    }

    /// Whether no step of the Dockerfile had to be worked on.
    pub(in super::super) fn all_cached(&self) -> bool {
        !self.worked
    }

    /// What to say about the end that came with `reason`.
    pub(in super::super) fn failure(mut self, reason: String) -> BuildError {
        let failed = self.failed.and_then(|digest| self.vertices.remove(&digest));
        let Some(mut failed) = failed else {
            return BuildError::Refused(reason);
        };
        if let Some(line) = failed.lines.end() {
            failed.lines.keep(&line);
        }
        let step = step(&failed.name).unwrap_or_else(|| Step {
            position: String::new(),
            text: failed.name.clone(),
        });
        BuildError::Step {
            step,
            reason: failed.error,
            log: failed.lines.last(),
        }
    }

    fn vertex(&mut self, vertex: Vertex, emit: &dyn Fn(BuildEvent)) {
        let state = self.vertices.entry(vertex.digest.clone()).or_default();
        state.name = vertex.name;
        let step = step(&state.name);
        let is_finished = vertex.completed.is_some() && !state.finished;
        if (vertex.started.is_some() || is_finished) && !state.started {
            state.started = true;
            if let Some(step) = &step {
                emit(BuildEvent::StepStarted(step.clone()));
            }
        }
        if is_finished {
            state.finished = true;
            if let Some(line) = state.lines.end() {
                state.lines.keep(&line);
                emit(BuildEvent::Log(line));
            }
            if let Some(step) = step {
                // A base image is only looked up, which is never called cached.
                self.worked |= !vertex.cached && !is_from(&step);
                if vertex.error.is_empty() {
                    let cached = vertex.cached;
                    emit(BuildEvent::StepFinished { step, cached });
                }
            }
        }
        if !vertex.error.is_empty() {
            // One failure cancels its neighbours: they are not the reason.
            let is_reason = !vertex.error.contains("context canceled");
            state.error = vertex.error;
            if is_reason && self.failed.is_none() {
                self.failed = Some(vertex.digest);
            }
        }
    }
}

/// `[stage 2/3] RUN x` is a step of the Dockerfile; `[internal] …` and `exporting …` are none.
fn step(name: &str) -> Option<Step> {
    let (position, text) = name.strip_prefix('[')?.split_once("] ")?;
    let (number, total) = position.rsplit(' ').next()?.split_once('/')?;
    number.parse::<u32>().ok()?;
    total.parse::<u32>().ok()?;
    Some(Step {
        position: position.to_owned(),
        text: text.to_owned(),
    })
}

fn is_from(step: &Step) -> bool {
    step.text.starts_with("FROM ")
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use bollard::moby::buildkit::v1::VertexLog;

    use super::*;

    fn vertex(digest: &str, name: &str) -> Vertex {
        Vertex {
            digest: digest.to_owned(),
            name: name.to_owned(),
            started: Some(Default::default()),
            ..Vertex::default()
        }
    }

    fn done(vertex: Vertex, cached: bool, error: &str) -> Vertex {
        Vertex {
            completed: Some(Default::default()),
            cached,
            error: error.to_owned(),
            ..vertex
        }
    }

    fn run(
        progress: &mut BuildKitProgress,
        vertexes: Vec<Vertex>,
        logs: &[(&str, &str)],
    ) -> Vec<String> {
        let events = RefCell::new(Vec::new());
        let logs = logs.iter().map(|(digest, text)| VertexLog {
            vertex: (*digest).to_owned(),
            msg: text.as_bytes().to_vec(),
            ..VertexLog::default()
        });
        let status = StatusResponse {
            vertexes,
            logs: logs.collect(),
            ..StatusResponse::default()
        };
        progress.take(status, &|event| {
            events.borrow_mut().push(match event {
                BuildEvent::StepStarted(step) => format!("> {} {}", step.position, step.text),
                BuildEvent::StepFinished { step, cached } => {
                    format!("< {} {cached}", step.position)
                }
                BuildEvent::Log(line) => format!("| {line}"),
            });
        });
        events.into_inner()
    }

    #[test]
    fn steps_are_told_once_and_in_their_order() {
        let mut progress = BuildKitProgress::default();
        let internal = vertex("i", "[internal] load build definition from Dockerfile");
        let from = vertex("f", "[stage-1 1/2] FROM docker.io/library/debian");
        assert_eq!(
            run(
                &mut progress,
                vec![internal, from.clone(), from.clone()],
                &[]
            ),
            ["> stage-1 1/2 FROM docker.io/library/debian"]
        );
        let step = vertex("r", "[stage-1 2/2] RUN x");
        assert_eq!(
            run(
                &mut progress,
                vec![done(from, false, ""), done(step.clone(), true, "")],
                &[]
            ),
            [
                "< stage-1 1/2 false",
                "> stage-1 2/2 RUN x",
                "< stage-1 2/2 true"
            ]
        );
        assert!(progress.all_cached());
        assert!(run(&mut progress, vec![done(step, true, "")], &[]).is_empty());
    }

    #[test]
    fn a_failure_names_its_step_and_shows_what_that_wrote() {
        let mut progress = BuildKitProgress::default();
        let (a, b) = (vertex("a", "[2/3] RUN a"), vertex("b", "[other 2/2] RUN b"));
        run(
            &mut progress,
            vec![a.clone(), b.clone()],
            &[("a", "one\ntw"), ("b", "noise\n")],
        );
        let told = run(&mut progress, vec![], &[("a", "o\nthree")]);
        assert_eq!(told, ["| two"]);
        let vertexes = vec![
            done(b, false, "context canceled"),
            done(a, false, "exit code: 7"),
        ];
        assert_eq!(run(&mut progress, vertexes, &[]), ["| three"]);
        assert!(!progress.all_cached());
        let BuildError::Step { step, reason, log } = progress.failure("solve failed".to_owned())
        else {
            panic!("no step")
        };
        assert_eq!(
            (step.position.as_str(), step.text.as_str()),
            ("2/3", "RUN a")
        );
        assert_eq!((reason.as_str(), log.len()), ("exit code: 7", 3));
    }

    #[test]
    fn an_end_without_a_failed_step_is_told_in_the_words_of_the_engine() {
        let error = BuildKitProgress::default().failure("unknown instruction: RUNN".to_owned());
        assert_eq!(error.to_string(), "unknown instruction: RUNN");
    }
}
