//! From the text to the instructions.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::directive::{Directive, directive, duplicate, escape};
use super::heredoc::{Announced, Heredoc, announced, ends};
use super::instruction::{Instruction, Kind};
use super::kind::{Rules, has_heredocs, instruction, without_heredocs};
use super::text::Text;
use crate::diagnostic::Diagnostic;
use crate::source::{Place, Source};
use crate::yaml::{self, ReadError};

/// A Dockerfile that was read.
#[derive(Debug, Clone)]
pub struct Dockerfile {
    /// The file.
    pub source: Arc<Source>,
    /// The directives at its beginning.
    pub directives: Vec<Directive>,
    /// What continues lines and escapes characters: `\`, or a backtick.
    pub escape: char,
    /// The instructions in their order. The first is `FROM`, or an `ARG` for one.
    pub instructions: Vec<Instruction>,
}

impl Dockerfile {
    /// Reads `text`; messages call the file `shown`.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn parse(shown: impl Into<PathBuf>, text: impl Into<String>) -> Result<Self, Diagnostic> {
        Self::read(&Source::new(shown, text))
    }

    /// Reads the file `path`, which messages call `shown`.
    ///
    /// # Errors
    /// Why it can't be read, or the first mistake in it.
    pub fn open(path: &Path, shown: &Path) -> Result<Self, Diagnostic> {
        let unreadable = |reason: &dyn std::fmt::Display| {
            let place = Source::position(shown, 1, 1);
            Diagnostic::new(&place, format!("can't read the Dockerfile: {reason}"))
        };
        match yaml::read(path, shown) {
            Ok(source) => Self::read(&source),
            Err(ReadError::NotText(mistake)) => Err(*mistake),
            Err(error) => Err(unreadable(&error)),
        }
    }

    /// Reads `source`.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn read(source: &Arc<Source>) -> Result<Self, Diagnostic> {
        let mut lines = Lines::new(source);
        let directives = lines.directives()?;
        let named = |name: &str| directives.iter().find(|directive| directive.name == name);
        let escape = named("escape").map_or(Ok('\\'), escape)?;
        let syntax = named("syntax").map(|syntax| syntax.value.as_str());
        let rules = Rules {
            escape,
            foreign: syntax.is_some_and(|syntax| !syntax.contains("docker/dockerfile")),
        };
        let mut instructions: Vec<Instruction> = Vec::new();
        let mut has_from = false;
        while let Some(found) = lines.instruction(rules)? {
            has_from |= is_from(&found);
            if !has_from && !matches!(found.kind, Kind::Arg(_)) {
                let message = format!("{} stands before the first FROM", found.keyword.value);
                return Err(
                    Diagnostic::new(&found.keyword.place, message).help("only ARG can stand there")
                );
            }
            instructions.push(found);
        }
        if !has_from {
            let place = Place::new(source, 0..0);
            return Err(Diagnostic::new(
                &place,
                "there is no FROM in this Dockerfile",
            ));
        }
        Ok(Self {
            source: Arc::clone(source),
            directives,
            escape,
            instructions,
        })
    }
}

fn is_from(instruction: &Instruction) -> bool {
    matches!(instruction.kind, Kind::From(_))
}

/// Goes through the lines of the file.
struct Lines<'a> {
    source: &'a Arc<Source>,
    /// The bytes of each line, without their line breaks and the mark of the byte order.
    ranges: Vec<Range<usize>>,
    /// The next line.
    at: usize,
}

impl<'a> Lines<'a> {
    fn new(source: &'a Arc<Source>) -> Self {
        let mut ranges = Vec::new();
        let mut start = 0;
        for line in source.text().split_inclusive('\n') {
            let bare = line.trim_end_matches(['\n', '\r']);
            let mark = if start == 0 && bare.starts_with('\u{feff}') {
                '\u{feff}'.len_utf8()
            } else {
                0
            };
            ranges.push(start + mark..start + bare.len());
            start += line.len();
        }
        Self {
            source,
            ranges,
            at: 0,
        }
    }

    fn text(&self, line: usize) -> &'a str {
        &self.source.text()[self.ranges[line].clone()]
    }

    fn directives(&mut self) -> Result<Vec<Directive>, Diagnostic> {
        let mut found: Vec<Directive> = Vec::new();
        while self.at < self.ranges.len() {
            let line = self.text(self.at);
            let start = self.ranges[self.at].start;
            let place = |part: &str| {
                let at = start + line.rfind(part).unwrap_or(0);
                Place::new(self.source, at..at + part.len())
            };
            let Some(next) = directive(line, &place) else {
                break;
            };
            if let Some(first) = found.iter().find(|first| first.name == next.name) {
                return Err(duplicate(&next, first));
            }
            found.push(next);
            self.at += 1;
        }
        Ok(found)
    }

    fn instruction(&mut self, rules: Rules) -> Result<Option<Instruction>, Diagnostic> {
        let Some((text, mut last)) = self.logical(rules.escape) else {
            return Ok(None);
        };
        let line = text.as_str();
        let start = line.len() - line.trim_start().len();
        let mut found = instruction(&text, start..line.trim_end().len(), rules)?;
        if has_heredocs(&found) && line.contains("<<") {
            let heredocs: Vec<_> = announced(line)
                .into_iter()
                .map(|one| {
                    let place = text.place(&one.range);
                    (one, place)
                })
                .collect();
            without_heredocs(&mut found, &heredocs);
            for (announced, place) in heredocs {
                let heredoc = self.heredoc(announced, place)?;
                last = heredoc.lines.end;
                found.heredocs.push(heredoc);
            }
        }
        let start = found.place.range().start;
        found.place = Place::new(self.source, start..self.ranges[last - 1].end);
        found.last_line = last;
        Ok(Some(found))
    }

    /// The next lines that are one, and the last of them, counted from 1.
    fn logical(&mut self, escape: char) -> Option<(Text, usize)> {
        loop {
            let mut text = Text::new(self.source);
            let first = self.at;
            let mut last = first;
            let mut goes_on = true;
            while goes_on && self.at < self.ranges.len() {
                let line = self.text(self.at);
                let is_comment = line.trim_start().starts_with('#');
                // Between continued lines both are left out; elsewhere they are no instruction.
                let is_nothing = is_comment || line.trim().is_empty();
                if is_nothing {
                    goes_on = self.at != first;
                } else {
                    let range = self.ranges[self.at].clone();
                    let length = continued(line, escape);
                    goes_on = length.is_some();
                    text.push(range.start..range.start + length.unwrap_or(line.len()));
                    last = self.at;
                }
                self.at += 1;
            }
            if !text.as_str().trim().is_empty() {
                return Some((text, last + 1));
            }
            if self.at >= self.ranges.len() {
                return None;
            }
        }
    }

    fn heredoc(&mut self, announced: Announced, place: Place) -> Result<Heredoc, Diagnostic> {
        let first = self.at;
        while self.at < self.ranges.len() {
            let line = self.text(self.at);
            self.at += 1;
            if ends(line, &announced) {
                return Ok(Heredoc {
                    name: announced.name,
                    expand: announced.expand,
                    strips_tabs: announced.strips_tabs,
                    place,
                    lines: first + 1..self.at,
                });
            }
        }
        let message = format!("this here-document is never ended by `{}`", announced.name);
        Err(Diagnostic::new(&place, message)
            .help("its word stands alone in a line; only `<<-` allows tabs before it"))
    }
}

/// How much of a line counts if the next one continues it: what is before the escape character at
/// its end, unless that is escaped itself.
fn continued(line: &str, escape: char) -> Option<usize> {
    let before = line.trim_end_matches([' ', '\t']).strip_suffix(escape)?;
    (!before.ends_with(escape)).then_some(before.len())
}
