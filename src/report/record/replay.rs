//! From the record to events, so that whatever is fed by events can tell it again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::model::{
    CaseRecord, CheckRecord, Ended, ImageRecord, Judgement, Record, ShardRecord, StreamRecord,
};
use super::place::{FindingRecord, PlaceRecord};
use crate::engine::{Captured, EngineInfo, Image, ImageConfig};
use crate::event::{
    CaseInfo, CaseResult, Event, ImageInfo, RunEnd, RunStart, Selection, Shard, Stopped,
};
use crate::report::excerpt::{Excerpt, Limit};
use crate::report::text::terminal_text;
use crate::source::{Place, Source};
use crate::verdict::{Finding, Problem, Verdict};

impl Record {
    /// The events of the run, as far as the record knows them; the checks in the order of the
    /// record. What happened at once comes one after the other.
    pub fn events(&self) -> Vec<Event> {
        let results: Vec<Arc<CaseResult>> = self
            .checks
            .iter()
            .enumerate()
            .map(|(at, check)| Arc::new(check.result(at)))
            .collect();
        let checks = results.iter().map(|result| Arc::clone(&result.case));
        let start = self.start(checks.collect());
        let mut events = vec![Event::RunStarted(Arc::new(start))];
        for result in results {
            events.push(Event::CheckStarted(Arc::clone(&result.case)));
            events.push(Event::CheckFinished(result));
        }
        events.push(Event::RunFinished(Arc::new(RunEnd {
            duration: self.duration.into(),
            stopped: self.ended.stopped(),
            left_behind: self.left_behind.clone(),
            missing: self.missing.clone(),
        })));
        events
    }

    fn start(&self, checks: Vec<Arc<CaseInfo>>) -> RunStart {
        let engine = self.engine.as_ref().map(|engine| EngineInfo {
            kind: engine.kind.clone(),
            version: engine.version.clone(),
            platform: engine.platform.clone(),
            beside: engine.beside.clone(),
        });
        let selection = &self.selection;
        RunStart {
            started: self.started.into(),
            engine,
            images: self.images.iter().map(ImageRecord::info).collect(),
            checks,
            selection: Selection {
                filter: selection.filter.clone(),
                exact: selection.exact,
                skip: selection.skip.clone(),
                tags: selection.tags.clone(),
                skip_tags: selection.skip_tags.clone(),
                failed: selection.failed,
                unaffected: selection.unaffected.clone(),
                shard: self.shard.as_ref().map(ShardRecord::shard),
            },
            filtered: selection.filtered,
            threads: self.threads,
            folder: self.folder.trim_end_matches('/').into(),
        }
    }
}

impl Ended {
    /// Why the run ended before its time, if it did and could say so.
    pub fn stopped(self) -> Option<Stopped> {
        match self {
            Self::Complete | Self::Unfinished => None,
            Self::Signal { number } => Some(Stopped::Signal(number)),
            Self::Deadline { after } => Some(Stopped::Deadline(after.into())),
            Self::Failures { limit } => Some(Stopped::Failures(limit)),
        }
    }
}

impl ShardRecord {
    fn shard(&self) -> Shard {
        let elsewhere = self.elsewhere.iter();
        Shard {
            number: self.number,
            total: self.total,
            elsewhere: elsewhere
                .map(|case| Arc::new(case.info(case.index)))
                .collect(),
        }
    }
}

impl ImageRecord {
    fn info(&self) -> ImageInfo {
        let platform = self.platform.as_deref().unwrap_or_default();
        let (os, architecture) = platform.split_once('/').unwrap_or((platform, ""));
        let image = self.id.as_ref().map(|id| Image {
            reference: self.reference.clone(),
            id: id.clone(),
            repo_digests: self.repo_digests.clone(),
            size: self.size,
            layers: self.layers,
            author: String::new(),
            config: ImageConfig {
                os: os.to_owned(),
                architecture: architecture.to_owned(),
                ..ImageConfig::default()
            },
        });
        ImageInfo {
            name: self.name.clone(),
            reference: self.reference.clone(),
            image,
        }
    }
}

impl CaseRecord {
    fn info(&self, index: usize) -> CaseInfo {
        CaseInfo {
            index,
            image: self.image.clone(),
            check: self.name.clone(),
            place: self.place.place(),
            inherited_from: self.inherited_from.clone(),
            kind: kind(&self.kind),
            tags: self.tags.clone(),
            xfail: self.xfail.clone(),
        }
    }
}

impl CheckRecord {
    fn result(&self, index: usize) -> CaseResult {
        CaseResult {
            case: Arc::new(self.case.info(index)),
            verdict: self.judgement.verdict(),
            xfailed: self.xfailed,
            worker: self.worker,
            offset: self.offset.into(),
            duration: self.duration.into(),
            stdout: self.stdout.as_ref().map(StreamRecord::captured),
            stderr: self.stderr.as_ref().map(StreamRecord::captured),
            reproduce: self.reproduce.clone(),
            earlier: self.earlier.iter().map(Judgement::verdict).collect(),
        }
    }
}

impl Judgement {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Passed => Verdict::Passed,
            Self::Failed { findings } => {
                Verdict::Failed(findings.iter().map(FindingRecord::finding).collect())
            }
            Self::Error { problem } => Verdict::Error(Problem {
                kind: kind(&problem.kind),
                message: problem.message.clone(),
            }),
            Self::Skipped { reason } => Verdict::Skipped(reason.clone()),
        }
    }
}

impl FindingRecord {
    fn matcher(&self) -> Option<&str> {
        let rest = self.label.strip_prefix(&self.kind)?;
        rest.strip_prefix('.').filter(|matcher| !matcher.is_empty())
    }

    fn finding(&self) -> Finding {
        Finding {
            place: self.place.place(),
            kind: kind(&self.kind),
            matcher: self.matcher().map(kind),
            message: self.message.clone(),
            detail: self.detail.clone(),
        }
    }
}

impl PlaceRecord {
    fn place(&self) -> Place {
        Source::position(&self.file, self.line, self.column)
    }
}

impl StreamRecord {
    /// What is shown of it within the limit, harmless on terminals and in the logs of CI systems.
    pub(in crate::report) fn shown(&self, limit: Limit) -> String {
        Excerpt::of(&self.captured(), limit).text(|part| terminal_text(part))
    }

    fn captured(&self) -> Captured {
        Captured::in_parts(self.head.as_bytes(), self.omitted, self.tail.as_bytes())
    }
}

/// Kinds are constants of this program, and stay as long as it. Those that another version wrote
/// become the same: each is kept once, and reading bounds how long they are.
fn kind(word: &str) -> &'static str {
    static KNOWN: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some(kind) = known.get(word) {
        return kind;
    }
    let kind: &'static str = String::leak(word.to_owned());
    known.insert(kind);
    kind
}
