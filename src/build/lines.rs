//! Chunks of output → lines, and the last of them.

use std::collections::VecDeque;

/// How many lines of a failed step are shown.
const KEPT: usize = 20;
/// A longer line is cut into several, so that output without line breaks is bounded too.
const LONGEST: usize = 4096;

/// Cuts output into lines and keeps the last.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    partial: Vec<u8>,
    last: VecDeque<String>,
}

impl Lines {
    /// Takes a chunk and gives the lines that it completes.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Vec<String> {
        let mut complete = Vec::new();
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            for part in piece.chunks(LONGEST) {
                self.partial.extend_from_slice(part);
                if part.ends_with(b"\n") || self.partial.len() >= LONGEST {
                    complete.extend(self.end());
                }
            }
        }
        complete
    }

    /// Ends the line that is not complete, if there is one.
    pub(crate) fn end(&mut self) -> Option<String> {
        if self.partial.is_empty() {
            return None;
        }
        let bytes = std::mem::take(&mut self.partial);
        let text = String::from_utf8_lossy(&bytes);
        Some(text.trim_end_matches(['\n', '\r']).to_owned())
    }

    /// Remembers `line` as one of the last.
    pub(crate) fn keep(&mut self, line: &str) {
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(line.to_owned());
    }

    /// Forgets the lines so far.
    pub(crate) fn forget(&mut self) {
        self.last.clear();
    }

    /// The last lines.
    pub(crate) fn last(&self) -> Vec<String> {
        self.last.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_become_lines_whatever_their_borders() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(b"a\r\nb"), ["a"]);
        assert_eq!(lines.push(b"c\n\nd"), ["bc", ""]);
        assert_eq!(lines.end(), Some("d".to_owned()));
        assert_eq!(lines.end(), None);
        assert_eq!(lines.push(&[b'x'; 10_000]).len(), 2);
    }

    #[test]
    fn the_last_lines_are_kept() {
        let mut lines = Lines::default();
        (0..100).for_each(|number| lines.keep(&number.to_string()));
        let last = lines.last();
        assert_eq!(
            (last.len(), last[0].as_str(), last[19].as_str()),
            (20, "80", "99")
        );
    }
}
