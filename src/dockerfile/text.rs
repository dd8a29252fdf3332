//! The one line that the lines of an instruction make together.

use std::ops::Range;
use std::sync::Arc;

use crate::source::{Located, Place, Source};

/// A line that was put together, and where each part of it stands in the file.
#[derive(Debug, Clone)]
pub(super) struct Text {
    source: Arc<Source>,
    text: String,
    /// Where a part begins: in the text, and in the file.
    parts: Vec<(usize, usize)>,
}

impl Text {
    pub(super) fn new(source: &Arc<Source>) -> Self {
        Self {
            source: Arc::clone(source),
            text: String::new(),
            parts: Vec::new(),
        }
    }

    /// Appends the bytes `range` of the file.
    pub(super) fn push(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.parts.push((self.text.len(), range.start));
            self.text.push_str(&self.source.text()[range]);
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Where the bytes `range` of the text stand in the file.
    pub(super) fn place(&self, range: &Range<usize>) -> Place {
        let start = self.in_file(range.start);
        // The end is behind the last byte, which may be in another line than what follows it.
        let end = match range.end.checked_sub(1) {
            Some(last) if last >= range.start => self.in_file(last) + 1,
            _ => start,
        };
        Place::new(&self.source, start..end)
    }

    /// The bytes `range` of the text with their place.
    pub(super) fn located(&self, range: &Range<usize>) -> Located<String> {
        Located::new(self.text[range.clone()].to_owned(), self.place(range))
    }

    fn in_file(&self, at: usize) -> usize {
        let part = self.parts.partition_point(|(start, _)| *start <= at);
        match part.checked_sub(1).and_then(|part| self.parts.get(part)) {
            Some((start, in_file)) => in_file + (at - start),
            None => self.parts.first().map_or(0, |(_, in_file)| *in_file),
        }
    }
}
