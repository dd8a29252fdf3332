//! Files that people wrote, and places in them.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file's text together with the name it is shown under.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    text: String,
    line_starts: Vec<usize>,
    /// Line and column, from 1, at which the text begins.
    origin: (usize, usize),
}

impl Source {
    /// Wraps `text`; `path` is what messages and reports call it, so pass it relative to the project.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Arc<Self> {
        let text = text.into();
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Arc::new(Self {
            path: path.into(),
            text,
            line_starts,
            origin: (1, 1),
        })
    }

    /// A position, counted from 1, in a file whose text is not at hand.
    pub fn position(path: impl Into<PathBuf>, line: usize, column: usize) -> Place {
        let source = Arc::new(Self {
            path: path.into(),
            text: String::new(),
            line_starts: vec![0],
            origin: (line, column),
        });
        Place::new(&source, 0..0)
    }

    /// The name the file is shown under.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line, counted from 0, that holds the byte `offset`; a line break belongs to its line.
    pub(crate) fn line_index(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset) - 1
    }

    /// The bytes of the line `index`, counted from 0, without its line break.
    pub(crate) fn line(&self, index: usize) -> Range<usize> {
        let start = self.line_starts[index];
        let end = self.line_starts.get(index + 1);
        let line = &self.text[start..end.map_or(self.text.len(), |next| next - 1)];
        let line = match end {
            Some(_) => line.strip_suffix('\r').unwrap_or(line),
            None => line,
        };
        start..start + line.len()
    }
}

/// A range of a [`Source`]. Prints as `file:line:column`, both counted from 1, columns in characters.
#[derive(Clone)]
pub struct Place {
    source: Arc<Source>,
    start: usize,
    end: usize,
}

impl Place {
    /// The bytes `range` of `source`, clamped to the text and to character borders.
    pub fn new(source: &Arc<Source>, range: Range<usize>) -> Self {
        let border = |at: usize| source.text.floor_char_boundary(at.min(source.text.len()));
        let start = border(range.start);
        Self {
            source: Arc::clone(source),
            start,
            end: border(range.end).max(start),
        }
    }

    /// The file this place is in.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The byte range in the file.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The line, counted from 1.
    pub fn line(&self) -> usize {
        self.source.line_index(self.start) + self.source.origin.0
    }

    /// The column, counted in characters from 1; the mark of the byte order is no character.
    pub fn column(&self) -> usize {
        let line_start = self.source.line_starts[self.source.line_index(self.start)];
        let before = &self.source.text[line_start..self.start];
        let before = match line_start {
            0 => before.strip_prefix('\u{feff}').unwrap_or(before),
            _ => before,
        };
        let first = match line_start {
            0 => self.source.origin.1,
            _ => 1,
        };
        before.chars().count() + first
    }

    /// The text at this place.
    pub fn text(&self) -> &str {
        &self.source.text[self.range()]
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.source.path.display();
        write!(f, "{path}:{}:{}", self.line(), self.column())
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({self})")
    }
}

/// A value that knows where it was written.
#[derive(Debug, Clone)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Place,
}

impl<T> Located<T> {
    /// Puts a value and its place together.
    pub fn new(value: T, place: Place) -> Self {
        Self { value, place }
    }
}

impl<T> std::ops::Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let source = Source::new("a.yaml", "äb: 1\nc: ö2\n");
        let at = |needle: &str| {
            let start = source.text().find(needle).unwrap();
            Place::new(&source, start..start + needle.len()).to_string()
        };
        assert_eq!(at("b"), "a.yaml:1:2");
        assert_eq!(at("c"), "a.yaml:2:1");
        assert_eq!(at("2"), "a.yaml:2:5");
    }

    #[test]
    fn windows_line_ends_and_a_byte_order_mark_move_nothing() {
        let source = Source::new("a.yaml", "\u{feff}a: 1\r\nb: 2\r\n");
        assert_eq!(Place::new(&source, 3..4).to_string(), "a.yaml:1:1");
        assert_eq!(Place::new(&source, 9..10).to_string(), "a.yaml:2:1");
        let lines: Vec<&str> = (0..3).map(|line| &source.text[source.line(line)]).collect();
        assert_eq!(lines, ["\u{feff}a: 1", "b: 2", ""]);
    }

    #[test]
    fn a_position_needs_no_text() {
        let place = Source::position("a.yaml", 17, 3);
        assert_eq!(place.to_string(), "a.yaml:17:3");
        assert_eq!((place.line(), place.column(), place.text()), (17, 3, ""));
    }

    #[test]
    fn a_range_past_the_end_is_clamped() {
        let source = Source::new("a.yaml", "é");
        assert_eq!(Place::new(&source, 1..99).range(), 0..2);
    }
}
