//! JSON lines: what happens, one line for each thing as it happens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::file::FileError;
use super::record::{
    CaseRecord, CheckRecord, CountsRecord, Ended, EngineRecord, ImageRecord, Moment, Record,
    Seconds, SelectionRecord, ShardRecord, SpecRecord, schema_of,
};
use super::target::{Growing, Target};
use crate::event::{Event, RunStart};

/// A line of a run of seatrial: something that happened.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(super) enum Line {
    /// The first line: the run begins.
    Start(Box<StartLine>),
    /// An image; these lines follow the first.
    Image(ImageRecord),
    /// A check has its verdict.
    Check(Box<CheckRecord>),
    /// The last line. Without it the run goes on, or was killed.
    End(EndLine),
}

/// What is known when a run begins.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct StartLine {
    /// The version of the format.
    #[schemars(extend("const" = 1))]
    pub(super) version: u32,
    /// The version of seatrial.
    pub(super) seatrial: String,
    /// When the run began.
    pub(super) started: Moment,
    /// The name of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hostname: Option<String>,
    /// What ran the containers, if anything answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) engine: Option<EngineRecord>,
    /// How many checks run at once.
    pub(super) threads: usize,
    /// What selected the checks.
    pub(super) selection: SelectionRecord,
    /// Which part of the checks this run is to do, if not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) shard: Option<ShardRecord>,
    /// The spec files that the checks are made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) specs: Vec<SpecRecord>,
    /// The checks that are to come.
    pub(super) planned: Vec<CaseRecord>,
}

/// How a run ended.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct EndLine {
    /// How.
    pub(super) ended: Ended,
    /// How long it took, in seconds.
    pub(super) duration: Seconds,
    /// What could not be removed from the engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) left_behind: Option<String>,
    /// What is missing and no check stands for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) missing: Vec<String>,
    /// How many checks came to what.
    pub(super) counts: CountsRecord,
}

/// The JSON Schema (draft 2020-12) of each line that `--json-lines` writes.
pub fn lines_schema() -> Value {
    schema_of::<Line>()
}

/// Writes the lines.
#[derive(Debug)]
pub(super) struct Lines {
    to: Growing,
    /// The first thing that went wrong; nothing is written after it.
    failed: Option<FileError>,
}

impl Lines {
    /// Empties the file. Unlike other reports it is written in place: a run that is killed leaves
    /// all that was known of it.
    pub(super) fn open(target: &Target) -> Result<Self, FileError> {
        Ok(Self {
            to: Growing::open(target)?,
            failed: None,
        })
    }

    /// Writes what `event` has added to `record`.
    pub(super) fn on(&mut self, event: &Event, record: &Record, known: usize) {
        let checks = &record.checks[known..];
        let mut lines = Vec::new();
        match event {
            Event::RunStarted(start) => {
                lines.push(Line::Start(Box::new(StartLine::new(start, record))));
                lines.extend(record.images.iter().cloned().map(Line::Image));
            }
            Event::ImageReady(info) => {
                let now = record.images.iter().filter(|image| image.name == info.name);
                lines.extend(now.cloned().map(Line::Image));
            }
            Event::CheckStarted(_) => {}
            Event::CheckFinished(_) | Event::RunFinished(_) => {
                let checks = checks.iter().cloned().map(Box::new);
                lines.extend(checks.map(Line::Check));
            }
        }
        if let Event::RunFinished(_) = event {
            lines.push(Line::End(EndLine {
                ended: record.ended,
                duration: record.duration,
                left_behind: record.left_behind.clone(),
                missing: record.missing.clone(),
                counts: record.counts,
            }));
        }
        let mut bytes = Vec::new();
        for line in &lines {
            // Values of this program can always be written.
            if let Ok(line) = serde_json::to_vec(line) {
                bytes.extend(line);
                bytes.push(b'\n');
            }
        }
        if self.failed.is_none() && !bytes.is_empty() {
            self.failed = self.to.append(&bytes).err();
        }
    }

    pub(super) fn finish(self) -> Result<(), FileError> {
        self.failed.map_or(Ok(()), Err)
    }
}

impl StartLine {
    fn new(start: &RunStart, record: &Record) -> Self {
        Self {
            version: record.version,
            seatrial: record.seatrial.clone(),
            started: record.started,
            hostname: record.hostname.clone(),
            engine: record.engine.clone(),
            threads: record.threads,
            selection: record.selection.clone(),
            shard: record.shard.clone(),
            specs: record.specs.clone(),
            planned: start.checks.iter().map(|case| (&**case).into()).collect(),
        }
    }
}
