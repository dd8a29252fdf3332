//! The whole report in Markdown.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::time::Duration;

use super::escape::{code, inline};
use super::failure::failure;
use super::page::Page;
use crate::report::format::RenderError;
use crate::report::record::{CheckRecord, CountsRecord, ImageRecord, Judgement, Record};
use crate::report::summary::Counts;

/// What GitHub takes for the summary of a step.
pub(in crate::report) const LIMIT: usize = 1024 * 1024;

/// So many of the slowest checks are told.
const SLOWEST: usize = 10;

/// The report, cut so that a job summary takes it.
#[expect(clippy::unnecessary_wraps, reason = "the signature of all formats")]
pub(in crate::report) fn render(record: &Record) -> Result<String, RenderError> {
    Ok(within(record, LIMIT))
}

/// The report in at most `limit` bytes.
pub(in crate::report) fn within(record: &Record, limit: usize) -> String {
    let mut page = Page::new(limit);
    page.add(&head(record));
    let images = by_image(record);
    if !images.is_empty() {
        page.add("| image | passed | failed | errors | skipped | flaky | seconds |\n|---|--:|--:|--:|--:|--:|--:|\n");
        images
            .iter()
            .for_each(|(name, it)| page.add(&row(name, it)));
        page.add("\n");
    }
    for (name, checks) in &images {
        let mut bad = checks.iter().filter(|check| check.judgement.is_bad());
        if let Some(first) = bad.next() {
            // The heading comes with what it is the heading of.
            page.add(&(heading(record, name) + &failure(first)));
        }
        bad.for_each(|check| page.add(&failure(check)));
    }
    page.add(&folded("Flaky", &record.checks, |check| {
        check.flaky.then(|| {
            let tries = check.earlier.len() + 1;
            format!("passed on try {tries}")
        })
    }));
    page.add(&folded("Skipped", &record.checks, |check| {
        match &check.judgement {
            Judgement::Skipped { reason } => Some(inline(reason)),
            _ => None,
        }
    }));
    page.add(&slowest(&record.checks));
    page.finish()
}

fn head(record: &Record) -> String {
    let counts = Counts::from(record.counts);
    let unaffected = record.unaffected();
    let good = counts.is_good() && (counts.total() > 0 || unaffected.is_some());
    let sign = if good { "✅" } else { "❌" };
    let time = Duration::from(record.duration).as_secs_f64();
    let mut out = format!("## {sign} seatrial: {counts} in {time:.1} s\n\n");
    if let Some(reason) = unaffected {
        let _ = writeln!(out, "**Nothing had to be tested**: {}\n", inline(reason));
    } else if counts.total() == 0 {
        out.push_str("**Nothing was tested**: no check is selected.\n\n");
    }
    if let Some(stopped) = record.ended.stopped() {
        let _ = writeln!(out, "**{}**\n", inline(stopped.to_string()));
    }
    for missing in &record.missing {
        let _ = writeln!(out, "**error**: {}\n", inline(missing));
    }
    if let Some(left) = &record.left_behind {
        let _ = writeln!(out, "**left behind**: {}\n", inline(left));
    }
    let mut with = format!("seatrial {}", inline(&record.seatrial));
    if let Some(engine) = &record.engine {
        let words = format!("{} {} ({})", engine.kind, engine.version, engine.platform);
        let _ = write!(with, " with {}", inline(words));
    }
    if let Some(shard) = &record.shard {
        let _ = write!(with, ", shard {}/{}", shard.number, shard.total);
    }
    let _ = writeln!(out, "{with}\n");
    out
}

/// The checks of each image, in the order of the plan.
fn by_image(record: &Record) -> Vec<(&str, Vec<&CheckRecord>)> {
    let mut images: Vec<(&str, Vec<&CheckRecord>)> = Vec::new();
    for check in &record.checks {
        let name = check.case.image.as_str();
        match images.iter_mut().find(|(known, _)| *known == name) {
            Some((_, checks)) => checks.push(check),
            None => images.push((name, vec![check])),
        }
    }
    images
}

fn row(name: &str, checks: &[&CheckRecord]) -> String {
    let mut counts = CountsRecord::default();
    checks.iter().for_each(|check| counts.add(check));
    let time: Duration = checks
        .iter()
        .map(|check| Duration::from(check.duration))
        .sum();
    let CountsRecord {
        passed,
        failed,
        errors,
        skipped,
        flaky,
        ..
    } = counts;
    let name = code(name);
    let time = time.as_secs_f64();
    format!("| {name} | {passed} | {failed} | {errors} | {skipped} | {flaky} | {time:.1} |\n")
}

fn heading(record: &Record, name: &str) -> String {
    let mut out = format!("### {}\n\n", code(name));
    let mut images = record.images.iter();
    if let Some(ImageRecord { reference, id, .. }) = images.find(|image| image.name == name) {
        let _ = match id {
            Some(id) => writeln!(out, "{}, id {}\n", code(reference), code(id)),
            None => writeln!(out, "{}, not found\n", code(reference)),
        };
    }
    out
}

/// A list that opens on a click, of the checks for which there is something to say.
fn folded(
    title: &str,
    checks: &[CheckRecord],
    say: impl Fn(&CheckRecord) -> Option<String>,
) -> String {
    let lines = checks.iter().filter_map(|check| {
        let said = say(check)?;
        Some(format!("- {}: {said}\n", code(check.case.full_name())))
    });
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return String::new();
    }
    let count = lines.len();
    let lines = lines.concat();
    format!("<details><summary>{title} ({count})</summary>\n\n{lines}\n</details>\n\n")
}

fn slowest(checks: &[CheckRecord]) -> String {
    let mut slow: Vec<&CheckRecord> = checks.iter().filter(|it| it.worker.is_some()).collect();
    slow.sort_by_key(|check| Reverse(check.duration));
    if slow.is_empty() {
        return String::new();
    }
    let mut rows = String::new();
    for check in slow.iter().take(SLOWEST) {
        let time = Duration::from(check.duration).as_secs_f64();
        let _ = writeln!(rows, "| {} | {time:.2} |", code(check.case.full_name()));
    }
    format!(
        "<details><summary>Slowest checks</summary>\n\n| check | seconds |\n|---|--:|\n{rows}\n</details>\n"
    )
}
