//! Output with a bound: the head and the tail are kept, the middle is counted.

use std::collections::VecDeque;

use super::observe::{Observer, Seen};
use super::process::Process;
use super::running::Stream;

/// Collects one stream of a process in bounded memory.
pub struct Capture {
    limit: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
    observer: Option<Box<dyn Observer>>,
}

impl Capture {
    /// Keeps `limit` bytes at the beginning and as many at the end.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            head: Vec::new(),
            tail: VecDeque::new(),
            total: 0,
            observer: None,
        }
    }

    /// Keeps as much of an output as its process says, and shows all of it to whoever observes it.
    pub fn of(process: &Process, stream: Stream) -> Self {
        Self {
            observer: process.observers.of(stream),
            ..Self::new(process.output_limit)
        }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        if let Some(observer) = &mut self.observer {
            observer.push(bytes);
        }
        let to_head = bytes.len().min(self.limit - self.head.len());
        self.head.extend_from_slice(&bytes[..to_head]);
        let rest = &bytes[to_head..];
        // Of a chunk that is longer than the tail only the end can stay.
        let rest = &rest[rest.len().saturating_sub(self.limit)..];
        let surplus = (self.tail.len() + rest.len()).saturating_sub(self.limit);
        self.tail.drain(..surplus);
        self.tail.extend(rest);
    }

    /// How many bytes there were so far.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Ends the stream.
    pub fn finish(self) -> Captured {
        let omitted = self.total - (self.head.len() + self.tail.len()) as u64;
        let head_end = self.head.len();
        let mut bytes = self.head;
        bytes.extend(self.tail);
        Captured {
            bytes,
            head_end,
            omitted,
            seen: self.observer.map(|observer| Seen(observer.into())),
        }
    }
}

impl Capture {
    /// What was kept so far of a stream that goes on.
    pub fn so_far(&self) -> Captured {
        let capture = Self {
            limit: self.limit,
            head: self.head.clone(),
            tail: self.tail.clone(),
            total: self.total,
            observer: None,
        };
        capture.finish()
    }
}

/// What was kept of one stream.
#[derive(Debug, Clone, Default)]
pub struct Captured {
    bytes: Vec<u8>,
    head_end: usize,
    omitted: u64,
    seen: Option<Seen>,
}

impl Captured {
    /// A stream that was kept whole.
    pub fn whole(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self {
            head_end: bytes.len(),
            bytes,
            omitted: 0,
            seen: None,
        }
    }

    /// A stream of which `omitted` bytes are missing between `head` and `tail`.
    pub fn in_parts(head: impl Into<Vec<u8>>, omitted: u64, tail: &[u8]) -> Self {
        let mut bytes = head.into();
        let head_end = bytes.len();
        bytes.extend(tail);
        Self {
            bytes,
            head_end,
            omitted,
            seen: None,
        }
    }

    /// What an observer of this type has seen of all of it, if there was one.
    pub fn seen<T: Observer>(&self) -> Option<&T> {
        self.seen.as_ref()?.as_type()
    }

    /// The kept bytes: all of them when [`omitted`](Self::omitted) is 0, else head and tail in
    /// one.
    pub fn kept(&self) -> &[u8] {
        &self.bytes
    }

    /// The kept bytes before and after the gap. When nothing is missing the border between the
    /// two means nothing.
    pub fn parts(&self) -> (&[u8], &[u8]) {
        self.bytes.split_at(self.head_end)
    }

    /// Lets go of the middle, so that `limit` bytes stay at each end.
    pub fn shorten(&mut self, limit: usize) {
        if self.bytes.len() <= 2 * limit {
            return;
        }
        // A gap that is there lies between head and tail; it can only grow.
        let head = limit.min(self.head_end);
        let tail = if self.omitted > 0 {
            limit.min(self.bytes.len() - self.head_end)
        } else {
            limit
        };
        let removed = self.bytes.len() - head - tail;
        self.bytes.drain(head..head + removed);
        self.bytes.shrink_to_fit();
        self.head_end = head;
        self.omitted += removed as u64;
    }

    /// How many bytes are missing in the middle.
    pub fn omitted(&self) -> u64 {
        self.omitted
    }

    /// How many bytes the process wrote.
    pub fn total(&self) -> u64 {
        self.bytes.len() as u64 + self.omitted
    }

    /// Whether the process wrote nothing.
    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(limit: usize, chunks: &[&str]) -> Captured {
        let mut capture = Capture::new(limit);
        for chunk in chunks {
            capture.push(chunk.as_bytes());
        }
        capture.finish()
    }

    #[test]
    fn what_fits_is_kept_whole() {
        let kept = capture(4, &["ab", "cdef", "gh"]);
        assert_eq!(kept.kept(), b"abcdefgh");
        assert_eq!((kept.omitted(), kept.total()), (0, 8));
    }

    #[test]
    fn the_middle_of_a_long_stream_is_counted_not_kept() {
        let long = "x".repeat(100);
        for chunks in [
            vec!["head", long.as_str(), "tail"],
            vec!["he", "ad", &long[..50], &long[50..], "t", "ai", "l"],
        ] {
            let kept = capture(4, &chunks);
            assert_eq!(kept.parts(), (&b"head"[..], &b"tail"[..]));
            assert_eq!((kept.omitted(), kept.total()), (100, 108));
        }
    }

    #[test]
    fn a_stream_can_be_shortened_further() {
        let mut kept = capture(10, &["0123456789abcdefghij"]);
        kept.shorten(2);
        assert_eq!(kept.parts(), (&b"01"[..], &b"ij"[..]));
        assert_eq!((kept.omitted(), kept.total()), (16, 20));
        let mut kept = capture(4, &["head", "more", "tail"]);
        kept.shorten(1);
        assert_eq!(kept.parts(), (&b"h"[..], &b"l"[..]));
        assert_eq!((kept.omitted(), kept.total()), (10, 12));
        let mut whole = Captured::whole("0123456789");
        whole.shorten(3);
        assert_eq!(whole.parts(), (&b"012"[..], &b"789"[..]));
        assert_eq!((whole.omitted(), whole.total()), (4, 10));
    }
}
