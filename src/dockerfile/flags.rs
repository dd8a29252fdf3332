//! Flags of instructions: `--from=x`, `--mount=type=cache,target=/x`.

use std::ops::Range;

use super::text::Text;
use crate::source::Place;

/// A flag.
#[derive(Debug, Clone)]
pub struct Flag {
    /// Its name without `--`.
    pub name: String,
    /// What stands behind `=`, quotes taken off, nothing filled in.
    pub value: Option<String>,
    /// Where it stands.
    pub place: Place,
}

impl Flag {
    /// What a value of the form `key=value,key,…` says of `key`.
    pub fn entry(&self, key: &str) -> Option<&str> {
        let entries = self.value.as_deref()?.split(',');
        let mut entries = entries.filter_map(|entry| entry.split_once('='));
        let found = entries.find(|(name, _)| name.trim().eq_ignore_ascii_case(key));
        found.map(|(_, value)| value)
    }
}

/// The flags in front of the arguments in `text[range]`, and where the arguments begin.
pub(super) fn flags(text: &Text, range: Range<usize>) -> (Vec<Flag>, usize) {
    let mut flags = Vec::new();
    let mut at = range.start;
    loop {
        let rest = &text.as_str()[at..range.end];
        at += rest.len() - rest.trim_start().len();
        let rest = &text.as_str()[at..range.end];
        if !rest.starts_with("--") {
            return (flags, at);
        }
        let (word, length) = word(rest);
        let place = text.place(&(at..at + length));
        at += length;
        if word == "--" {
            return (flags, at);
        }
        let word = &word[2..];
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word, None),
        };
        flags.push(Flag {
            name: name.to_owned(),
            value,
            place,
        });
    }
}

/// The word that `text` begins with, without its quotes and escapes, and its length as it is
/// written. Flags know one escape, whatever the directive says; a quote that is never closed
/// ends with the text.
fn word(text: &str) -> (String, usize) {
    let mut word = String::new();
    let mut quote: Option<char> = None;
    let mut rest = text.char_indices();
    while let Some((at, c)) = rest.next() {
        match quote {
            None if c.is_whitespace() => return (word, at),
            None if c == '\'' || c == '"' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ if c == '\\' => word.extend(rest.next().map(|(_, next)| next)),
            _ => word.push(c),
        }
    }
    (word, text.len())
}
