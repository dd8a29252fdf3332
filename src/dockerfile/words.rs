//! Words of a line: split at white space, with quotes and escapes.

use std::ops::Range;

/// A quote that is never closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unclosed(pub(super) char);

/// The words of `text`, split at white space outside of quotes; quotes and escapes stay in them.
pub(super) fn split(text: &str, escape: char) -> Result<Vec<Range<usize>>, Unclosed> {
    let mut words = Vec::new();
    let mut start = None;
    let mut quote: Option<char> = None;
    let mut rest = text.char_indices();
    while let Some((at, c)) = rest.next() {
        match quote {
            None if c.is_whitespace() => {
                words.extend(start.take().map(|start| start..at));
                continue;
            }
            None if c == '\'' || c == '"' => quote = Some(c),
            Some(open) if c == open => quote = None,
            // In single quotes nothing is escaped.
            _ if c == escape && quote != Some('\'') => {
                rest.next();
            }
            _ => {}
        }
        start.get_or_insert(at);
    }
    words.extend(start.map(|start| start..text.len()));
    quote.map_or(Ok(words), |quote| Err(Unclosed(quote)))
}

/// The words of `text`, split at white space whatever else is in it.
pub(super) fn split_plain(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices() {
        if c.is_whitespace() {
            words.extend(start.take().map(|start| start..at));
        } else {
            start.get_or_insert(at);
        }
    }
    words.extend(start.map(|start| start..text.len()));
    words
}

/// `word` without its quotes and escapes; `$` is a character as any other.
pub(super) fn unquoted(word: &str, escape: char) -> Result<String, Unclosed> {
    let mut plain = String::new();
    let mut quote: Option<char> = None;
    let mut rest = word.chars();
    while let Some(c) = rest.next() {
        match quote {
            None if c == '\'' || c == '"' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ if c == escape && quote != Some('\'') => match rest.next() {
                Some(next) if quote.is_none() || ['"', '$', escape].contains(&next) => {
                    plain.push(next);
                }
                // In double quotes it escapes nothing else.
                Some(next) => plain.extend([c, next]),
                None => {}
            },
            _ => plain.push(c),
        }
    }
    quote.map_or(Ok(plain), |quote| Err(Unclosed(quote)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_at_white_space_outside_of_quotes() {
        let table: &[(&str, Option<&[&str]>)] = &[
            ("", Some(&[])),
            ("  a\tb ", Some(&["a", "b"])),
            (
                "A=\"x y\" B='z \"' C",
                Some(&["A=\"x y\"", "B='z \"'", "C"]),
            ),
            ("a\\ b c", Some(&["a\\ b", "c"])),
            ("\"a\\\" b\" c", Some(&["\"a\\\" b\"", "c"])),
            ("'a\\' b", Some(&["'a\\'", "b"])),
            ("a \"b", None),
            ("a 'b", None),
            ("a\\", Some(&["a\\"])),
        ];
        for (text, expected) in table {
            let found = split(text, '\\').ok();
            let found = found.map(|words| words.into_iter().map(|word| &text[word]).collect());
            assert_eq!(found, expected.map(<[&str]>::to_vec), "{text}");
        }
    }

    #[test]
    fn quotes_and_escapes_are_taken_off() {
        let table = [
            ("a\\ b", Ok("a b")),
            ("'a\\'\"b\\\"\\x\"", Ok("a\\b\"\\x")),
            ("$A", Ok("$A")),
            ("'a", Err(Unclosed('\''))),
        ];
        for (word, expected) in table {
            assert_eq!(
                unquoted(word, '\\'),
                expected.map(ToOwned::to_owned),
                "{word}"
            );
        }
    }
}
