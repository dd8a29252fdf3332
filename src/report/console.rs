//! What a person sees while the checks run, and after.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::ci::{Ci, end_of};
use super::excerpt::Limit;
use super::failure::{Styles, Telling};
use super::ledger::{Keep, Ledger};
use super::live::Live;
use super::screen;
use super::slowest::Slowest;
use super::text::{one_line, terminal_text};
use crate::engine::EngineInfo;
use crate::event::{CaseResult, Event, Listener, RunEnd, RunStart};
use crate::verdict::Verdict;

/// How the console looks.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConsoleOptions {
    /// A line only for what did not pass.
    pub quiet: bool,
    /// Colours. The caller knows whether the stream can show them.
    pub colour: bool,
    /// It tells a result that is joined from so many, and not what goes on.
    pub results: Option<usize>,
    /// A line on the standard error that says what goes on. For terminals, and for nothing else.
    pub live: bool,
    /// What reads the log, if that is more than a person.
    pub ci: Option<Ci>,
}

/// Writes the run to a stream, line by line, and tells every failure in full at the end.
pub struct Console<W> {
    state: Mutex<State<W>>,
    styles: Styles,
    quiet: bool,
    results: Option<usize>,
    ci: Option<Ci>,
    live: Option<Live>,
}

struct State<W> {
    writer: W,
    ledger: Ledger,
    slowest: Slowest,
}

impl<W: Write + Send> Console<W> {
    /// Writes to `writer`.
    pub fn new(writer: W, options: ConsoleOptions) -> Self {
        Self {
            state: Mutex::new(State {
                writer,
                ledger: Ledger::new(Keep::Bad),
                slowest: Slowest::default(),
            }),
            styles: if options.colour {
                Styles::coloured()
            } else {
                Styles::plain()
            },
            quiet: options.quiet,
            results: options.results,
            ci: options.ci,
            live: options.live.then(Live::new),
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
            Verdict::Passed if result.cached.is_some() => {
                format!("  {good}ok{good:#}     {name}  {faint}cached{faint:#}\n")
            }
            Verdict::Passed => format!("  {good}ok{good:#}     {name}  {faint}{time}{faint:#}\n"),
            Verdict::Failed(_) | Verdict::Error(_) => {
                let word = match result.verdict {
                    Verdict::Failed(_) => "FAIL ",
                    _ => "ERROR",
                };
                // All of it comes in the end; until then this is what there is to know.
                let reason = result.verdict.reason().map_or("", |(_, message)| message);
                let reason = one_line(reason.lines().next().unwrap_or_default());
                format!("  {bad}{word}  {name}{bad:#}  {faint}{time}  {reason}{faint:#}\n")
            }
            Verdict::Skipped(reason) => {
                let reason = one_line(reason);
                format!("  {skipped}skip{skipped:#}   {name}  {faint}{reason}{faint:#}\n")
            }
        }
    }

    fn failures(&self, ledger: &Ledger, end: &RunEnd) -> String {
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
        let mut all = String::new();
        for (number, (image, results)) in ledger.by_image().into_iter().enumerate() {
            let mut out = String::new();
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
            match self.ci {
                Some(ci) => {
                    let time = end_of(ledger.start().map(|start| start.started), end.duration);
                    all.push_str(&ci.section(number, image, time, &out));
                }
                None => all.push_str(&out),
            }
        }
        all
    }

    fn summary(&self, ledger: &Ledger, slowest: &Slowest, end: &RunEnd) -> String {
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
        let decided = ledger.start();
        let decided = decided.and_then(|start| start.selection.unaffected.as_deref());
        let decided = decided.filter(|_| counts.total() == 0);
        let style = if counts.is_good() && (counts.total() > 0 || decided.is_some()) {
            good
        } else {
            bad
        };
        if let Some(reason) = decided {
            let reason = one_line(reason);
            let _ = writeln!(out, "{style}nothing had to be tested:{style:#} {reason}");
        } else if counts.total() == 0 {
            let _ = writeln!(
                out,
                "{style}nothing was tested:{style:#} no check is selected"
            );
        } else {
            let time = rough_time(end.duration);
            let _ = writeln!(out, "{style}{counts}{style:#} in {time}");
        }
        if !self.quiet && !slowest.all().is_empty() {
            let names = slowest
                .all()
                .iter()
                .map(|(duration, name)| format!("{}  {}", rough_time(*duration), one_line(name)));
            let names = names.collect::<Vec<_>>().join("\n  ");
            let _ = writeln!(out, "slowest:\n  {names}");
        }
        let first_bad = ledger
            .by_image()
            .into_iter()
            .find_map(|(_, bad)| bad.first().copied());
        if let Some(result) = first_bad {
            let name = quoted(&one_line(result.case.name()));
            let _ = writeln!(out, "run one check again: seatrial test --exact {name}");
            // What was joined was run elsewhere, and this machine remembers nothing of it.
            if self.results.is_none() {
                out.push_str("run all that did not pass: seatrial test --failed\n");
            }
        }
        out
    }
}

impl<W: Write + Send> Listener for Console<W> {
    fn on(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.ledger.take(event);
        if let Some(live) = &self.live {
            live.take(event);
        }
        let text = match event {
            Event::RunStarted(start) => match self.results {
                Some(results) => joined_header(start, results),
                None => header(start),
            },
            Event::ImageReady(_) | Event::CheckStarted(_) => return,
            Event::CheckFinished(result) => {
                state.slowest.take(result);
                // Which checks are flaky is what attempts are joined to learn.
                let told = self.results.is_some() && !result.earlier.is_empty();
                if self.quiet && !told && !result.verdict.is_bad() {
                    return;
                }
                self.line(result)
            }
            Event::RunFinished(end) => {
                let mut text = self.failures(&state.ledger, end);
                text.push_str(&self.summary(&state.ledger, &state.slowest, end));
                if let Some(ci) = self.ci {
                    text.push_str(&ci.annotations(&state.ledger, end));
                }
                text
            }
        };
        // Others may have lines there, too.
        screen::above(|| {
            // A reader that went away must not stop the run; the exit code still tells the verdict.
            let _ = state.writer.write_all(text.as_bytes());
            let _ = state.writer.flush();
        });
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
