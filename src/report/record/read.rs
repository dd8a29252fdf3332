//! Documents that somebody else wrote.

use std::collections::HashSet;

use serde::Deserialize;

use super::counts::CountsRecord;
use super::model::{Judgement, Record};
use super::seal::{key, seal};

/// The version of the format that this program writes and reads.
pub(super) const VERSION: u32 = 1;

/// Real ones have a few dozen characters.
const LONGEST_KIND: usize = 100;

/// No more can be asked for.
const MOST_SHARDS: usize = u16::MAX as usize;

/// An exbibyte: no command writes as much, and sums stay far from their limits.
const LONGEST_OUTPUT: u64 = 1 << 60;

/// Why a document is no result that can be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is no JSON, or it lacks something, or it is cut off.
    #[error("{} at line {}, column {}", without_position(.0), .0.line(), .0.column())]
    Json(#[from] serde_json::Error),
    /// A line of it is no JSON, or lacks something.
    #[error("line {0}, column {column}: {what}", column = .1.column(), what = without_position(.1))]
    Line(usize, serde_json::Error),
    /// Another version of seatrial wrote it.
    #[error(
        "it has version {0} of the format, and this seatrial reads version {VERSION}; use the \
         seatrial that wrote it"
    )]
    OtherVersion(u64),
    /// Its parts contradict each other.
    #[error("{0}")]
    Contradiction(String),
}

/// What every version has.
#[derive(Deserialize)]
pub(in crate::report) struct Head {
    version: u64,
}

impl Head {
    /// Refuses other versions.
    pub(in crate::report) fn check(&self) -> Result<(), RecordError> {
        if self.version == u64::from(VERSION) {
            return Ok(());
        }
        Err(RecordError::OtherVersion(self.version))
    }
}

impl Record {
    /// Reads a document. What it has beyond what is known here is left out.
    ///
    /// # Errors
    /// When it is no whole document of this version, or its counts are not those of its checks.
    pub fn from_json(bytes: &[u8]) -> Result<Self, RecordError> {
        let head: Head = serde_json::from_slice(bytes)?;
        head.check()?;
        let record: Self = serde_json::from_slice(bytes)?;
        record.check()?;
        Ok(record)
    }

    /// The document: JSON with a line break at the end, sealed with the key of this process if
    /// it has one.
    ///
    /// # Errors
    /// Never for values that this program made.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let document = serde_json::to_string_pretty(self)? + "\n";
        Ok(seal(&document, key().as_deref()))
    }

    pub(in crate::report) fn check(&self) -> Result<(), RecordError> {
        let counts = CountsRecord::of(&self.checks, self.missing.len());
        if counts != self.counts {
            let message = "its counts are not those of its checks; it was changed or damaged";
            return Err(RecordError::Contradiction(message.to_owned()));
        }
        if self.selection.selected != self.checks.len() {
            let (selected, there) = (self.selection.selected, self.checks.len());
            let message = format!("{selected} checks were selected, but {there} are in it");
            return Err(RecordError::Contradiction(message));
        }
        if let Some(shard) = &self.shard
            && (shard.total > MOST_SHARDS || !(1..=shard.total).contains(&shard.number))
        {
            let message = format!("there is no shard {} of {}", shard.number, shard.total);
            return Err(RecordError::Contradiction(message));
        }
        let found = self.images.iter().filter(|image| image.id.is_some());
        let found: HashSet<&str> = found.map(|image| image.name.as_str()).collect();
        let mut names = HashSet::new();
        for check in &self.checks {
            if !names.insert((&check.case.image, &check.case.name)) {
                let message = format!("the check {} is twice in it", check.case.full_name());
                return Err(RecordError::Contradiction(message));
            }
            let is_decided = matches!(
                check.judgement,
                Judgement::Passed | Judgement::Failed { .. }
            );
            if is_decided && !found.contains(check.case.image.as_str()) {
                let message = format!(
                    "the check {} has a verdict, but which image it is about is not told",
                    check.case.full_name()
                );
                return Err(RecordError::Contradiction(message));
            }
            let name = check.case.full_name();
            let labels = check.findings().all(|it| it.label.starts_with(&it.kind));
            if !labels {
                let message = format!("the check {name} has a label that is not of its kind");
                return Err(RecordError::Contradiction(message));
            }
            if check.kinds().any(|kind| kind.len() > LONGEST_KIND) {
                let message = format!("the check {name} has a kind that is too long");
                return Err(RecordError::Contradiction(message));
            }
            let streams = [&check.stdout, &check.stderr];
            let mut streams = streams.into_iter().flatten();
            if streams.any(|it| it.omitted.max(it.bytes) > LONGEST_OUTPUT) {
                let message = format!("the check {name} has an output that is too long");
                return Err(RecordError::Contradiction(message));
            }
            let is_known = matches!(check.judgement, Judgement::Passed);
            if check.cached != check.performed.is_some() || (check.cached && !is_known) {
                let message =
                    format!("whether the check {name} was performed is not what its verdict says");
                return Err(RecordError::Contradiction(message));
            }
            if check.flaky != check.is_flaky() {
                let message =
                    format!("whether the check {name} is flaky is not what its tries say");
                return Err(RecordError::Contradiction(message));
            }
        }
        Ok(())
    }
}

/// `serde_json` tells the position in its own way, at the end.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    let what = text.strip_suffix(&position).unwrap_or(&text).to_owned();
    if error.is_eof() {
        return format!("it is cut off ({what})");
    }
    what
}
