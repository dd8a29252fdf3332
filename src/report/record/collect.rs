//! From events to the record.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::counts::CountsRecord;
use super::model::{
    CaseRecord, CheckRecord, Ended, EngineRecord, ImageRecord, Judgement, Record, SelectionRecord,
    ShardRecord, SpecRecord, StreamRecord,
};
use super::read::VERSION;
use crate::engine::Captured;
use crate::event::{
    CaseInfo, CaseResult, Event, ImageInfo, RunEnd, RunStart, Selection, Shard, SpecFile, Stopped,
};
use crate::report::excerpt::{Excerpt, Limit};
use crate::report::ledger::without_verdict;
use crate::report::text::{one_line, terminal_text, xml_text};
use crate::verdict::Verdict;

/// How much of each stream is kept: as much as JUnit shows.
const STREAM: Limit = Limit {
    bytes: 64 * 1024,
    lines: usize::MAX,
};

/// What is missing from every record until the run is over.
pub(in crate::report) const UNFINISHED: &str =
    "the run did not finish: it is still going on, or it was killed";

/// Makes the record of a run while it goes on.
#[derive(Debug)]
pub struct Collector {
    record: Record,
    open: BTreeMap<usize, Arc<CaseInfo>>,
}

impl Collector {
    /// Nothing has happened yet.
    pub fn new() -> Self {
        let hostname = hostname::get().ok();
        let hostname = hostname.map(|name| one_line(name.to_string_lossy().as_bytes()));
        Self {
            record: Record::unfinished(SystemTime::now(), hostname),
            open: BTreeMap::new(),
        }
    }

    /// Takes one event, and gives how many checks had a verdict before it.
    pub fn take(&mut self, event: &Event) -> usize {
        let known = self.record.checks.len();
        match event {
            Event::RunStarted(start) => {
                self.record.begin(start);
                let open = start.checks.iter();
                self.open = open.map(|case| (case.index, Arc::clone(case))).collect();
            }
            Event::ImageReady(info) => self.record.learn(ImageRecord::from(&**info)),
            Event::CheckStarted(_) => {}
            Event::CheckFinished(result) => {
                self.open.remove(&result.case.index);
                self.enter(result);
            }
            Event::RunFinished(end) => {
                for case in std::mem::take(&mut self.open).into_values() {
                    self.enter(&without_verdict(case));
                }
                self.record.end(end);
            }
        }
        known
    }

    fn enter(&mut self, result: &CaseResult) {
        let check = CheckRecord::from(result);
        self.record.counts.add(&check);
        self.record.checks.push(check);
    }

    /// The record so far: the checks that have a verdict, in the order in which they got it.
    pub fn head(&self) -> &Record {
        &self.record
    }

    /// The whole record, as if the run had ended now: checks without a verdict are errors.
    pub fn record(&self) -> Record {
        let mut record = self.record.clone();
        for case in self.open.values() {
            let check = CheckRecord::from(&without_verdict(Arc::clone(case)));
            record.counts.add(&check);
            record.checks.push(check);
        }
        record.checks.sort_by_key(|check| check.case.index);
        record
    }
}

impl Default for Collector {
    fn default() -> Self {
        Self::new()
    }
}

/// A folder, to be put in front of a path.
fn with_slash(folder: &Path) -> String {
    let folder = one_line(folder.to_string_lossy().as_bytes());
    if folder.is_empty() {
        String::new()
    } else {
        format!("{folder}/")
    }
}

impl Record {
    /// Of a run that has only just begun.
    pub fn unfinished(now: SystemTime, hostname: Option<String>) -> Self {
        Self {
            version: VERSION,
            seatrial: env!("CARGO_PKG_VERSION").to_owned(),
            started: now.into(),
            duration: Duration::ZERO.into(),
            ended: Ended::Unfinished,
            left_behind: None,
            missing: vec![UNFINISHED.to_owned()],
            hostname,
            engine: None,
            folder: String::new(),
            threads: 1,
            joined: None,
            selection: SelectionRecord::default(),
            shard: None,
            counts: CountsRecord {
                errors: 1,
                ..CountsRecord::default()
            },
            images: Vec::new(),
            specs: Vec::new(),
            checks: Vec::new(),
        }
    }

    fn begin(&mut self, start: &RunStart) {
        self.started = start.started.into();
        self.engine = start.engine.as_ref().map(|engine| EngineRecord {
            kind: one_line(&engine.kind),
            version: one_line(&engine.version),
            platform: one_line(&engine.platform),
            beside: engine.beside.as_ref().map(one_line),
        });
        self.threads = start.threads;
        self.folder = with_slash(&start.folder);
        if !start.checks.is_empty() {
            // Each of them is an error until it has a verdict.
            self.missing.clear();
            self.counts = CountsRecord::default();
        }
        self.selection = SelectionRecord::new(&start.selection, start);
        self.shard = start.selection.shard.as_ref().map(ShardRecord::from);
        self.images = start.images.iter().map(ImageRecord::from).collect();
        self.specs = start.specs.iter().map(SpecRecord::from).collect();
    }

    /// Takes what is known of an image now.
    pub(in crate::report) fn learn(&mut self, image: ImageRecord) {
        let known = self.images.iter_mut();
        match known.into_iter().find(|known| known.name == image.name) {
            Some(known) => *known = image,
            None => self.images.push(image),
        }
    }

    fn end(&mut self, end: &RunEnd) {
        self.duration = end.duration.into();
        self.ended = match end.stopped {
            None => Ended::Complete,
            Some(Stopped::Signal(number)) => Ended::Signal { number },
            Some(Stopped::Deadline(after)) => Ended::Deadline {
                after: after.into(),
            },
            Some(Stopped::Failures(limit)) => Ended::Failures { limit },
        };
        self.left_behind = end.left_behind.as_ref().map(one_line);
        self.missing = end.missing.iter().map(one_line).collect();
        self.counts = CountsRecord::of(&self.checks, self.missing.len());
    }
}

impl SelectionRecord {
    fn new(selection: &Selection, start: &RunStart) -> Self {
        Self {
            selected: start.selected(),
            filtered: start.filtered,
            filter: selection.filter.clone(),
            exact: selection.exact,
            skip: selection.skip.clone(),
            tags: selection.tags.clone(),
            skip_tags: selection.skip_tags.clone(),
            failed: selection.failed,
            unaffected: selection.unaffected.as_ref().map(one_line),
        }
    }
}

impl From<&Shard> for ShardRecord {
    fn from(shard: &Shard) -> Self {
        let elsewhere = shard.elsewhere.iter();
        Self {
            number: shard.number,
            total: shard.total,
            elsewhere: elsewhere.map(|case| CaseRecord::from(&**case)).collect(),
        }
    }
}

impl From<&ImageInfo> for ImageRecord {
    fn from(info: &ImageInfo) -> Self {
        let image = info.image.as_ref();
        let platform =
            |config: &crate::engine::ImageConfig| format!("{}/{}", config.os, config.architecture);
        Self {
            name: info.name.clone(),
            reference: info.reference.clone(),
            id: image.map(|image| image.id.clone()),
            repo_digests: image.map_or_else(Vec::new, |image| image.repo_digests.clone()),
            // A lone slash says nothing.
            platform: image
                .map(|image| platform(&image.config))
                .filter(|platform| platform != "/"),
            size: image.and_then(|image| image.size),
            layers: image.and_then(|image| image.layers),
        }
    }
}

impl From<&SpecFile> for SpecRecord {
    fn from(file: &SpecFile) -> Self {
        Self {
            path: one_line(file.path.to_string_lossy().as_bytes()),
            sha256: file.sha256.clone(),
        }
    }
}

impl From<&CaseInfo> for CaseRecord {
    fn from(case: &CaseInfo) -> Self {
        Self {
            image: case.image.clone(),
            name: case.check.clone(),
            index: case.index,
            place: (&case.place).into(),
            kind: case.kind.to_owned(),
            tags: case.tags.clone(),
            inherited_from: case.inherited_from.clone(),
            xfail: case.xfail.clone(),
            fingerprint: case.fingerprint.clone(),
        }
    }
}

impl From<&Verdict> for Judgement {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Passed => Self::Passed,
            Verdict::Failed(findings) => Self::Failed {
                findings: findings.iter().map(Into::into).collect(),
            },
            Verdict::Error(problem) => Self::Error {
                problem: problem.into(),
            },
            Verdict::Skipped(reason) => Self::Skipped {
                reason: terminal_text(reason),
            },
        }
    }
}

impl From<&CaseResult> for CheckRecord {
    fn from(result: &CaseResult) -> Self {
        Self {
            case: (&*result.case).into(),
            judgement: (&result.verdict).into(),
            flaky: matches!(result.verdict, Verdict::Passed) && !result.earlier.is_empty(),
            cached: result.cached.is_some(),
            performed: result.cached.map(Into::into),
            xfailed: result.xfailed,
            earlier: result.earlier.iter().map(Into::into).collect(),
            offset: result.offset.into(),
            duration: result.duration.into(),
            worker: result.worker,
            stdout: result.stdout.as_ref().map(Into::into),
            stderr: result.stderr.as_ref().map(Into::into),
            reproduce: result.reproduce.clone(),
        }
    }
}

impl From<&Captured> for StreamRecord {
    fn from(stream: &Captured) -> Self {
        let excerpt = Excerpt::of(stream, STREAM);
        Self {
            head: xml_text(excerpt.head),
            omitted: excerpt.omitted,
            tail: xml_text(excerpt.tail),
            bytes: stream.total(),
        }
    }
}
