//! `$NAME` and `${NAME:-word}` in words of a Dockerfile, filled in as BuildKit does it.

use std::iter::Peekable;
use std::str::Chars;

/// Why a word can't be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// A quote that is never closed.
    #[error("the quote {0} is never closed")]
    Unclosed(char),
    /// `${` without its `}`.
    #[error("a `${{` is never closed")]
    UnclosedBrace,
    /// What stands in `${…}` means nothing, or nothing that is known here.
    #[error("`${{{0}…}}` is not understood")]
    Unknown(String),
    /// `${NAME:?message}`, and it is not set.
    #[error("{name} must be set{}{message}", if .message.is_empty() { "" } else { ": " })]
    Required {
        /// The variable.
        name: String,
        /// What the Dockerfile says of it.
        message: String,
    },
}

/// How deep `${A:-${B:-…}}` may be nested.
const DEEPEST: usize = 50;

/// Fills in the variables of `word` and takes its quotes and escapes off. What `value` does not
/// know is empty.
///
/// # Errors
/// When it can't be filled in.
pub fn expand(
    word: &str,
    escape: char,
    value: &dyn Fn(&str) -> Option<String>,
) -> Result<String, ExpandError> {
    let mut used = Vec::new();
    filled(word, escape, value, &mut used)
}

/// The names of the variables in `word`, also of those that only stand for others; as many as can be read.
pub fn variables(word: &str, escape: char) -> Vec<String> {
    let mut used = Vec::new();
    // What can't be filled in has told its variables up to there.
    let _ = filled(word, escape, &|_| None, &mut used);
    used
}

fn filled(
    word: &str,
    escape: char,
    value: &dyn Fn(&str) -> Option<String>,
    used: &mut Vec<String>,
) -> Result<String, ExpandError> {
    let mut words = Words {
        rest: word.chars().peekable(),
        escape,
        value,
        used,
        depth: 0,
    };
    words.until(None)
}

struct Words<'a> {
    rest: Peekable<Chars<'a>>,
    escape: char,
    value: &'a dyn Fn(&str) -> Option<String>,
    used: &'a mut Vec<String>,
    depth: usize,
}

impl Words<'_> {
    /// Everything up to `end`, which is taken too.
    fn until(&mut self, end: Option<char>) -> Result<String, ExpandError> {
        let mut filled = String::new();
        while let Some(c) = self.rest.next() {
            match c {
                c if Some(c) == end => return Ok(filled),
                '\'' => self.single_quoted(&mut filled)?,
                '"' => self.double_quoted(&mut filled)?,
                '$' => filled.push_str(&self.dollar()?),
                c if c == self.escape => filled.extend(self.rest.next()),
                c => filled.push(c),
            }
        }
        match end {
            Some(_) => Err(ExpandError::UnclosedBrace),
            None => Ok(filled),
        }
    }

    fn single_quoted(&mut self, filled: &mut String) -> Result<(), ExpandError> {
        loop {
            match self.rest.next() {
                Some('\'') => return Ok(()),
                Some(c) => filled.push(c),
                None => return Err(ExpandError::Unclosed('\'')),
            }
        }
    }

    fn double_quoted(&mut self, filled: &mut String) -> Result<(), ExpandError> {
        loop {
            match self.rest.next() {
                Some('"') => return Ok(()),
                Some('$') => filled.push_str(&self.dollar()?),
                Some(c) if c == self.escape => match self.rest.next() {
                    Some(next) if ['"', '$', self.escape].contains(&next) => filled.push(next),
                    Some(next) => filled.extend([c, next]),
                    None => {}
                },
                Some(c) => filled.push(c),
                None => return Err(ExpandError::Unclosed('"')),
            }
        }
    }

    /// What stands behind a `$`.
    fn dollar(&mut self) -> Result<String, ExpandError> {
        if self.rest.next_if_eq(&'{').is_none() {
            let name = self.name();
            if name.is_empty() {
                return Ok("$".to_owned());
            }
            return Ok(self.look_up(&name).unwrap_or_default());
        }
        let name = self.name();
        if name.is_empty() {
            return Err(match self.rest.peek() {
                None => ExpandError::UnclosedBrace,
                Some(_) => ExpandError::Unknown(String::new()),
            });
        }
        match self.rest.next() {
            Some('}') => Ok(self.look_up(&name).unwrap_or_default()),
            Some(':') => self.modified(name, true),
            Some(c @ ('+' | '-' | '?')) => self.rest_from(c, name, false),
            Some(c) => Err(ExpandError::Unknown(format!("{name}{c}"))),
            None => Err(ExpandError::UnclosedBrace),
        }
    }

    fn modified(&mut self, name: String, empty_is_unset: bool) -> Result<String, ExpandError> {
        match self.rest.next() {
            Some(c @ ('+' | '-' | '?')) => self.rest_from(c, name, empty_is_unset),
            Some(c) => Err(ExpandError::Unknown(format!("{name}:{c}"))),
            None => Err(ExpandError::UnclosedBrace),
        }
    }

    /// The word behind `${NAME:-`, and what becomes of both.
    fn rest_from(
        &mut self,
        modifier: char,
        name: String,
        empty_is_unset: bool,
    ) -> Result<String, ExpandError> {
        let value = self.look_up(&name);
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(ExpandError::Unknown(name));
        }
        let word = self.until(Some('}'))?;
        self.depth -= 1;
        let set = value.filter(|value| !(empty_is_unset && value.is_empty()));
        match (modifier, set) {
            ('+', Some(_)) => Ok(word),
            ('+', None) => Ok(String::new()),
            (_, Some(value)) => Ok(value),
            ('-', None) => Ok(word),
            (_, None) => Err(ExpandError::Required {
                name,
                message: word,
            }),
        }
    }

    /// A name, or one of the characters that are one alone.
    fn name(&mut self) -> String {
        let mut name = String::new();
        match self.rest.peek() {
            Some(c) if c.is_ascii_alphabetic() || *c == '_' => {
                while let Some(c) = self
                    .rest
                    .next_if(|c| c.is_ascii_alphanumeric() || *c == '_')
                {
                    name.push(c);
                }
            }
            Some(c) if c.is_ascii_digit() || "@*#".contains(*c) => name.extend(self.rest.next()),
            _ => {}
        }
        name
    }

    fn look_up(&mut self, name: &str) -> Option<String> {
        if !self.used.iter().any(|known| known == name) {
            self.used.push(name.to_owned());
        }
        (self.value)(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str) -> Option<String> {
        let known = [("A", "a"), ("EMPTY", ""), ("LONG_1", "x y")];
        let found = known.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn words_are_filled_in_as_by_buildkit() {
        let table = [
            ("plain", "plain"),
            ("$A", "a"),
            ("${A}", "a"),
            ("x${A}y$A.z", "xaya.z"),
            ("$LONG_1/$LONG", "x y/"),
            ("$NONE|${NONE}", "|"),
            ("${A:-d}", "a"),
            ("${EMPTY:-d}", "d"),
            ("${EMPTY-d}", ""),
            ("${NONE-d}", "d"),
            ("${NONE:-${A}-${NONE:-e}}", "a-e"),
            ("${A:+s}", "s"),
            ("${EMPTY:+s}", ""),
            ("${EMPTY+s}", "s"),
            ("${NONE:+s}", ""),
            ("${NONE:-}", ""),
            ("${A:?needed}", "a"),
            ("\\$A", "$A"),
            ("\\${A}", "${A}"),
            ("'$A'", "$A"),
            ("\"$A ${A}\"", "a a"),
            ("\"\\$A \\x \\\"\"", "$A \\x \""),
            ("${NONE:-\"}\"}", "}"),
            ("a$", "a$"),
            ("$.x", "$.x"),
            ("a\\", "a"),
            ("$1$@", ""),
        ];
        for (word, expected) in table {
            assert_eq!(
                expand(word, '\\', &value).as_deref(),
                Ok(expected),
                "{word}"
            );
        }
        assert_eq!(expand("`$A\\$A", '`', &value).as_deref(), Ok("$A\\a"));
    }

    #[test]
    fn what_can_not_be_filled_in_is_an_error() {
        let unknown = |text: &str| ExpandError::Unknown(text.to_owned());
        let table = [
            ("'a", ExpandError::Unclosed('\'')),
            ("\"a", ExpandError::Unclosed('"')),
            ("${A", ExpandError::UnclosedBrace),
            ("${", ExpandError::UnclosedBrace),
            ("${A:-x", ExpandError::UnclosedBrace),
            ("${A:", ExpandError::UnclosedBrace),
            ("${}", unknown("")),
            ("${A%x}", unknown("A%")),
            ("${A:=x}", unknown("A:=")),
        ];
        for (word, expected) in table {
            assert_eq!(expand(word, '\\', &value), Err(expected), "{word}");
        }
        let error = expand("${NONE:?say which}", '\\', &value).unwrap_err();
        assert_eq!(error.to_string(), "NONE must be set: say which");
        let deep = format!("{}{}", "${X:-".repeat(100_000), "}".repeat(100_000));
        assert!(expand(&deep, '\\', &value).is_err());
    }

    #[test]
    fn variables_are_named_once() {
        assert_eq!(variables("$A/${B:-${C}}${A}'$D'", '\\'), ["A", "B", "C"]);
    }
}
