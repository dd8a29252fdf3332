//! Outputs and details as much as a page can hold.

use serde::Serialize;

use super::words;
use crate::report::excerpt::{Excerpt, Limit};
use crate::report::record::{CheckRecord, Record, StreamRecord};
use crate::report::text::page_text;

/// An output of a command.
#[derive(Debug, Serialize)]
pub(super) struct StreamView {
    name: &'static str,
    size: String,
    head: String,
    /// How much is left out between the head and the tail, in words.
    omitted: Option<String>,
    tail: String,
}

/// How many bytes of each text the page shows: less, the more texts there are, so that thousands
/// of checks still make a page that opens at once. The JSON report has more of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    bad: usize,
    good: usize,
}

impl Room {
    /// What all the streams and details of failures may take together, and those of the rest.
    const BAD: usize = 2 << 20;
    const GOOD: usize = 1 << 20;

    pub(super) fn of(record: &Record) -> Self {
        let bad = record
            .checks
            .iter()
            .filter(|check| check.judgement.is_bad());
        let bad = bad.count();
        let good = record.checks.len() - bad;
        Self {
            bad: (Self::BAD / (3 * bad.max(1))).clamp(512, 16 << 10),
            good: (Self::GOOD / (2 * good.max(1))).clamp(128, 4 << 10),
        }
    }

    fn limit(self, check: &CheckRecord) -> Limit {
        let bytes = if check.judgement.is_bad() {
            self.bad
        } else {
            self.good
        };
        Limit {
            bytes,
            lines: usize::MAX,
        }
    }

    /// The streams of a check: of one that went well only those with something in them.
    pub(super) fn streams(self, check: &CheckRecord) -> Vec<StreamView> {
        let limit = self.limit(check);
        let bad = check.judgement.is_bad();
        [("stdout", &check.stdout), ("stderr", &check.stderr)]
            .into_iter()
            .filter_map(|(name, stream)| Some((name, stream.as_ref()?)))
            .filter(|(_, stream)| bad || stream.bytes > 0)
            .map(|(name, stream)| StreamView::of(name, stream, limit))
            .collect()
    }

    /// The detail of a finding, cut in the middle where it is too long.
    pub(super) fn detail(self, check: &CheckRecord, detail: &str) -> String {
        let limit = self.limit(check);
        let excerpt = Excerpt::of_bytes(detail.as_bytes(), limit);
        page_text(&excerpt.text(|part| String::from_utf8_lossy(part).into_owned()))
    }
}

impl StreamView {
    fn of(name: &'static str, stream: &StreamRecord, limit: Limit) -> Self {
        let (head, tail) = (stream.head.as_bytes(), stream.tail.as_bytes());
        let excerpt = match stream.omitted {
            0 => Excerpt::of_bytes(head, limit),
            omitted => Excerpt::cut(head, omitted, tail, limit),
        };
        let text = |part: &[u8]| page_text(&String::from_utf8_lossy(part));
        Self {
            name,
            size: match stream.bytes {
                0 => "empty".to_owned(),
                bytes => words::size(bytes),
            },
            head: text(excerpt.head),
            omitted: (excerpt.omitted > 0).then(|| words::size(excerpt.omitted)),
            tail: text(excerpt.tail),
        }
    }
}
