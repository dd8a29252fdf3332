//! JSON lines that become a record again.

use std::collections::HashSet;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::lines::{Line, StartLine};
use super::record::{CheckRecord, CountsRecord, Ended, Head, Record, RecordError, UNFINISHED};

/// What every line has.
#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "event")]
    _event: String,
}

impl Record {
    /// Reads what `--json` or `--json-lines` wrote. Of lines the last may be cut off: then the run
    /// did not finish, and the checks that it did not come to are errors.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    pub fn from_document(bytes: &[u8]) -> Result<Self, RecordError> {
        let first = bytes
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        if serde_json::from_slice::<Kind>(first).is_err() {
            return Self::from_json(bytes);
        }
        from_lines(bytes)
    }
}

fn from_lines(bytes: &[u8]) -> Result<Record, RecordError> {
    // What comes after the last line break is empty, or was cut off.
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    let mut lines = bytes[..whole].split(|byte| *byte == b'\n').zip(1..);
    let (first, number) = lines.next().unwrap_or_default();
    line::<Head>(first, number)?.check()?;
    let Line::Start(start) = line(first, number)? else {
        let message = "its first line is not the start of a run";
        return Err(RecordError::Contradiction(message.to_owned()));
    };
    let StartLine {
        version,
        seatrial,
        started,
        hostname,
        engine,
        threads,
        selection,
        shard,
        specs,
        planned,
    } = *start;
    let mut record = Record {
        version,
        seatrial,
        hostname,
        engine,
        threads,
        selection,
        shard,
        specs,
        missing: Vec::new(),
        counts: CountsRecord::default(),
        ..Record::unfinished(started.into(), None)
    };
    let mut counts = None;
    for (text, number) in lines {
        if counts.is_some() {
            let message = format!("line {number} comes after the end of the run");
            return Err(RecordError::Contradiction(message));
        }
        match line(text, number)? {
            Line::Start(_) => {
                let message = format!("line {number} is the start of another run");
                return Err(RecordError::Contradiction(message));
            }
            // One that was built during the run has a line before and one after that.
            Line::Image(image) => record.learn(image),
            Line::Check(check) => record.checks.push(*check),
            Line::End(end) => {
                record.ended = end.ended;
                record.duration = end.duration;
                record.left_behind = end.left_behind;
                record.missing = end.missing;
                counts = Some(end.counts);
            }
        }
    }
    let known = record.checks.iter();
    let known: HashSet<_> = known.map(|check| check.case.full_name()).collect();
    let open = planned.into_iter();
    let open: Vec<_> = open
        .filter(|case| !known.contains(&case.full_name()))
        .collect();
    if counts.is_none() {
        let last = record.checks.iter().map(|check| check.offset).max();
        record.duration = last.unwrap_or_default();
        if open.is_empty() {
            record.missing.push(UNFINISHED.to_owned());
        }
        record.ended = Ended::Unfinished;
        record.checks.extend(open.into_iter().map(|case| {
            let message = "the run ended before this check had a verdict";
            CheckRecord::undecided(case, "unfinished", message)
        }));
    }
    record.checks.sort_by_key(|check| check.case.index);
    let found = CountsRecord::of(&record.checks, record.missing.len());
    record.counts = counts.unwrap_or(found);
    record.check()?;
    Ok(record)
}

fn line<T: DeserializeOwned>(text: &[u8], number: usize) -> Result<T, RecordError> {
    serde_json::from_slice(text).map_err(|error| RecordError::Line(number, error))
}
