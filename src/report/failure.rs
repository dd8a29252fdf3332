//! One check that did not pass, told in full: on the console and in the text of a JUnit element.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::excerpt::{Excerpt, Limit};
use super::text::{one_line, terminal_text};
use crate::engine::Captured;
use crate::event::CaseResult;
use crate::verdict::{Finding, Verdict};

/// The colours of the console; [`Styles::plain`] has none.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Styles {
    pub(super) good: Style,
    pub(super) bad: Style,
    pub(super) skipped: Style,
    pub(super) faint: Style,
    pub(super) strong: Style,
    pub(super) removed: Style,
    pub(super) added: Style,
}

impl Styles {
    pub(super) fn plain() -> Self {
        Self::default()
    }

    pub(super) fn coloured() -> Self {
        Self {
            good: AnsiColor::Green.on_default(),
            bad: AnsiColor::Red.on_default().bold(),
            skipped: AnsiColor::Yellow.on_default(),
            faint: Style::new().dimmed(),
            strong: Style::new().bold(),
            removed: AnsiColor::Red.on_default(),
            added: AnsiColor::Green.on_default(),
        }
    }
}

/// How a failure is told.
pub(super) struct Telling {
    pub(super) styles: Styles,
    /// How much of the detail of each finding is shown.
    pub(super) detail: Limit,
    /// How much of each stream is shown.
    pub(super) stream: Limit,
    /// What makes the bytes of a stream harmless.
    pub(super) clean: fn(&[u8]) -> String,
}

impl Telling {
    /// All of it, without an end of line at the end: place, findings, streams, the way to
    /// reproduce it.
    pub(super) fn tell(&self, result: &CaseResult) -> String {
        let mut head = format!("at {}", one_line(result.case.place.to_string()));
        if let Some(base) = &result.case.inherited_from {
            let _ = write!(head, ", inherited from {}", one_line(base));
        }
        if !result.earlier.is_empty() {
            let _ = write!(head, ", tried {} times", result.earlier.len() + 1);
        }
        let mut parts = vec![self.faint(&head)];
        match &result.verdict {
            Verdict::Failed(findings) => {
                parts.extend(findings.iter().map(|finding| self.finding(result, finding)));
            }
            Verdict::Error(problem) => parts.push(self.problem(&problem.message)),
            Verdict::Skipped(reason) => parts.push(terminal_text(reason)),
            Verdict::Passed => {}
        }
        let streams = [("stdout", &result.stdout), ("stderr", &result.stderr)];
        let streams: Vec<String> = streams
            .iter()
            .filter_map(|(name, stream)| Some(self.stream(name, stream.as_ref()?)))
            .collect();
        if !streams.is_empty() {
            parts.push(streams.join("\n"));
        }
        if let Some(command) = &result.reproduce {
            let command = terminal_text(command.trim_end()).replace('\n', "\n  ");
            parts.push(format!("{}\n  {command}", self.faint("reproduce by hand:")));
        }
        parts.join("\n\n")
    }

    fn finding(&self, result: &CaseResult, finding: &Finding) -> String {
        let mut out = self.problem(&finding.message);
        if finding.place.to_string() != result.case.place.to_string() {
            let place = format!("  at {}", one_line(finding.place.to_string()));
            let _ = write!(out, "\n{}", self.faint(&place));
        }
        if let Some(detail) = &finding.detail {
            let excerpt = Excerpt::of_bytes(detail.trim_end_matches('\n').as_bytes(), self.detail);
            for line in excerpt.text(|part| terminal_text(part)).lines() {
                let style = match line.as_bytes().first() {
                    Some(b'-') => self.styles.removed,
                    Some(b'+') => self.styles.added,
                    _ => Style::new(),
                };
                let _ = write!(out, "\n  {style}{line}{style:#}");
            }
        }
        out
    }

    fn problem(&self, message: &str) -> String {
        let style = self.styles.strong;
        let lines = terminal_text(message.trim_end());
        let lines = lines.lines().map(|line| format!("{style}{line}{style:#}"));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The name of the stream and its lines, each behind a bar, so that no output can pass for a
    /// part of the report.
    fn stream(&self, name: &str, stream: &Captured) -> String {
        if stream.is_empty() {
            return format!("{name}: (empty)");
        }
        let excerpt = Excerpt::of(stream, self.stream);
        let mut out = format!("{name}:{}", self.behind_bars(excerpt.head));
        if let Some(marker) = excerpt.marker() {
            let (marker, tail) = (self.faint(&marker), self.behind_bars(excerpt.tail));
            let _ = write!(out, "\n  {marker}{tail}");
        }
        out
    }

    fn behind_bars(&self, part: &[u8]) -> String {
        let bar = self.faint("|");
        let text = (self.clean)(part);
        let lines = text.lines().map(|line| {
            let space = if line.is_empty() { "" } else { " " };
            format!("\n  {bar}{space}{line}")
        });
        lines.collect()
    }

    fn faint(&self, text: &str) -> String {
        let style = self.styles.faint;
        format!("{style}{text}{style:#}")
    }
}
