//! What a person sees while the checks run, and after.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::excerpt::Limit;
use super::failure::{Styles, Telling};
use super::ledger::{Keep, Ledger};
use super::text::{one_line, terminal_text};
use crate::engine::EngineInfo;
use crate::event::{CaseResult, Event, Listener, RunEnd, RunStart};
use crate::verdict::Verdict;

/// How the console looks.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConsoleOptions {
    /// No line for a check that passed.
    pub quiet: bool,
    /// Colours. The caller knows whether the stream can show them.
    pub colour: bool,
    /// It tells a result that is joined from so many, and not what goes on.
    pub results: Option<usize>,
}

/// Writes the run to a stream, line by line, and tells every failure in full at the end.
pub struct Console<W> {
    state: Mutex<State<W>>,
    styles: Styles,
    quiet: bool,
    results: Option<usize>,
}

struct State<W> {
    writer: W,
    ledger: Ledger,
}

impl<W: Write + Send> Console<W> {
    /// Writes to `writer`.
    pub fn new(writer: W, options: ConsoleOptions) -> Self {
        Self {
            state: Mutex::new(State {
                writer,
                ledger: Ledger::new(Keep::Bad),
            }),
            styles: if options.colour {
                Styles::coloured()
            } else {
                Styles::plain()
            },
            quiet: options.quiet,
            results: options.results,
        }
    }

    /// Gives the stream back.
    pub fn into_inner(self) -> W {
        let state = self.state.into_inner();
        state.unwrap_or_else(PoisonError::into_inner).writer
    }

    fn line(&self, result: &CaseResult) -> String {
        let Styles {
            good,
            bad,
            skipped,
            faint,
            ..
        } = self.styles;
        let name = one_line(result.case.name());
        let time = seconds(result.duration);
        match &result.verdict {
            Verdict::Passed if !result.earlier.is_empty() => {
                let tries = result.earlier.len() + 1;
                format!(
                    "  {skipped}flaky{skipped:#}  {name}  {faint}{time}, passed on try {tries}{faint:#}\n"
                )
            }
            Verdict::Passed => format!("  {good}ok{good:#}     {name}  {faint}{time}{faint:#}\n"),
            Verdict::Failed(_) => format!("  {bad}FAIL   {name}{bad:#}  {faint}{time}{faint:#}\n"),
            Verdict::Error(_) => format!("  {bad}ERROR  {name}{bad:#}  {faint}{time}{faint:#}\n"),
            Verdict::Skipped(reason) => {
                let reason = one_line(reason);
                format!("  {skipped}skip{skipped:#}   {name}  {faint}{reason}{faint:#}\n")
            }
        }
    }

    fn failures(&self, ledger: &Ledger) -> String {
        let (bad, strong) = (self.styles.bad, self.styles.strong);
        let telling = Telling {
            styles: self.styles,
            detail: Limit {
                bytes: 8 * 1024,
                lines: 60,
            },
            stream: Limit {
                bytes: 4 * 1024,
                lines: 20,
            },
            clean: |bytes| terminal_text(bytes),
        };
        let mut out = String::new();
        for (image, results) in ledger.by_image() {
            let images = ledger.start().map_or(&[][..], |start| &start.images);
            let reference = images.iter().find(|info| info.name == image);
            let reference = reference.map(|info| info.reference.as_str());
            let _ = write!(out, "\n{strong}{}{strong:#}", one_line(image));
            if let Some(reference) = reference.filter(|reference| *reference != image) {
                let _ = write!(out, " ({})", one_line(reference));
            }
            out.push('\n');
            for result in results {
                let word = match result.verdict {
                    Verdict::Error(_) => "ERROR",
                    _ => "FAIL",
                };
                let name = one_line(&result.case.check);
                let _ = writeln!(out, "\n  {bad}{word}{bad:#} {strong}{name}{strong:#}");
                for line in telling.tell(result).split('\n') {
                    let indent = if line.is_empty() { "" } else { "    " };
                    let _ = writeln!(out, "{indent}{line}");
                }
            }
        }
        out
    }

    fn summary(&self, ledger: &Ledger, end: &RunEnd) -> String {
        let Styles { good, bad, .. } = self.styles;
        let counts = ledger.counts();
        // The empty line after the header is enough when nothing came between.
        let mut out = String::from(if counts.total() == 0 { "" } else { "\n" });
        for missing in &end.missing {
            let _ = writeln!(out, "{bad}error:{bad:#} {}", one_line(missing));
        }
        if let Some(stopped) = end.stopped {
            let _ = writeln!(out, "{bad}{stopped}{bad:#}");
        }
        if let Some(left) = &end.left_behind {
            let _ = writeln!(out, "{bad}left behind:{bad:#} {}", one_line(left));
        }
        let style = if counts.is_good() && counts.total() > 0 {
            good
        } else {
            bad
        };
        if counts.total() == 0 {
            let _ = writeln!(
                out,
                "{style}nothing was tested:{style:#} no check is selected"
            );
        } else {
            let time = rough_time(end.duration);
            let _ = writeln!(out, "{style}{counts}{style:#} in {time}");
        }
        let first_bad = ledger
            .by_image()
            .into_iter()
            .find_map(|(_, bad)| bad.first().copied());
        if let Some(result) = first_bad {
            let name = quoted(&one_line(result.case.name()));
            let _ = writeln!(out, "run one check again: seatrial test --exact {name}");
        }
        out
    }
}

impl<W: Write + Send> Listener for Console<W> {
    fn on(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.ledger.take(event);
        let text = match event {
            Event::RunStarted(start) => match self.results {
                Some(results) => joined_header(start, results),
                None => header(start),
            },
            Event::CheckStarted(_) => return,
            Event::CheckFinished(result) => {
                // Which checks are flaky is what attempts are joined to learn.
                let told = self.results.is_some() && !result.earlier.is_empty();
                if self.quiet && !told && matches!(result.verdict, Verdict::Passed) {
                    return;
                }
                self.line(result)
            }
            Event::RunFinished(end) => {
                self.failures(&state.ledger) + &self.summary(&state.ledger, end)
            }
        };
        // A reader that went away must not stop the run; the exit code still tells the verdict.
        let _ = state.writer.write_all(text.as_bytes());
        let _ = state.writer.flush();
    }
}

fn joined_header(start: &RunStart, results: usize) -> String {
    let results = match results {
        1 => "1 result".into(),
        _ => format!("{results} results"),
    };
    let images = start.images.len();
    let images = match images {
        1 => "1 image".into(),
        _ => format!("{images} images"),
    };
    format!("{results}: {} on {images}\n\n", checks(start.selected()))
}

fn header(start: &RunStart) -> String {
    let engine = match &start.engine {
        Some(engine) => {
            let EngineInfo {
                kind,
                version,
                platform,
                beside,
            } = engine;
            let beside = beside
                .iter()
                .map(|beside| format!(" and {beside} for what it can't"));
            let beside: String = beside.collect();
            one_line(format!("with {kind} {version} ({platform}){beside}"))
        }
        None => "without an engine".into(),
    };
    let mut checks = match start.filtered {
        0 => checks(start.selected()),
        filtered => format!(
            "{} of {}",
            start.selected(),
            checks(start.selected().saturating_add(filtered))
        ),
    };
    if let Some(shard) = &start.selection.shard {
        let _ = write!(checks, " (shard {}/{})", shard.number, shard.total);
    }
    let images = match start.images.len() {
        1 => "1 image".into(),
        count => format!("{count} images"),
    };
    let at_once = match start.threads {
        0 | 1 => "one at a time".into(),
        threads => format!("{threads} at once"),
    };
    format!("running {checks} on {images} {engine}, {at_once}\n\n")
}

fn checks(count: usize) -> String {
    match count {
        1 => "1 check".into(),
        _ => format!("{count} checks"),
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.2}s", duration.as_secs_f64())
}

fn rough_time(duration: Duration) -> String {
    match duration.as_secs() {
        0..60 => format!("{:.1}s", duration.as_secs_f64()),
        whole => format!("{}m {:02}s", whole / 60, whole % 60),
    }
}

/// As a shell reads it back.
fn quoted(name: &str) -> String {
    format!("'{}'", name.replace('\'', r"'\''"))
}
