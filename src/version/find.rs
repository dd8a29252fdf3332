//! The version in what a tool prints.

use std::ops::Range;

use super::compare::Version;
use super::read::{Dots, read, run};

/// What is longer than this is not a version that a person gave.
const MAX_LENGTH: usize = 128;

/// More than any word that matters in front of a version.
const MAX_WORD: usize = 16;

/// Where a version stands in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The version.
    pub version: Version,
    /// Its bytes in the text, without a `v` in front.
    pub range: Range<usize>,
    /// Whether it has a dot. A number without one only counts where no version with a dot is.
    pub dotted: bool,
}

/// Finds the first version of a text: digits with at least one dot, whatever follows them.
///
/// Dates, times, addresses, sizes, paths and parts of words (`x86_64`, `python3.11`) are none; a
/// `v` or `version` may stand directly in front. Where there is no dot at all, a whole number counts
/// after `version` or `v`, as the second word of the text (`Cromwell 84`), or alone.
pub fn find_version(text: &str) -> Option<Found> {
    let bytes = text.as_bytes();
    let mut after_version = None;
    let mut at = 0;
    while let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit) {
        let start = at + start;
        let Some(end) = read(bytes, start, Dots::Stages) else {
            break;
        };
        let release_end = run(bytes, start, |b| b.is_ascii_digit() || *b == b'.').min(end);
        let before = Before::of(&text[..start]);
        let dotted = bytes[start..release_end].contains(&b'.');
        let fits = end - start <= MAX_LENGTH
            && before.may_lead()
            && may_follow(&text[end..])
            && !in_path(&text[..start]);
        if !fits {
            // On to what stands after the word; `x86_64-1.2` is no version either.
            at = end;
        } else if dotted && !is_something_else(text, start..end, before) {
            return Some(found(text, start..end, true));
        } else {
            let integer = !dotted && !is_date(&text[start..end]);
            if integer && after_version.is_none() && before == Before::Announced {
                after_version = Some(start..end);
            }
            at = end;
        }
    }
    let range = after_version.or_else(|| second_word(text))?;
    Some(found(text, range, false))
}

fn found(text: &str, range: Range<usize>, dotted: bool) -> Found {
    Found {
        version: Version::new(&text[range.clone()]),
        range,
        dotted,
    }
}

/// What stands in front of digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// `v`, `version`: a version is announced.
    Announced,
    /// Nothing that matters.
    Free,
    /// They are part of a word, a date, a time.
    Bound,
}

impl Before {
    fn of(text: &str) -> Self {
        let announces = |word: &str| {
            let word = word.to_ascii_lowercase();
            matches!(word.as_str(), "v" | "ver" | "version" | "go")
        };
        let Some(last) = text.chars().next_back() else {
            return Self::Free;
        };
        if last.is_alphanumeric() {
            let announced = announces(word_before(text));
            return if announced {
                Self::Announced
            } else {
                Self::Bound
            };
        }
        let head = &text[..text.len() - last.len_utf8()];
        let word = word_before(head);
        let is_number = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
        match last {
            '.' if announces(word) => Self::Announced,
            '.' if !word.is_empty() => Self::Bound,
            // What a loader misses: version `GLIBC_2.34' not found.
            '_' if ["GLIBC", "GLIBCXX", "CXXABI"].contains(&word) => Self::Bound,
            // The rest of a date, of a time.
            '-' | '_' | ':' if is_number => Self::Bound,
            ' ' | '\t' | ':' | '=' | '"' | '(' | '-' => {
                let word = word_before(text.trim_end_matches([' ', '\t', ':', '=', '"', '(', '-']));
                let announced = announces(word) && word != "go";
                if announced {
                    Self::Announced
                } else {
                    Self::Free
                }
            }
            _ => Self::Free,
        }
    }

    fn may_lead(self) -> bool {
        self != Self::Bound
    }
}

/// The letters and digits at the end of a text; of a very long word only its end.
fn word_before(text: &str) -> &str {
    let chars = text.char_indices().rev().take(MAX_WORD);
    let word = chars.take_while(|(_, c)| c.is_alphanumeric());
    &text[word.last().map_or(text.len(), |(at, _)| at)..]
}

/// Whether the word that ends here began with a slash: a path or an address, not `nginx/1.22.1`.
fn in_path(text: &str) -> bool {
    let ends_word = |c: char| c.is_whitespace() || "\"'`()[]=:,;".contains(c);
    let chars = text.chars().rev().take(MAX_LENGTH);
    chars.take_while(|c| !ends_word(*c)).last() == Some('/')
}

/// Not a folder of a path, not a share, not the front of a time, a date or a word.
fn may_follow(rest: &str) -> bool {
    let mut chars = rest.chars();
    match (chars.next(), chars.next()) {
        (Some('/' | '%' | '\\' | '@'), _) => false,
        (Some(':'), Some(next)) => !next.is_ascii_digit(),
        (Some(next), _) => !next.is_alphanumeric(),
        (None, _) => true,
    }
}

/// Digits with dots that are no version: an address, a date, a size or a time with its unit.
fn is_something_else(text: &str, range: Range<usize>, before: Before) -> bool {
    if before == Before::Announced {
        return false;
    }
    let token = &text[range];
    let letters_at = token.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (numbers, rest) = token.split_at(letters_at.unwrap_or(token.len()));
    let numbers: Vec<&str> = numbers.split('.').collect();
    let units = [
        "s", "ms", "us", "ns", "x", "B", "kB", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB",
        "bp", "kb", "Mb", "Gb", "K", "M", "G", "T", "Hz", "MHz", "GHz",
    ];
    match numbers.as_slice() {
        [_, _] => units.contains(&rest),
        [day, month, year] if rest.is_empty() => {
            let (day, month) = (day.parse::<u8>(), month.parse::<u8>());
            year.len() == 4
                && (year.starts_with("19") || year.starts_with("20"))
                && day.is_ok_and(|day| (1..=31).contains(&day))
                && month.is_ok_and(|month| (1..=12).contains(&month))
        }
        [a, b, c, d] if rest.is_empty() => {
            let octets = [a, b, c, d].map(|octet| octet.parse::<u8>().ok());
            let [Some(a), Some(b), Some(_), Some(_)] = octets else {
                return false;
            };
            // Other addresses look like versions of four numbers (`4.1.9.0`).
            matches!(
                (a, b),
                (10 | 127 | 255, _) | (0, 0) | (192, 168) | (169, 254) | (172, 16..=31)
            )
        }
        _ => false,
    }
}

/// `20220110`, `2022-10-31`.
fn is_date(token: &str) -> bool {
    let digits: String = token.chars().filter(char::is_ascii_digit).collect();
    let shape_fits = digits.len() == 8
        && token
            .chars()
            .all(|c| c.is_ascii_digit() || c == '-' || c == '_')
        && (digits.starts_with("19") || digits.starts_with("20"));
    shape_fits
        && digits[4..6]
            .parse::<u8>()
            .is_ok_and(|month| (1..=12).contains(&month))
        && digits[6..8]
            .parse::<u8>()
            .is_ok_and(|day| (1..=31).contains(&day))
}

/// `Cromwell 84`, `less 590 (GNU regular expressions)`, or `84` alone: no digits but these.
fn second_word(text: &str) -> Option<Range<usize>> {
    let line = text.lines().find(|line| !line.trim().is_empty())?;
    let mut words = line.split_whitespace();
    let first = words.next()?;
    let second = words.next();
    let names_a_tool = first.starts_with(|c: char| c.is_alphabetic())
        && first.ends_with(|c: char| c.is_alphanumeric());
    let word = match second {
        Some(second) if names_a_tool => second,
        None => first,
        Some(_) => return None,
    };
    let start = word.as_ptr() as usize - text.as_ptr() as usize;
    let bare = word.strip_prefix(['v', 'V']).unwrap_or(word);
    let bare = bare.trim_end_matches([',', ';', ')']);
    let start = start + usize::from(word.starts_with(['v', 'V']));
    let end = read(bare.as_bytes(), 0, Dots::Stages)?;
    // What has a dot was looked at before, and was something else.
    let is_whole = end == bare.len() && end <= MAX_LENGTH && !bare.contains('.') && !is_date(bare);
    is_whole.then(|| start..start + end)
}

#[cfg(test)]
#[path = "find_tests.rs"]
mod tests;
