//! The classic builder (and Podman's and buildah's answer in its style): a text for people, step
//! by step.

use super::builder::{BuildError, BuildEvent, Step};
use super::lines::Lines;

/// The builder writes errors of steps in red and ends that before its own next words.
const COLOUR_OFF: &str = "\u{1b}[0m";

/// How the builder goes on after the output of a step.
const OWN_WORDS: [&str; 3] = [
    " ---> ",
    "Removing intermediate container ",
    "Removed intermediate container ",
];

/// Follows one classic build.
#[derive(Debug, Default)]
pub(crate) struct ClassicProgress {
    lines: Lines,
    current: Option<Current>,
    seen_from: bool,
    worked: bool,
    built: Option<String>,
}

#[derive(Debug)]
struct Current {
    step: Step,
    cached: bool,
}

impl ClassicProgress {
    /// Takes a piece of the text and passes on what is new in it.
    pub(crate) fn take(&mut self, text: &str, emit: &dyn Fn(BuildEvent)) {
        // What the builder says itself begins a line, even behind a step that did not end its own.
        let text = text.trim_start_matches(COLOUR_OFF);
        if OWN_WORDS.iter().any(|words| text.starts_with(words)) {
            self.end_line(emit);
        }
        for line in self.lines.push(text.as_bytes()) {
            self.line(&line, emit);
        }
    }

    fn end_line(&mut self, emit: &dyn Fn(BuildEvent)) {
        if let Some(line) = self.lines.end() {
            self.line(&line, emit);
        }
    }

    /// Ends the text of a build that succeeded.
    pub(crate) fn finish(&mut self, emit: &dyn Fn(BuildEvent)) {
        self.end_line(emit);
        self.finish_step(emit);
    }

    /// Whether no step had to be worked on.
    pub(crate) fn all_cached(&self) -> bool {
        !self.worked
    }

    /// The (short) id that the text itself names at its end.
    pub(crate) fn built(&self) -> Option<&str> {
        self.built.as_deref()
    }

    /// What to say about the end that came with `reason`.
    pub(crate) fn failure(mut self, reason: String) -> BuildError {
        if let Some(line) = self.lines.end() {
            self.lines.keep(&line);
        }
        match self.current {
            Some(Current { step, .. }) => BuildError::Step {
                step,
                reason,
                log: self.lines.last(),
            },
            None => BuildError::Refused(reason),
        }
    }

    fn line(&mut self, line: &str, emit: &dyn Fn(BuildEvent)) {
        if let Some(step) = step(line) {
            self.finish_step(emit);
            self.lines.forget();
            self.seen_from |= is_instruction(&step, "FROM");
            emit(BuildEvent::StepStarted(step.clone()));
            let cached = false;
            self.current = Some(Current { step, cached });
            return;
        }
        if let Some(id) = line.strip_prefix("Successfully built ") {
            self.built = Some(id.trim().to_owned());
            return;
        }
        let is_cached = line
            .trim_start_matches([' ', '-'])
            .starts_with("> Using cache");
        match &mut self.current {
            Some(current) if is_cached => current.cached = true,
            _ if is_noise(line) => {}
            _ => {
                self.lines.keep(line);
                emit(BuildEvent::Log(line.to_owned()));
            }
        }
    }

    fn finish_step(&mut self, emit: &dyn Fn(BuildEvent)) {
        let Some(Current { step, cached }) = self.current.take() else {
            return;
        };
        // Looking up a base image and reading an argument for it are no work.
        let is_work = self.seen_from && !is_instruction(&step, "FROM");
        self.worked |= is_work && !cached;
        emit(BuildEvent::StepFinished { step, cached });
    }
}

/// `Step 2/3 : RUN x`, or `STEP 2/3: RUN x` from Podman, which puts `[1/2] ` in front where there are
/// several stages.
fn step(line: &str) -> Option<Step> {
    let (stage, words) = stage(line);
    let rest = words
        .strip_prefix("Step ")
        .or_else(|| words.strip_prefix("STEP "))?;
    let (position, text) = rest.split_once(':')?;
    let (number, total) = position.trim().split_once('/')?;
    number.parse::<u32>().ok()?;
    total.parse::<u32>().ok()?;
    Some(Step {
        position: format!("{stage}{}", position.trim()),
        text: text.trim().to_owned(),
    })
}

/// What a line says of its stage, with a blank behind it, and the rest of it.
fn stage(line: &str) -> (&str, &str) {
    let end = line.find("] ").map_or(0, |end| end + 2);
    let (stage, rest) = line.split_at(end);
    let is_stage = |c: char| c.is_ascii_digit() || matches!(c, '/' | '[' | ']' | ' ');
    if stage.starts_with('[') && stage.chars().all(is_stage) {
        (stage, rest)
    } else {
        ("", line)
    }
}

fn is_instruction(step: &Step, instruction: &str) -> bool {
    let word = step.text.split_whitespace().next().unwrap_or_default();
    word.eq_ignore_ascii_case(instruction)
}

/// What the builder says about itself: ids of layers and containers.
fn is_noise(line: &str) -> bool {
    line.trim().is_empty()
        || OWN_WORDS.iter().any(|words| line.starts_with(words))
        || line == " --->"
        || line.starts_with("--> ")
        || line.starts_with("Successfully tagged ")
        || stage(line).1.starts_with("COMMIT ")
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn run(text: &str) -> (ClassicProgress, Vec<String>) {
        let events = RefCell::new(Vec::new());
        let mut progress = ClassicProgress::default();
        let emit = |event| {
            events.borrow_mut().push(match event {
                BuildEvent::StepStarted(step) => format!("> {} {}", step.position, step.text),
                BuildEvent::StepFinished { step, cached } => {
                    format!("< {} {cached}", step.position)
                }
                BuildEvent::Log(line) => format!("| {line}"),
            });
        };
        // The engine cuts its text anywhere.
        for piece in text.as_bytes().chunks(7) {
            progress.take(std::str::from_utf8(piece).unwrap(), &emit);
        }
        if progress.built().is_some() {
            progress.finish(&emit);
        }
        (progress, events.into_inner())
    }

    #[test]
    fn docker_tells_steps_and_what_they_wrote() {
        let (progress, events) = run(
            "Step 1/3 : ARG BASE\nStep 2/3 : FROM ${BASE}\n ---> 13a7935b7f0f\nStep 3/3 : RUN echo hi\n \
             ---> Running in 0123\nhi\nRemoving intermediate container 0123\n ---> 4567\n\
             Successfully built 4567\nSuccessfully tagged x:latest\n",
        );
        assert_eq!(
            events,
            [
                "> 1/3 ARG BASE",
                "< 1/3 false",
                "> 2/3 FROM ${BASE}",
                "< 2/3 false",
                "> 3/3 RUN echo hi",
                "| hi",
                "< 3/3 false",
            ]
        );
        assert_eq!(
            (progress.built(), progress.all_cached()),
            (Some("4567"), false)
        );
    }

    #[test]
    fn a_build_from_the_cache_is_told_as_such() {
        for text in [
            "Step 1/2 : FROM x\n ---> 1\nStep 2/2 : RUN y\n ---> Using cache\n ---> 2\nSuccessfully built 2\n",
            "STEP 1/2: FROM x\nSTEP 2/2: RUN y\n--> Using cache 2\nCOMMIT z\n--> 2\nSuccessfully built 2\n",
        ] {
            let (progress, events) = run(text);
            assert_eq!(
                events,
                ["> 1/2 FROM x", "< 1/2 false", "> 2/2 RUN y", "< 2/2 true"]
            );
            assert!(progress.all_cached());
        }
    }

    #[test]
    fn stages_of_buildah_stand_in_front_of_their_steps() {
        let (_, events) = run(
            "[1/2] STEP 1/2: FROM x AS one\n[1/2] STEP 2/2: RUN y\n[1/2] is what it says\n--> 12\n\
             [2/2] STEP 1/1: FROM 12\n[2/2] COMMIT z\nSuccessfully built 2\n",
        );
        assert_eq!(
            events,
            [
                "> [1/2] 1/2 FROM x AS one",
                "< [1/2] 1/2 false",
                "> [1/2] 2/2 RUN y",
                "| [1/2] is what it says",
                "< [1/2] 2/2 false",
                "> [2/2] 1/1 FROM 12",
                "< [2/2] 1/1 false",
            ]
        );
    }

    #[test]
    fn words_of_the_builder_are_told_from_an_open_line() {
        let events = RefCell::new(Vec::new());
        let mut progress = ClassicProgress::default();
        for text in [
            "Step 1/1 : RUN x\n",
            "open",
            "\u{1b}[0mRemoving intermediate container 1\n",
        ] {
            progress.take(text, &|event| events.borrow_mut().push(event));
        }
        assert_eq!(
            events.into_inner()[1..],
            [BuildEvent::Log("open".to_owned())]
        );
    }

    #[test]
    fn a_failure_belongs_to_the_last_step() {
        let text = "Step 1/2 : FROM x\nnoise\nStep 2/2 : RUN false\n ---> Running in 1\none\ntwo";
        let BuildError::Step { step, reason, log } = run(text).0.failure("code: 1".to_owned())
        else {
            panic!("no step")
        };
        assert_eq!(
            (step.text.as_str(), reason.as_str()),
            ("RUN false", "code: 1")
        );
        assert_eq!(log, ["one", "two"]);
    }
}
