//! Long output, cut in the middle.

use crate::engine::Captured;

/// So much is given up for the sake of a whole line; of longer lines a part is shown.
const SHORT_LINE: usize = 200;

/// How much of a text is shown: half of it from the beginning, half from the end.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Bytes, before they are made harmless.
    pub bytes: usize,
    /// Lines, as `\n` divides them.
    pub lines: usize,
}

/// The beginning and the end of a text, and how much is missing between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excerpt<'a> {
    /// The beginning; all of it when nothing is missing.
    pub head: &'a [u8],
    /// How many bytes are missing.
    pub omitted: u64,
    /// The end; empty when nothing is missing.
    pub tail: &'a [u8],
}

impl<'a> Excerpt<'a> {
    /// Cuts what was kept of a stream down to `limit`.
    pub fn of(stream: &'a Captured, limit: Limit) -> Self {
        if stream.omitted() == 0 {
            return Self::of_bytes(stream.kept(), limit);
        }
        let (head, tail) = stream.parts();
        Self::cut(head, stream.omitted(), tail, limit)
    }

    /// Cuts `bytes` down to `limit`.
    pub fn of_bytes(bytes: &'a [u8], limit: Limit) -> Self {
        if bytes.len() <= limit.bytes && line_count(bytes) <= limit.lines {
            return Self {
                head: bytes,
                omitted: 0,
                tail: &[],
            };
        }
        let head = first(bytes, limit);
        Self::cut(head, 0, &bytes[head.len()..], limit)
    }

    /// Cuts a text further whose middle is missing already.
    pub(super) fn cut(head: &'a [u8], omitted: u64, tail: &'a [u8], limit: Limit) -> Self {
        let (shown_head, shown_tail) = (first(head, limit), last(tail, limit));
        let cut_off = head.len() - shown_head.len() + tail.len() - shown_tail.len();
        Self {
            head: shown_head,
            omitted: omitted + cut_off as u64,
            tail: shown_tail,
        }
    }

    /// The line that stands for what is missing, if anything is.
    pub fn marker(&self) -> Option<String> {
        (self.omitted > 0).then(|| format!("[… {} bytes omitted …]", self.omitted))
    }

    /// The whole excerpt, each part passed through `clean`, the marker on a line of its own.
    pub fn text(&self, clean: impl Fn(&[u8]) -> String) -> String {
        let mut text = clean(self.head);
        if let Some(marker) = self.marker() {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&marker);
            text.push('\n');
            text.push_str(&clean(self.tail));
        }
        text
    }
}

fn line_count(bytes: &[u8]) -> usize {
    let breaks = bytes.iter().filter(|byte| **byte == b'\n').count();
    breaks + usize::from(bytes.last().is_some_and(|byte| *byte != b'\n'))
}

/// The beginning of `bytes`: half of `limit`, cut between lines or at least between characters.
fn first(bytes: &[u8], limit: Limit) -> &[u8] {
    let within = &bytes[..bytes.len().min(limit.bytes / 2)];
    let mut shown = &within[..within.len() - unfinished(within)];
    if within.len() < bytes.len() {
        let broken_line = shown
            .iter()
            .rev()
            .take_while(|byte| **byte != b'\n')
            .count();
        if broken_line <= SHORT_LINE && broken_line < shown.len() {
            shown = &shown[..shown.len() - broken_line];
        }
    }
    let lines = shown.split_inclusive(|byte| *byte == b'\n');
    let length: usize = lines.take(limit.lines / 2).map(<[u8]>::len).sum();
    &shown[..length]
}

/// The end of `bytes`: half of `limit`, cut between lines or at least between characters.
fn last(bytes: &[u8], limit: Limit) -> &[u8] {
    let cut = bytes.len() - bytes.len().min(limit.bytes / 2);
    let within = &bytes[cut..];
    let rest = within
        .iter()
        .take(3)
        .take_while(|byte| is_inside_character(**byte));
    let mut shown = &within[rest.count()..];
    if cut > 0 && bytes[cut - 1] != b'\n' {
        let line_end = shown.iter().position(|byte| *byte == b'\n');
        if let Some(end) = line_end.filter(|end| *end <= SHORT_LINE && end + 1 < shown.len()) {
            shown = &shown[end + 1..];
        }
    }
    let lines: Vec<&[u8]> = shown.split_inclusive(|byte| *byte == b'\n').collect();
    let skipped = lines.len().saturating_sub(limit.lines / 2);
    let length: usize = lines[skipped..].iter().map(|line| line.len()).sum();
    &shown[shown.len() - length..]
}

/// How many bytes at the end begin a UTF-8 character and don't finish it.
fn unfinished(bytes: &[u8]) -> usize {
    let Some(back) = bytes
        .iter()
        .rev()
        .take(4)
        .position(|byte| !is_inside_character(*byte))
    else {
        return 0;
    };
    let length = match bytes[bytes.len() - 1 - back] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    if back + 1 < length { back + 1 } else { 0 }
}

fn is_inside_character(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::Capture;

    fn lossy(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    fn shown(text: &str, bytes: usize, lines: usize) -> String {
        Excerpt::of_bytes(text.as_bytes(), Limit { bytes, lines }).text(lossy)
    }

    #[test]
    fn what_fits_stays_whole() {
        assert_eq!(shown("a\nb\nc", 5, 3), "a\nb\nc");
        assert_eq!(shown("a\nb\nc\n", 6, 3), "a\nb\nc\n");
        assert_eq!(shown("", 10, 10), "");
    }

    #[test]
    fn the_middle_goes_by_lines_or_by_bytes() {
        assert_eq!(
            shown("a\nb\nc\nd\ne\n", 99, 2),
            "a\n[… 6 bytes omitted …]\ne\n"
        );
        assert_eq!(shown("abcdefgh", 4, 9), "ab\n[… 4 bytes omitted …]\ngh");
    }

    #[test]
    fn short_lines_are_shown_whole_and_long_ones_in_part() {
        assert_eq!(
            shown("one\ntwo\nthree\nfour\nfive\n", 14, 99),
            "one\n[… 15 bytes omitted …]\nfive\n"
        );
        let long = format!("a\n{}\nb", "x".repeat(1_000));
        assert!(shown(&long, 500, 99).starts_with("a\nxxx"));
        assert!(shown(&long, 500, 99).ends_with("xxx\nb"));
    }

    #[test]
    fn no_character_is_cut_in_half() {
        assert_eq!(shown("aüüüüa", 4, 9), "a\n[… 8 bytes omitted …]\na");
    }

    #[test]
    fn a_gap_in_the_stream_and_the_cut_add_up() {
        let mut capture = Capture::new(4);
        capture.push(b"abcd0123456789wxyz");
        let stream = capture.finish();
        let excerpt = Excerpt::of(&stream, Limit { bytes: 4, lines: 9 });
        assert_eq!(excerpt.text(lossy), "ab\n[… 14 bytes omitted …]\nyz");
    }

    #[test]
    fn a_stream_that_fits_its_head_and_tail_has_no_gap() {
        let mut capture = Capture::new(4);
        capture.push("abüüyz".as_bytes());
        let stream = capture.finish();
        let excerpt = Excerpt::of(&stream, Limit { bytes: 9, lines: 9 });
        assert_eq!(excerpt.text(lossy), "abüüyz");
    }

    proptest! {
        #[test]
        fn every_byte_is_shown_or_counted(
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
            limit in 0usize..90,
            lines in 0usize..9,
        ) {
            let excerpt = Excerpt::of_bytes(&bytes, Limit { bytes: limit, lines });
            let total = excerpt.head.len() + excerpt.tail.len();
            prop_assert_eq!(total as u64 + excerpt.omitted, bytes.len() as u64);
            prop_assert!(total <= limit);
            prop_assert!(bytes.starts_with(excerpt.head) && bytes.ends_with(excerpt.tail));
        }
    }
}
