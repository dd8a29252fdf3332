//! Regular expressions over a stream, of which a window is kept.

use regex::bytes::Regex;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// What a match may span at most to be found for certain.
const WINDOW: usize = 64 << 10;
/// An assertion at the end of a match looks this far: one character.
const LOOK_AHEAD: usize = 4;
/// How much of a match is kept, for messages.
const SHOWN: usize = 200;

/// Seeks matches in a stream.
pub(super) struct Window {
    regex: Regex,
    /// Whether no match can be longer than the window.
    is_short: bool,
    /// Whether every match lies within one line.
    within_line: bool,
    buffer: Vec<u8>,
    /// From here on matches are sought; what is before only gives `^` and `\b` their meaning.
    from: usize,
    /// The line that goes on at the end, and the longest that there was.
    line: usize,
    longest: usize,
    found: Option<Vec<u8>>,
}

/// What was found in a whole stream.
pub(super) enum Found {
    /// This matched.
    Match(Vec<u8>),
    /// Nothing did.
    Nothing,
    /// A match longer than the window can't be excluded.
    Unknown,
}

impl Window {
    pub(super) fn new(regex: Regex) -> Self {
        // As the pattern was built; what can't be read again could match anything.
        let hir = ParserBuilder::new()
            .utf8(false)
            .multi_line(true)
            .build()
            .parse(regex.as_str())
            .ok();
        let longest = hir.as_ref().and_then(|hir| hir.properties().maximum_len());
        Self {
            is_short: longest.is_some_and(|longest| longest <= WINDOW / 2),
            within_line: hir.as_ref().is_some_and(|hir| !can_match_newline(hir)),
            regex,
            buffer: Vec::new(),
            from: 0,
            line: 0,
            longest: 0,
            found: None,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.found.is_some() {
            return;
        }
        self.measure_lines(bytes);
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() < 2 * WINDOW {
            return;
        }
        // A match that touches the end may be none, or another, once more has come.
        let end = self.buffer.len() - LOOK_AHEAD;
        let certain = self.regex.find_at(&self.buffer, self.from);
        if let Some(found) = certain.filter(|found| found.end() <= end) {
            self.found = Some(shown(found.as_bytes()));
            self.buffer = Vec::new();
            return;
        }
        let keep = self.buffer.len() - WINDOW;
        // One more character stays in front of where the next search begins.
        let drop = keep.saturating_sub(LOOK_AHEAD);
        self.buffer.drain(..drop);
        self.from = keep - drop;
    }

    /// What there is, when nothing more comes: one final newline is put aside.
    pub(super) fn finish(&self) -> Found {
        if let Some(found) = &self.found {
            return Found::Match(found.clone());
        }
        let rest = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        if self.from <= rest.len()
            && let Some(found) = self.regex.find_at(rest, self.from)
        {
            return Found::Match(shown(found.as_bytes()));
        }
        let seen_all_lines = self.within_line && self.longest.max(self.line) <= WINDOW / 2;
        if self.is_short || seen_all_lines {
            Found::Nothing
        } else {
            Found::Unknown
        }
    }

    fn measure_lines(&mut self, bytes: &[u8]) {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            self.longest = self.longest.max(self.line + end - start);
            self.line = 0;
            start = end + 1;
        }
        self.line += bytes.len() - start;
    }
}

fn shown(found: &[u8]) -> Vec<u8> {
    found[..found.len().min(SHOWN)].to_owned()
}

/// Whether a match of this can hold a line break.
fn can_match_newline(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => literal.0.contains(&b'\n'),
        HirKind::Class(Class::Unicode(class)) => class
            .iter()
            .any(|range| (range.start()..=range.end()).contains(&'\n')),
        HirKind::Class(Class::Bytes(class)) => class
            .iter()
            .any(|range| (range.start()..=range.end()).contains(&b'\n')),
        HirKind::Repetition(repetition) => can_match_newline(&repetition.sub),
        HirKind::Capture(capture) => can_match_newline(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(can_match_newline),
    }
}

#[cfg(test)]
mod tests {
    use regex::bytes::RegexBuilder;

    use super::*;

    fn sought(pattern: &str, text: &[u8], piece: usize) -> &'static str {
        let regex = RegexBuilder::new(pattern).multi_line(true).build().unwrap();
        let mut window = Window::new(regex);
        text.chunks(piece).for_each(|piece| window.push(piece));
        match window.finish() {
            Found::Match(_) => "match",
            Found::Nothing => "nothing",
            Found::Unknown => "unknown",
        }
    }

    /// Lines of 100 bytes with `special` in the middle.
    fn lines(special: &str) -> Vec<u8> {
        let line = format!("{}\n", "x".repeat(99));
        let half = line.repeat(10_000);
        format!("{half}{special}{half}").into_bytes()
    }

    #[test]
    fn the_middle_of_a_long_output_is_seen() {
        let one_line = "x".repeat(1 << 20);
        let table = [
            ("^y$", lines("y\n"), "match"),
            ("^y$", lines("yy\n"), "nothing"),
            ("^xy", lines("y\n"), "nothing"),
            (r"\by", lines("xy\n"), "nothing"),
            (r"y\b", lines("yx\n"), "nothing"),
            ("^x.*y$", lines("xxxy\n"), "match"),
            ("^x.*z$", lines("xxxy\n"), "nothing"),
            ("x{98}\nx", lines(""), "match"),
            ("x\n{2}", lines(""), "nothing"),
            // A match over everything can't be excluded, nor found, in pieces.
            (r"(?s)\Ax.*z", lines(""), "unknown"),
            ("x.*z", one_line.clone().into_bytes(), "unknown"),
            ("x{50}z", one_line.clone().into_bytes(), "nothing"),
            ("x$", one_line.clone().into_bytes(), "match"),
            // The final newline is put aside.
            (r"x\z", lines(""), "match"),
            (r"\n\z", lines(""), "nothing"),
        ];
        for (pattern, text, expected) in table {
            for piece in [1 << 10, 4093, 32 << 10, 1 << 20] {
                assert_eq!(sought(pattern, &text, piece), expected, "{pattern} {piece}");
            }
        }
    }

    #[test]
    fn short_outputs_are_searched_whole() {
        assert_eq!(sought("(?s)a.*b", b"a\nb\n", 1), "match");
        assert_eq!(sought("^$", b"a\n", 1), "nothing");
        assert_eq!(sought("^$", b"", 1), "match");
    }
}
