//! Lines of texts.

use super::diff::diff;
use super::flow::Flow;
use super::judged::{Judged, Subject, Undecided, is_cut, trim_newline};
use super::text::judge as judge_text;
use crate::engine::Captured;
use crate::source::Place;
use crate::spec::{LineCount, LinesExpectation, TextExpectation};
use crate::verdict::Finding;

/// Lines that are told one by one when `each` does not hold for them.
const TOLD: usize = 3;

/// The lines that were kept, and how many there can be.
struct Lines<'a> {
    /// Whole lines from the beginning. All of them when nothing was cut.
    head: Vec<&'a [u8]>,
    /// Whole lines up to the end, when something was cut.
    tail: Vec<&'a [u8]>,
    /// At least and at most so many lines.
    count: (u64, u64),
    cut: bool,
}

impl<'a> Lines<'a> {
    fn of(text: &'a Captured) -> Self {
        if !is_cut(text) {
            let head = split(text.kept());
            let count = head.len() as u64;
            return Self {
                head,
                tail: Vec::new(),
                count: (count, count),
                cut: false,
            };
        }
        let (head, tail) = text.parts();
        let ends = |part: &[u8]| part.iter().filter(|byte| **byte == b'\n').count() as u64;
        let unended = u64::from(!tail.is_empty() && !tail.ends_with(b"\n"));
        let least = ends(head) + ends(tail) + unended;
        // The line that the cut runs through is whole on neither side.
        let head_end = head.iter().rposition(|byte| *byte == b'\n');
        let tail_start = tail.iter().position(|byte| *byte == b'\n');
        Self {
            head: head_end.map_or(Vec::new(), |end| split(&head[..=end])),
            tail: tail_start.map_or(Vec::new(), |start| split(&tail[start + 1..])),
            count: match text.seen::<Flow>() {
                Some(flow) => (flow.lines(), flow.lines()),
                None => (least.max(1), (least + text.omitted() + 1)),
            },
            cut: true,
        }
    }

    /// Whether it has a number of lines that `fits`; `None` where that can't be said.
    fn number(&self, low: u64, high: u64) -> Option<bool> {
        let (least, most) = self.count;
        if low <= least && most <= high {
            Some(true)
        } else if most < low || high < least {
            Some(false)
        } else {
            None
        }
    }

    /// The number of lines in words.
    fn shown(&self) -> String {
        match self.count {
            (least, most) if least < most => format!("at least {}", lines(least)),
            (count, _) => lines(count),
        }
    }
}

/// A final newline does not make a further line.
fn split(text: &[u8]) -> Vec<&[u8]> {
    if text.is_empty() {
        return Vec::new();
    }
    trim_newline(text).split(|byte| *byte == b'\n').collect()
}

fn lines(count: u64) -> String {
    match count {
        1 => "1 line".to_owned(),
        _ => format!("{count} lines"),
    }
}

/// Judges a text by its lines.
pub(super) fn judge(
    subject: Subject<'_>,
    expected: &LinesExpectation,
    actual: &Captured,
) -> Judged {
    let lines = Lines::of(actual);
    let mut findings = Vec::new();
    let mut undecided = None;
    let judged = [
        numbers(subject, expected, &lines),
        equals(subject, expected, &lines),
        any_order(subject, expected, &lines),
        each(subject, expected.each.as_ref(), &lines),
        first(subject, expected.first.as_ref(), &lines),
        last(subject, expected.last.as_ref(), &lines, actual),
    ];
    for judged in judged {
        match judged {
            Ok(more) => findings.extend(more),
            Err(error) => undecided = Some(error),
        }
    }
    match undecided {
        Some(undecided) if findings.is_empty() => Err(undecided),
        _ => Ok(findings),
    }
}

fn numbers(subject: Subject<'_>, expected: &LinesExpectation, actual: &Lines<'_>) -> Judged {
    let mut findings = Vec::new();
    let mut undecided = false;
    let bounds = [
        (&expected.count, "exactly"),
        (&expected.min, "at least"),
        (&expected.max, "at most"),
    ];
    for (bound, word) in bounds {
        let Some(bound) = bound else { continue };
        let LineCount(wanted) = bound.value;
        let (low, high) = match word {
            "exactly" => (wanted, wanted),
            "at least" => (wanted, u64::MAX),
            _ => (0, wanted),
        };
        match actual.number(low, high) {
            Some(true) => {}
            Some(false) => {
                let (name, wanted, found) = (subject.name, lines(wanted), actual.shown());
                let message = format!("{name} must have {word} {wanted}, it has {found}");
                findings.push(subject.finding(&bound.place, message));
            }
            None => undecided = true,
        }
    }
    if undecided && findings.is_empty() {
        return Err(Undecided::CutOff);
    }
    Ok(findings)
}

fn equals(subject: Subject<'_>, expected: &LinesExpectation, actual: &Lines<'_>) -> Judged {
    let Some(expected) = &expected.equals else {
        return Ok(Vec::new());
    };
    let wanted: Vec<&[u8]> = expected.value.iter().map(String::as_bytes).collect();
    if actual.cut {
        let count = wanted.len() as u64;
        let differs = actual.number(count, count) == Some(false)
            || actual
                .head
                .iter()
                .zip(&wanted)
                .any(|(found, line)| found != line)
            || actual
                .tail
                .iter()
                .rev()
                .zip(wanted.iter().rev())
                .any(|(found, line)| found != line);
        if !differs {
            return Err(Undecided::CutOff);
        }
        let message = format!("the lines of {} are not what was expected", subject.name);
        return Ok(vec![subject.finding(&expected.place, message)]);
    }
    if wanted == actual.head {
        return Ok(Vec::new());
    }
    let message = format!("the lines of {} are not what was expected", subject.name);
    Ok(vec![Finding {
        detail: Some(diff(&wanted.join(&b'\n'), &actual.head.join(&b'\n'))),
        ..subject.finding(&expected.place, message)
    }])
}

fn any_order(subject: Subject<'_>, expected: &LinesExpectation, actual: &Lines<'_>) -> Judged {
    let Some(expected) = &expected.any_order else {
        return Ok(Vec::new());
    };
    let mut missing: Vec<&[u8]> = expected.value.iter().map(String::as_bytes).collect();
    let count = missing.len() as u64;
    let mut surplus: Vec<&[u8]> = Vec::new();
    for &line in actual.head.iter().chain(&actual.tail) {
        match missing.iter().position(|wanted| *wanted == line) {
            Some(at) => drop(missing.remove(at)),
            // One is enough where texts are long.
            None if surplus.len() > 1000 => break,
            None => surplus.push(line),
        }
    }
    if actual.cut {
        if surplus.is_empty() && actual.number(count, count) != Some(false) {
            return Err(Undecided::CutOff);
        }
        missing.clear();
    } else if missing.is_empty() && surplus.is_empty() {
        return Ok(Vec::new());
    }
    missing.sort_unstable();
    surplus.sort_unstable();
    let message = format!("{} has not the expected lines, in any order", subject.name);
    Ok(vec![Finding {
        detail: Some(diff(&missing.join(&b'\n'), &surplus.join(&b'\n'))),
        ..subject.finding(&expected.place, message)
    }])
}

fn each(subject: Subject<'_>, expected: Option<&TextExpectation>, actual: &Lines<'_>) -> Judged {
    let Some(expected) = expected else {
        return Ok(Vec::new());
    };
    let mut findings = Vec::new();
    let mut wrong = 0_usize;
    let numbered = actual.head.iter().enumerate();
    let numbered =
        numbered.map(|(at, line)| (format!("line {} of {}", at + 1, subject.name), line));
    let last = actual.tail.len();
    let from_end = actual.tail.iter().enumerate().map(|(at, line)| {
        let name = match last - at {
            1 => format!("the last line of {}", subject.name),
            back => format!("line {back} from the end of {}", subject.name),
        };
        (name, line)
    });
    for (name, line) in numbered.chain(from_end) {
        let found = one(subject.part(&name), expected, line)?;
        if !found.is_empty() {
            wrong += 1;
            if wrong <= TOLD {
                findings.extend(found);
            }
        }
    }
    if findings.is_empty() {
        if actual.cut {
            return Err(Undecided::CutOff);
        }
        return Ok(none(subject, expected, actual, "line"));
    }
    if let Some(first) = expected.0.first()
        && wrong > TOLD
    {
        let message = format!(
            "{} more of {} are wrong",
            lines((wrong - TOLD) as u64),
            subject.name
        );
        findings.push(subject.finding(&first.place, message));
    }
    Ok(findings)
}

fn first(subject: Subject<'_>, expected: Option<&TextExpectation>, actual: &Lines<'_>) -> Judged {
    let Some(expected) = expected else {
        return Ok(Vec::new());
    };
    let name = format!("the first line of {}", subject.name);
    match actual.head.first() {
        Some(line) => one(subject.part(&name), expected, line),
        None if actual.cut => Err(Undecided::CutOff),
        None => Ok(none(subject, expected, actual, "first line")),
    }
}

fn last(
    subject: Subject<'_>,
    expected: Option<&TextExpectation>,
    actual: &Lines<'_>,
    text: &Captured,
) -> Judged {
    let Some(expected) = expected else {
        return Ok(Vec::new());
    };
    let name = format!("the last line of {}", subject.name);
    let last = if is_cut(text) {
        actual.tail.last()
    } else {
        actual.head.last()
    };
    match last {
        Some(line) => one(subject.part(&name), expected, line),
        None if actual.cut => Err(Undecided::CutOff),
        None => Ok(none(subject, expected, actual, "last line")),
    }
}

fn one(subject: Subject<'_>, expected: &TextExpectation, line: &[u8]) -> Judged {
    judge_text(subject, expected, &Captured::whole(line)).map_err(Undecided::Problem)
}

/// What is expected of a line that is not there does not hold.
fn none(
    subject: Subject<'_>,
    expected: &TextExpectation,
    actual: &Lines<'_>,
    what: &str,
) -> Vec<Finding> {
    let place: Option<&Place> = expected.0.first().map(|first| &first.place);
    let place = place.filter(|_| actual.head.is_empty());
    let message = format!("{} has no {what}", subject.name);
    place
        .map(|place| subject.finding(place, message))
        .into_iter()
        .collect()
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
