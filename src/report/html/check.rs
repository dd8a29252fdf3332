//! A check as the page shows it.

use serde::Serialize;

use super::diff::Detail;
use super::stream::{Room, StreamView};
use super::words;
use crate::report::record::{CheckRecord, FindingRecord, Judgement, PlaceRecord};
use crate::report::text::{one_line, page_text};

/// A check.
#[derive(Debug, Serialize)]
pub(super) struct CheckView {
    /// Its number among all, which its place in the page is named by.
    pub(super) number: usize,
    pub(super) word: &'static str,
    pub(super) bad: bool,
    pub(super) name: String,
    pub(super) image: String,
    kind: String,
    place: String,
    time: Option<String>,
    tags: Vec<String>,
    inherited_from: Option<String>,
    xfail: Option<String>,
    xfailed: bool,
    flaky: bool,
    /// When an earlier run performed it, if one did.
    cached: Option<String>,
    /// What the filters know it by, beside its verdict.
    also: Vec<&'static str>,
    /// What an error or a skipped check has to say.
    message: Option<String>,
    problem: Option<String>,
    /// Why it was skipped, in one line.
    reason: Option<String>,
    findings: Vec<FindingView>,
    earlier: Vec<TryView>,
    streams: Vec<StreamView>,
    reproduce: Option<String>,
}

#[derive(Debug, Serialize)]
struct FindingView {
    label: String,
    message: String,
    place: String,
    detail: Option<Detail>,
}

#[derive(Debug, Serialize)]
struct TryView {
    number: usize,
    word: &'static str,
    messages: Vec<String>,
}

impl CheckView {
    pub(super) fn of(number: usize, check: &CheckRecord, room: Room) -> Self {
        let findings = match &check.judgement {
            Judgement::Failed { findings } => findings.as_slice(),
            _ => &[],
        };
        let findings = findings.iter();
        Self {
            number,
            word: check.judgement.word(),
            bad: check.judgement.is_bad(),
            name: page_text(&check.case.name),
            image: page_text(&check.case.image),
            kind: page_text(&check.case.kind),
            place: place(&check.case.place),
            time: check.worker.map(|_| words::time(check.duration)),
            tags: check.case.tags.iter().map(|tag| page_text(tag)).collect(),
            inherited_from: check.case.inherited_from.as_deref().map(page_text),
            xfail: check.case.xfail.as_deref().map(page_text),
            xfailed: check.xfailed,
            flaky: check.flaky,
            cached: check.performed.map(|performed| performed.to_string()),
            also: [
                (check.flaky, "flaky"),
                (check.cached, "cached"),
                (check.xfailed, "xfail"),
            ]
            .into_iter()
            .filter_map(|(holds, word)| holds.then_some(word))
            .collect(),
            message: match &check.judgement {
                Judgement::Error { problem } => Some(page_text(&problem.message)),
                Judgement::Skipped { reason } => Some(page_text(reason)),
                Judgement::Passed | Judgement::Failed { .. } => None,
            },
            problem: match &check.judgement {
                Judgement::Error { problem } => Some(page_text(&problem.kind)),
                _ => None,
            },
            reason: match &check.judgement {
                Judgement::Skipped { reason } => Some(one_line(reason)),
                _ => None,
            },
            findings: findings
                .map(|finding| FindingView::of(check, finding, room))
                .collect(),
            earlier: check.earlier.iter().zip(1..).map(TryView::of).collect(),
            streams: room.streams(check),
            reproduce: check.reproduce.as_deref().map(page_text),
        }
    }

    /// The first line of what is wrong.
    pub(super) fn headline(&self) -> String {
        let first = self.findings.first().map(|finding| &finding.message);
        let text = first.or(self.message.as_ref());
        let line = text.and_then(|text| text.trim_start().lines().next());
        let more = match self.findings.len() {
            0 | 1 => String::new(),
            findings => format!(" (and {} more)", findings - 1),
        };
        line.unwrap_or_default().to_owned() + &more
    }
}

impl FindingView {
    fn of(check: &CheckRecord, finding: &FindingRecord, room: Room) -> Self {
        let detail = finding.detail.as_deref();
        Self {
            label: page_text(&finding.label),
            message: page_text(&finding.message),
            place: place(&finding.place),
            detail: detail.map(|detail| Detail::of(&room.detail(check, detail))),
        }
    }
}

impl TryView {
    fn of((judgement, number): (&Judgement, usize)) -> Self {
        let messages = match judgement {
            Judgement::Passed => Vec::new(),
            Judgement::Failed { findings } => findings
                .iter()
                .map(|finding| one_line(&finding.message))
                .collect(),
            Judgement::Error { problem } => vec![one_line(&problem.message)],
            Judgement::Skipped { reason } => vec![one_line(reason)],
        };
        Self {
            number,
            word: judgement.word(),
            messages,
        }
    }
}

fn place(place: &PlaceRecord) -> String {
    let PlaceRecord { file, line, column } = place;
    page_text(&format!("{file}:{line}:{column}"))
}
