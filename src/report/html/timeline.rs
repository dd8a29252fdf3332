//! Which check ran when, and on which worker.

use std::collections::BTreeMap;

use serde::Serialize;

use super::words;
use crate::report::record::{Record, Seconds};
use std::time::Duration;

/// The width of the drawing, in units that the page stretches.
const WIDTH: f64 = 1_000.0;
/// So that no check is too short to be seen, one that did not pass least of all.
const NARROWEST: f64 = 1.2;
const NARROWEST_BAD: f64 = 3.0;
/// The height of all lanes together that is aimed at, in pixels.
const HEIGHT: usize = 160;

/// Lanes of bars, one lane for each worker.
#[derive(Debug, Serialize)]
pub(super) struct Timeline {
    /// What the width stands for, in seconds.
    span: f64,
    height: usize,
    bar: usize,
    lanes: Vec<Lane>,
    /// The bars by their start; those of checks that did not pass after the others.
    bars: Vec<Bar>,
    ticks: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Lane {
    y: usize,
    height: usize,
}

#[derive(Debug, Serialize)]
struct Bar {
    /// The number of the check among all.
    check: usize,
    word: &'static str,
    lane: usize,
    x: String,
    y: usize,
    width: String,
}

impl Timeline {
    /// None if no check was begun.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let seconds = |time: Seconds| Duration::from(time).as_secs_f64();
        let mut begun: Vec<(usize, usize, f64, f64)> = record
            .checks
            .iter()
            .enumerate()
            .filter_map(|(number, check)| {
                let begin = seconds(check.offset);
                Some((
                    number,
                    check.worker?,
                    begin,
                    begin + seconds(check.duration),
                ))
            })
            .collect();
        begun.sort_by(|a, b| a.2.total_cmp(&b.2).then(a.0.cmp(&b.0)));
        let last = begun.iter().map(|bar| bar.3).fold(0.0, f64::max);
        let span = last.max(seconds(record.duration)).max(1e-3);

        // The workers by their numbers, without those that did nothing.
        let workers: BTreeMap<usize, usize> = begun.iter().map(|bar| (bar.1, 0)).collect();
        let lanes: BTreeMap<usize, usize> = workers.into_keys().zip(0..).collect();
        let step = (HEIGHT / lanes.len().max(1)).clamp(6, 22);
        let bar = step - step.div_ceil(6);
        let mut bars: Vec<Bar> = begun
            .iter()
            .map(|(number, worker, begin, end)| {
                let lane = lanes[worker];
                let judgement = &record.checks[*number].judgement;
                let narrowest = if judgement.is_bad() {
                    NARROWEST_BAD
                } else {
                    NARROWEST
                };
                let width = ((end - begin) / span * WIDTH).max(narrowest);
                let x = (begin / span * WIDTH).min(WIDTH - width).max(0.0);
                Bar {
                    check: *number,
                    word: judgement.word(),
                    lane: lane + 1,
                    x: short(x),
                    y: lane * step,
                    width: short(width),
                }
            })
            .collect();
        // What is drawn later lies above.
        bars.sort_by_key(|bar| record.checks[bar.check].judgement.is_bad());
        (!bars.is_empty()).then(|| Self {
            span,
            height: lanes.len() * step,
            bar,
            lanes: (0..lanes.len())
                .map(|lane| Lane {
                    y: lane * step,
                    height: bar,
                })
                .collect(),
            bars,
            ticks: ticks(span),
        })
    }
}

/// Thousands of these make up much of a page.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn ticks(span: f64) -> Vec<String> {
    let tick =
        |part: u32| words::time(Duration::from_secs_f64(span * f64::from(part) / 4.0).into());
    (0..=4).map(tick).collect()
}
