//! What a build shows while it runs, and in the end.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::ProgressBar;

use super::session::is_for_people;
use crate::build::{
    BuildError, BuildEvent, BuildListener, ImageOutcome, ImageResult, Job, Step, as_seen,
};
use crate::engine::EngineError;
use crate::report::screen;
use crate::report::text::terminal_text;
use crate::words::{in_one_line, shortened};

const DIM: Style = Style::new().dimmed();
const BAD: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const POOR: Style = AnsiColor::Yellow.on_default();

/// Longer instructions are cut in the progress: it is the message of a failure that shows all.
const LONGEST_STEP: usize = 100;

/// How much of an instruction stands before what it wrote last.
const SHORTEST_STEP: usize = 40;

/// How often the time of a build is drawn anew.
const BEAT: Duration = Duration::from_millis(500);

/// Shows builds on the standard error: a line for each event, or on a terminal a line for each build
/// that is under way.
#[derive(Debug)]
pub(super) struct Progress {
    width: usize,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Silent,
    Log,
    Lines(Mutex<HashMap<String, Line>>),
}

/// What a terminal shows of a build.
#[derive(Debug)]
struct Line {
    bar: ProgressBar,
    step: String,
}

impl Progress {
    /// `quiet` writes nothing; `log` writes a line for each event on a terminal, too.
    pub(super) fn new(jobs: &[Job], quiet: bool, log: bool) -> Self {
        let way = if quiet {
            Way::Silent
        } else if !log && std::io::stderr().is_terminal() && is_for_people() {
            Way::Lines(Mutex::default())
        } else {
            Way::Log
        };
        let width = name_width(jobs.iter().map(|job| job.name.as_str()));
        Self { width, way }
    }

    fn line(&self, image: &str, text: &str) {
        let width = self.width;
        // Nobody reads a closed stream: that is no reason to break off a build.
        let _ = writeln!(anstream::stderr().lock(), "{image:<width$}  {text}");
    }

    /// The build of `image` is over.
    pub(super) fn ended(&self, image: &str) {
        if let Way::Lines(lines) = &self.way
            && let Some(line) = lock(lines).remove(image)
        {
            screen::remove(&line.bar);
        }
    }
}

impl BuildListener for Progress {
    fn started(&self, image: &str) {
        match &self.way {
            Way::Silent => {}
            Way::Log => self.line(image, "building"),
            Way::Lines(lines) => {
                let bar = screen::add("{prefix}  {elapsed:>4}  {wide_msg}");
                let width = self.width;
                bar.set_prefix(format!("{image:<width$}"));
                bar.enable_steady_tick(BEAT);
                let step = String::new();
                lock(lines).insert(image.to_owned(), Line { bar, step });
            }
        }
    }

    fn on(&self, image: &str, event: &BuildEvent) {
        match &self.way {
            Way::Silent => {}
            Way::Log => self.log(image, event),
            Way::Lines(lines) => {
                if let Some(line) = lock(lines).get_mut(image) {
                    line.take(event);
                }
            }
        }
    }
}

impl Progress {
    fn log(&self, image: &str, event: &BuildEvent) {
        match event {
            BuildEvent::StepStarted(step) => self.line(image, &told(step)),
            BuildEvent::StepFinished { step, cached: true } => {
                let position = &step.position;
                self.line(image, &format!("step {position} {GOOD}cached{GOOD:#}"));
            }
            BuildEvent::StepFinished { .. } => {}
            BuildEvent::Log(line) => {
                self.line(image, &format!("{DIM}| {}{DIM:#}", printable(line)));
            }
        }
    }
}

impl Line {
    /// The step, and what it wrote last.
    fn take(&mut self, event: &BuildEvent) {
        match event {
            BuildEvent::StepStarted(step) => {
                self.step = told(step);
                self.bar.set_message(self.step.clone());
            }
            BuildEvent::StepFinished { .. } => {}
            BuildEvent::Log(line) => {
                // The step is known by its beginning: what it does now is news.
                let step: String = self.step.chars().take(SHORTEST_STEP).collect();
                let line = in_one_line(&printable(line));
                self.bar.set_message(format!("{step} | {line}"));
            }
        }
    }
}

fn told(step: &Step) -> String {
    let text = shortened(&printable(&in_one_line(&step.text)), LONGEST_STEP);
    format!("step {} {text}", step.position)
}

fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The message for an image that failed, with a final line break.
pub(super) fn failure(job: &Job, error: &BuildError, root: &Path) -> String {
    let mut text = format!("{BAD}error{BAD:#}: {}: ", job.name);
    let dockerfile = job.shown_dockerfile(root).display();
    if let BuildError::Step { step, reason, log } = error {
        let _ = writeln!(text, "a step failed: {}", printable(reason.trim()));
        let line = error.place(job, root);
        let line = line.map_or_else(String::new, |place| format!(":{}", place.line()));
        let _ = writeln!(text, "  --> {dockerfile}{line}, step {}", step.position);
        for line in step.text.lines() {
            let _ = writeln!(text, "      {}", printable(line));
        }
        if log.is_empty() {
            text.push_str("  it wrote nothing\n");
        } else {
            text.push_str("  its last lines:\n");
        }
        for line in log {
            let _ = writeln!(text, "    {DIM}|{DIM:#} {}", printable(line));
        }
    } else {
        let reason: Vec<String> = error.to_string().trim().lines().map(printable).collect();
        let _ = writeln!(text, "{}", reason.join("\n  "));
        if matches!(error, BuildError::Refused(_)) {
            let _ = writeln!(text, "  --> {dockerfile}");
        }
    }
    text
}

/// The line of an image that is built, or is not.
pub(super) fn summary_line(result: &ImageResult, width: usize) -> String {
    let seconds = result.duration.as_secs_f64();
    let name = &result.name;
    let said = match &result.outcome {
        ImageOutcome::Built(built) => {
            let word = if built.cached { "cached" } else { "built " };
            let id = built.id.strip_prefix("sha256:").unwrap_or(&built.id);
            let id = id.get(..12).unwrap_or(id);
            format!(
                "{GOOD}{word}{GOOD:#}  {id}  {}  {seconds:.1}s",
                result.reference
            )
        }
        ImageOutcome::Failed(BuildError::Engine(EngineError::Interrupted)) => {
            format!("{POOR}interrupted{POOR:#}  {seconds:.1}s")
        }
        ImageOutcome::Failed(_) => format!("{BAD}failed{BAD:#}  {seconds:.1}s"),
        ImageOutcome::ParentFailed(parent) => {
            format!("{POOR}not built{POOR:#}: its parent {parent} is not there")
        }
        ImageOutcome::NotTried => format!("{POOR}not built{POOR:#}: the run ended before"),
    };
    format!("{name:<width$}  {said}")
}

/// How wide the longest name is.
pub(super) fn name_width<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(|name| name.chars().count()).max().unwrap_or(0)
}

/// What a build wrote, without what would steer the terminal.
fn printable(line: &str) -> String {
    let plain: String = as_seen(line)
        .chars()
        .filter(|c| !c.is_control() || *c == '\t')
        .collect();
    // Nor may it steer the CI system that reads the log.
    terminal_text(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Inputs;

    #[test]
    fn output_of_a_build_can_not_steer_the_terminal() {
        let table = [
            ("plain\ttext", "plain\ttext"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("10%\r50%\r100%\r", "100%"),
            ("a\u{7}b\u{8}c", "abc"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("x ##[error]y", "x #\\#[error]y"),
            ("\u{1b}[1m::error::y", ":\\:error::y"),
        ];
        for (line, expected) in table {
            assert_eq!(printable(line), expected, "{line:?}");
        }
    }

    #[test]
    fn a_failure_shows_the_step_and_its_last_lines() {
        let job = Job {
            name: "app".to_owned(),
            reference: "app:latest".to_owned(),
            context: "/p/app".into(),
            dockerfile: "/p/app/Dockerfile".into(),
            args: Vec::new(),
            target: None,
            inputs: Inputs::default(),
        };
        let step = Step {
            position: "2/3".to_owned(),
            text: "RUN make".to_owned(),
        };
        let error = BuildError::Step {
            step,
            reason: "exit code: 2".to_owned(),
            log: vec![
                "cc x.c".to_owned(),
                "\u{1b}[1mx.c:1: error\u{1b}[0m".to_owned(),
            ],
        };
        let shown = failure(&job, &error, Path::new("/p"));
        insta::assert_snapshot!(anstream::adapter::strip_str(&shown).to_string());
    }
}
