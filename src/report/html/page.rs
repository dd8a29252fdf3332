//! The whole page as the template sees it.

use serde::Serialize;

use super::check::CheckView;
use super::facts::{self, Fact};
use super::image::ImageView;
use super::stream::Room;
use super::timeline::Timeline;
use super::words;
use crate::report::record::{CountsRecord, Ended, Record, Seconds};
use crate::report::text::page_text;
use crate::words::count;

/// So that one failure among thousands is still seen in the bar, in thousandths.
const THINNEST: f64 = 6.0;
/// How many of the slowest checks are listed.
const SLOWEST: usize = 10;
/// Failures that are listed at the top; the rest is further down.
const LISTED: usize = 25;
/// Up to so many checks the bars of the timeline bring their names themselves.
const NAMED: usize = 500;

/// The page.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    title: String,
    /// `bad` or `good`.
    mood: &'static str,
    headline: String,
    subtitle: String,
    /// What the reader must know before anything else.
    notices: Vec<String>,
    missing: Vec<String>,
    tallies: Vec<Count>,
    /// Counts of what is among the others.
    also: Vec<Count>,
    facts: Vec<Fact>,
    failures: Vec<Pointer>,
    unlisted: usize,
    images: Vec<ImageView>,
    timeline: Option<Timeline>,
    /// The names of the checks by their number; empty if there are too many to be told twice.
    names: Vec<String>,
    slowest: Vec<Slow>,
}

#[derive(Debug, Serialize)]
struct Count {
    key: &'static str,
    label: &'static str,
    count: usize,
    /// Its part of the bar, in thousandths.
    x: f64,
    width: f64,
}

#[derive(Debug, Serialize)]
struct Pointer {
    number: usize,
    word: &'static str,
    name: String,
    image: String,
    message: String,
}

#[derive(Debug, Serialize)]
struct Slow {
    number: usize,
    word: &'static str,
    name: String,
    image: String,
    time: String,
    /// Against the slowest, in hundredths.
    part: f64,
}

impl Page {
    pub(super) fn of(record: &Record) -> Self {
        let room = Room::of(record);
        let checks = record.checks.iter().enumerate();
        let checks: Vec<CheckView> = checks
            .map(|(number, check)| CheckView::of(number, check, room))
            .collect();
        let bad = checks.iter().filter(|check| check.bad);
        let failures: Vec<Pointer> = bad.clone().take(LISTED).map(Pointer::of).collect();
        let counts = record.counts;
        let headline = headline(record);
        Self {
            title: format!("{headline} – seatrial"),
            mood: if is_good(record) { "good" } else { "bad" },
            headline,
            subtitle: subtitle(record),
            notices: notices(record),
            missing: record.missing.iter().map(|text| page_text(text)).collect(),
            tallies: tallies(counts),
            also: also(counts),
            facts: facts::of_run(record),
            unlisted: bad.count() - failures.len(),
            failures,
            timeline: Timeline::of(record),
            names: names(&checks),
            slowest: slowest(record, &checks),
            images: ImageView::all(record, checks),
        }
    }
}

impl Pointer {
    fn of(check: &CheckView) -> Self {
        Self {
            number: check.number,
            word: check.word,
            name: check.name.clone(),
            image: check.image.clone(),
            message: check.headline(),
        }
    }
}

fn names(checks: &[CheckView]) -> Vec<String> {
    let known = if checks.len() <= NAMED { checks } else { &[] };
    known.iter().map(|check| check.name.clone()).collect()
}

fn is_good(record: &Record) -> bool {
    let counts = record.counts;
    counts.failed + counts.errors == 0
        && (counts.passed + counts.skipped > 0 || record.unaffected().is_some())
        && record.ended == Ended::Complete
}

fn headline(record: &Record) -> String {
    let CountsRecord {
        passed,
        failed,
        errors,
        skipped,
        ..
    } = record.counts;
    let checks = |number| count(number, "check");
    match (failed, errors) {
        _ if record.unaffected().is_some() => "Nothing had to be tested".to_owned(),
        _ if passed + failed + errors + skipped == 0 => "No check was selected".to_owned(),
        _ if record.ended == Ended::Unfinished => "The run did not finish".to_owned(),
        (0, 0) if passed == 0 => format!("All {} skipped", checks(skipped)),
        (0, 0) => format!("{} passed", checks(passed)),
        (0, _) => count(errors, "error"),
        (_, 0) => format!("{} failed", checks(failed)),
        _ => format!("{} failed, {}", checks(failed), count(errors, "error")),
    }
}

fn subtitle(record: &Record) -> String {
    let total =
        record.counts.passed + record.counts.failed + record.counts.errors + record.counts.skipped;
    let images = match record.images.as_slice() {
        [] => String::new(),
        [image] => format!(" on {}", image.name),
        images => format!(" on {}", count(images.len(), "image")),
    };
    let time = words::time(record.duration);
    let engine = record.engine.as_ref();
    let engine = engine.map(|engine| format!(" with {} {}", engine.kind, engine.version));
    let checks = count(total, "check");
    page_text(&format!(
        "{checks}{images}{}, in {time}",
        engine.unwrap_or_default()
    ))
}

fn notices(record: &Record) -> Vec<String> {
    let mut notices = Vec::new();
    notices.extend(record.unaffected().map(page_text));
    if !matches!(record.ended, Ended::Complete | Ended::Unfinished) {
        notices.push(format!("The run was {}.", facts::ended(record.ended)));
    }
    if record.counts.not_run > 0 {
        let checks = count(record.counts.not_run, "check");
        notices.push(format!(
            "{checks} not run: nothing is known of them, so they count as errors."
        ));
    }
    notices.extend(record.left_behind.as_ref().map(|left| page_text(left)));
    notices
}

fn tallies(counts: CountsRecord) -> Vec<Count> {
    let all = [
        ("failed", "failed", counts.failed),
        ("error", plural(counts.errors, "errors"), counts.errors),
        ("passed", "passed", counts.passed),
        ("skipped", "skipped", counts.skipped),
    ];
    let total: usize = all.iter().map(|count| count.2).sum();
    let width = |count: usize| match count {
        0 => 0.0,
        count => (count as f64 * 1e3 / total as f64).max(THINNEST),
    };
    let whole: f64 = all.iter().map(|count| width(count.2)).sum();
    let hundredths = |value: f64| (value * 1e5 / whole.max(1.0)).round() / 100.0;
    let mut end = 0.0;
    all.into_iter()
        .map(|(key, label, count)| {
            let begin = end;
            end += width(count);
            Count {
                key,
                label,
                count,
                x: hundredths(begin),
                width: hundredths(width(count)),
            }
        })
        .collect()
}

/// Without the `s` for one.
fn plural(count: usize, words: &'static str) -> &'static str {
    match words.strip_suffix('s') {
        Some(one) if count == 1 => one,
        _ => words,
    }
}

fn also(counts: CountsRecord) -> Vec<Count> {
    let all = [
        ("flaky", "flaky", counts.flaky),
        ("cached", "cached", counts.cached),
        (
            "xfail",
            plural(counts.xfail, "known failures"),
            counts.xfail,
        ),
    ];
    let all = all.into_iter().filter(|count| count.2 > 0);
    all.map(|(key, label, count)| Count {
        key,
        label,
        count,
        x: 0.0,
        width: 0.0,
    })
    .collect()
}

fn slowest(record: &Record, checks: &[CheckView]) -> Vec<Slow> {
    let mut order: Vec<usize> = (0..checks.len())
        .filter(|number| record.checks[*number].duration > Seconds::default())
        .collect();
    order.sort_by_key(|number| std::cmp::Reverse(record.checks[*number].duration));
    let seconds =
        |number: usize| std::time::Duration::from(record.checks[number].duration).as_secs_f64();
    let longest = order.first().map_or(1.0, |first| seconds(*first));
    let slow = |number: usize| Slow {
        number,
        word: checks[number].word,
        name: checks[number].name.clone(),
        image: checks[number].image.clone(),
        time: words::time(record.checks[number].duration),
        part: (seconds(number) / longest * 1e4).round() / 100.0,
    };
    order.into_iter().take(SLOWEST).map(slow).collect()
}
