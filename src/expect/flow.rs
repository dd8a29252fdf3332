//! What matchers note of an output while it flows, for when not all of it is kept.

use sha2::{Digest, Sha256};

use super::window::{Found, Window};
use crate::engine::Observer;
use crate::spec::{Sha256Digest, TextExpectation, TextMatcher};

/// Watches one output for the matchers of one expectation.
pub struct Flow {
    /// One for each matcher; nothing for those that need nothing, or can't be helped.
    notes: Vec<Option<Note>>,
    /// Newlines, and whether the last byte is one.
    newlines: u64,
    ends_line: bool,
}

/// What one matcher notes.
enum Note {
    /// Whether a text stood somewhere.
    Text(Search),
    /// Where a regular expression matched.
    Pattern(Box<Window>),
    /// The digest of all bytes.
    Digest(Sha256),
}

impl Flow {
    /// Will watch for all matchers of `expected`.
    pub fn new(expected: &TextExpectation) -> Self {
        let notes = expected.0.iter().map(|matcher| match &matcher.value {
            TextMatcher::Contains(text) | TextMatcher::NotContains(text) => {
                Some(Note::Text(Search::new(text.as_bytes())))
            }
            TextMatcher::Matches(regex) | TextMatcher::NotMatches(regex) => {
                Some(Note::Pattern(Box::new(Window::new(regex.clone()))))
            }
            TextMatcher::Sha256(_) => Some(Note::Digest(Sha256::new())),
            _ => None,
        });
        Self {
            notes: notes.collect(),
            newlines: 0,
            ends_line: true,
        }
    }

    /// Whether the text of the matcher at `index` stood anywhere; `None` if that was not watched.
    pub(super) fn contains(&self, index: usize) -> Option<bool> {
        match self.notes.get(index)? {
            Some(Note::Text(search)) => Some(search.found),
            _ => None,
        }
    }

    /// What the regular expression of the matcher at `index` found; `None` if that can't be said.
    pub(super) fn matches(&self, index: usize) -> Option<Option<Vec<u8>>> {
        match self.notes.get(index)? {
            Some(Note::Pattern(window)) => match window.finish() {
                Found::Match(text) => Some(Some(text)),
                Found::Nothing => Some(None),
                Found::Unknown => None,
            },
            _ => None,
        }
    }

    /// The digest for the matcher at `index`.
    pub(super) fn sha256(&self, index: usize) -> Option<Sha256Digest> {
        match self.notes.get(index)? {
            Some(Note::Digest(digest)) => Some(digest.clone().into()),
            _ => None,
        }
    }

    /// How many lines there were; a final newline does not make a further one.
    pub(super) fn lines(&self) -> u64 {
        self.newlines + u64::from(!self.ends_line)
    }
}

impl Observer for Flow {
    fn push(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        self.newlines += memchr::memchr_iter(b'\n', bytes).count() as u64;
        self.ends_line = *last == b'\n';
        for note in self.notes.iter_mut().flatten() {
            match note {
                Note::Text(search) => search.push(bytes),
                Note::Pattern(window) => window.push(bytes),
                Note::Digest(digest) => digest.update(bytes),
            }
        }
    }
}

/// Seeks one text in a stream.
struct Search {
    needle: Vec<u8>,
    /// The last bytes, which may be the beginning of the text.
    carry: Vec<u8>,
    found: bool,
}

impl Search {
    fn new(needle: &[u8]) -> Self {
        Self {
            needle: needle.to_owned(),
            carry: Vec::new(),
            found: false,
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.found {
            return;
        }
        let overlap = self.needle.len().saturating_sub(1);
        let head = &bytes[..bytes.len().min(overlap)];
        self.carry.extend_from_slice(head);
        self.found = memchr::memmem::find(&self.carry, &self.needle).is_some()
            || memchr::memmem::find(bytes, &self.needle).is_some();
        // What follows may complete what the end of these bytes begins.
        if bytes.len() >= overlap {
            self.carry.clear();
            self.carry
                .extend_from_slice(&bytes[bytes.len() - overlap..]);
        } else {
            let surplus = self.carry.len().saturating_sub(overlap);
            self.carry.drain(..surplus);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However the output comes in pieces, a text is found where it stands.
        #[test]
        fn pieces_do_not_matter(
            text in "[ab]{0,40}",
            needle in "[ab]{1,5}",
            cuts in prop::collection::vec(0_usize..8, 0..20),
        ) {
            let mut search = Search::new(needle.as_bytes());
            let mut rest = text.as_bytes();
            for cut in cuts {
                let (piece, more) = rest.split_at(cut.min(rest.len()));
                search.push(piece);
                rest = more;
            }
            search.push(rest);
            prop_assert_eq!(search.found, text.contains(&needle));
        }
    }
}
