//! The lines that a message shows: few, short, and with nothing in them that acts.

use std::collections::BTreeSet;
use std::ops::Range;

use super::harmless::harmless;
use crate::source::{Place, Source};

/// A place that covers more lines is shown by its first one.
const MOST_LINES: usize = 6;
/// Places that are further apart, in lines, are shown as two excerpts.
const FARTHEST_LINES: usize = 50;
/// What is shown of a long line on either side of a place, in bytes.
const AROUND: usize = 200;
/// What is shown of a place in a long line, in bytes.
const LONGEST_PLACE: usize = 400;

/// Says nothing where it may stand, at the beginning.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A part of a file, ready to be shown.
#[derive(Debug)]
pub(super) struct Excerpt {
    /// The lines, harmless. Those that will not be shown are empty.
    pub text: String,
    /// The number of the first line, counted from 1.
    pub first_line: usize,
    /// The bytes of `text` that each place became, in the order given.
    pub spans: Vec<Range<usize>>,
}

/// Whether both places fit into one excerpt.
pub(super) fn near(a: &Place, b: &Place) -> bool {
    std::sync::Arc::ptr_eq(a.source(), b.source())
        && a.line().abs_diff(b.line()) <= FARTHEST_LINES
        && (a.line() != b.line() || a.range().start.abs_diff(b.range().start) <= AROUND)
}

impl Excerpt {
    /// The lines of `places`, which are [`near`] each other. The first one is the most important:
    /// a long line is cut around it.
    pub fn of(source: &Source, places: &[&Place]) -> Self {
        let ranges: Vec<Range<usize>> = places.iter().map(|place| clip(source, place)).collect();
        let mut shown = BTreeSet::new();
        for range in &ranges {
            let first = source.line_index(range.start);
            let last = source.line_index(range.end);
            // The line between two that are shown is shown too.
            shown.extend(first.saturating_sub(1)..=last + 1);
        }
        let edges = ranges.iter().flat_map(|range| [range.start, range.end]);
        let lines: Vec<usize> = edges.map(|at| source.line_index(at)).collect();
        let first = lines.iter().copied().min().unwrap_or(0);
        let last = lines.iter().copied().max().unwrap_or(0);

        let mut text = String::new();
        let mut spans = vec![0..0; ranges.len()];
        for line in first..=last {
            if shown.contains(&line) {
                push_line(source, line, &ranges, &mut text, &mut spans);
            }
            text.push('\n');
        }
        Self {
            text,
            first_line: first + 1,
            spans,
        }
    }
}

/// The part of `place` that is pointed at.
fn clip(source: &Source, place: &Place) -> Range<usize> {
    let Range { start, end } = place.range();
    let first = source.line_index(start);
    let line_end = source.line(first).end.max(start);
    if source.line_index(end) - first >= MOST_LINES {
        return start..line_end;
    }
    start..end
}

/// Appends one line and notes where the ends of the ranges in it came to stand.
fn push_line(
    source: &Source,
    line: usize,
    ranges: &[Range<usize>],
    text: &mut String,
    spans: &mut [Range<usize>],
) {
    let mut whole = source.line(line);
    if line == 0 && source.text().starts_with(BYTE_ORDER_MARK) {
        whole.start += BYTE_ORDER_MARK.len_utf8();
    }
    // The line break belongs to the line, or a range that ends behind it would have no end.
    let holds = |at: usize| source.line_index(at) == line;
    let mut marks: Vec<usize> = ranges
        .iter()
        .flat_map(|range| [range.start, range.end])
        .filter(|at| holds(*at))
        .map(|at| at.clamp(whole.start, whole.end))
        .collect();
    let anchor = marks.first().copied().unwrap_or(whole.start);
    let window = window(source, &whole, anchor, &marks);
    marks.sort_unstable();
    marks.dedup();

    if window.start > whole.start {
        text.push('…');
    }
    let mut done = window.start;
    let mut moved = Vec::with_capacity(marks.len());
    for mark in marks {
        let mark = mark.clamp(window.start, window.end);
        text.push_str(&harmless(&source.text()[done..mark]));
        done = mark;
        moved.push((mark, text.len()));
    }
    text.push_str(&harmless(&source.text()[done..window.end]));
    if window.end < whole.end {
        text.push('…');
    }
    let new = |at: usize| {
        let at = at.clamp(window.start, window.end);
        let found = moved.iter().find(|(mark, _)| *mark == at);
        found.map_or(text.len(), |(_, new)| *new)
    };
    for (range, span) in ranges.iter().zip(spans) {
        if holds(range.start) {
            span.start = new(range.start);
            span.end = span.start;
        }
        if holds(range.end) {
            span.end = new(range.end);
        }
    }
}

/// The part of a line that is shown: all of it, or what is around `anchor`.
fn window(source: &Source, whole: &Range<usize>, anchor: usize, marks: &[usize]) -> Range<usize> {
    if whole.len() <= 2 * AROUND {
        return whole.clone();
    }
    let start = anchor.saturating_sub(AROUND).max(whole.start);
    let last = marks.iter().copied().max().unwrap_or(anchor);
    let end = (last.min(anchor + LONGEST_PLACE) + AROUND).min(whole.end);
    let text = source.text();
    text.floor_char_boundary(start)..text.floor_char_boundary(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(text: &str, parts: &[&str]) -> Excerpt {
        let source = Source::new("t.yaml", text);
        let places: Vec<Place> = parts
            .iter()
            .map(|part| {
                let start = text.find(part).unwrap();
                Place::new(&source, start..start + part.len())
            })
            .collect();
        Excerpt::of(&source, &places.iter().collect::<Vec<_>>())
    }

    #[test]
    fn places_keep_their_text() {
        let long = format!("{}needle{}", "ä".repeat(5_000), "ö".repeat(5_000));
        for (text, parts) in [
            ("a: 1\nb: 2\n", &["b: 2"][..]),
            ("a: 1\r\nb: 2\r\nc: 3\r\n", &["b", "c: 3"]),
            ("\u{feff}a: 1", &["a"]),
            ("x: \u{1b}[31m\u{202e}red", &["red", "x"]),
            (&long, &["needle"]),
        ] {
            let excerpt = excerpt(text, parts);
            let shown = excerpt.spans.iter().map(|span| &excerpt.text[span.clone()]);
            assert_eq!(shown.collect::<Vec<_>>(), parts, "{text:?}");
            assert!(
                !excerpt
                    .text
                    .contains(['\r', '\u{1b}', '\u{202e}', '\u{feff}'])
            );
        }
    }

    #[test]
    fn what_is_shown_is_short() {
        let wide = "k".repeat(1_000_000);
        assert!(excerpt(&wide, &[&wide]).text.len() < 1_000);
        let high = "k\n".repeat(1_000_000);
        let excerpt = excerpt(&high, &[&high]);
        assert_eq!((&*excerpt.text, excerpt.first_line), ("k\n", 1));
    }

    #[test]
    fn an_end_at_the_end_of_the_file_is_shown() {
        for text in ["", "a", "a\n", "a\r\n"] {
            let source = Source::new("t.yaml", text);
            let place = Place::new(&source, text.len()..text.len());
            let excerpt = Excerpt::of(&source, &[&place]);
            assert!(excerpt.spans[0].end <= excerpt.text.len(), "{text:?}");
            assert_eq!(excerpt.first_line, place.line(), "{text:?}");
        }
    }
}
