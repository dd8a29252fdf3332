//! A check that did not pass, in Markdown.

use std::fmt::Write as _;

use super::escape::{code, fenced, inline};
use crate::report::excerpt::{Excerpt, Limit};
use crate::report::record::{CheckRecord, FindingRecord, Judgement, StreamRecord};
use crate::report::text::terminal_text;

/// So many findings of one check are told in full.
const FINDINGS: usize = 20;

/// How much of the lines of a finding is shown.
const DETAIL: Limit = Limit {
    bytes: 8 * 1024,
    lines: 100,
};

/// How much of an output is shown.
const STREAM: Limit = Limit {
    bytes: 8 * 1024,
    lines: 60,
};

/// The check with its place, what is wrong, and its outputs folded away.
pub(super) fn failure(check: &CheckRecord) -> String {
    let word = match check.judgement {
        Judgement::Error { .. } => "ERROR",
        _ => "FAIL",
    };
    let place = &check.case.place;
    let at = code(format!("{}:{}:{}", place.file, place.line, place.column));
    let mut out = format!("#### {word} {}\n\nat {at}", code(&check.case.name));
    if let Some(base) = &check.case.inherited_from {
        let _ = write!(out, ", inherited from {}", code(base));
    }
    if !check.earlier.is_empty() {
        let _ = write!(out, ", tried {} times", check.earlier.len() + 1);
    }
    out.push_str("\n\n");
    match &check.judgement {
        Judgement::Failed { findings } => {
            for finding in findings.iter().take(FINDINGS) {
                out.push_str(&told(check, finding));
            }
            let more = findings.len().saturating_sub(FINDINGS);
            if more > 0 {
                let _ = writeln!(out, "… and {more} more that do not hold\n");
            }
        }
        Judgement::Error { problem } => out.push_str(&message(&problem.message)),
        Judgement::Passed | Judgement::Skipped { .. } => {}
    }
    out.push_str(&outputs(check));
    out
}

fn told(check: &CheckRecord, finding: &FindingRecord) -> String {
    let mut out = message(&finding.message);
    if finding.place != check.case.place {
        let place = &finding.place;
        let at = code(format!("{}:{}:{}", place.file, place.line, place.column));
        let _ = writeln!(out, "at {at}\n");
    }
    if let Some(detail) = &finding.detail {
        let excerpt = Excerpt::of_bytes(detail.as_bytes(), DETAIL);
        let text = excerpt.text(|part| terminal_text(part));
        let _ = writeln!(out, "{}", fenced("diff", &text));
    }
    out
}

/// In one line among the words, in several as a block.
fn message(message: &str) -> String {
    let message = message.trim();
    if message.contains('\n') {
        format!("{}\n", fenced("text", message))
    } else {
        format!("**{}**\n\n", inline(message))
    }
}

fn outputs(check: &CheckRecord) -> String {
    let mut shown = String::new();
    for (name, stream) in [("stdout", &check.stdout), ("stderr", &check.stderr)] {
        if let Some(text) = stream.as_ref().and_then(stream_text) {
            let _ = writeln!(shown, "{name}:\n\n{}", fenced("text", &text));
        }
    }
    if let Some(command) = &check.reproduce {
        let _ = writeln!(shown, "reproduce by hand:\n\n{}", fenced("sh", command));
    }
    if shown.is_empty() {
        return shown;
    }
    format!("<details><summary>Outputs, and how to reproduce it</summary>\n\n{shown}</details>\n\n")
}

fn stream_text(stream: &StreamRecord) -> Option<String> {
    let text = stream.shown(STREAM);
    (!text.is_empty()).then_some(text)
}
