//! The order of versions.

use std::cmp::Ordering;
use std::fmt;

use super::read::{Dots, read};

/// A version: numbers with dots, and what follows them.
///
/// The order goes by the numbers (a missing one is zero: `1.16` equals `1.16.0`) and then by what
/// follows:
///
/// - before the release: `~…`, and `dev`, `alpha`, `beta`, `pre`, `rc` and their like, also `a1` and
///   `b2`: `2.0~x < 2.0-dev < 2.0a1 < 2.0-beta < 2.0rc1 < 2.0`;
/// - after it: everything else. A letter (`1.1.1a < 1.1.1b`), a patch level (`9.2p1`), a revision
///   (`0.7.17-r1188`, `1.16.1-1`), a build (`1.8.0_352`), commits since a tag (`1.0-5-gabcdef`);
/// - nothing after `+` counts: `1.16+htslib` equals `1.16`.
///
/// Numbers may have any length.
#[derive(Debug, Clone)]
pub struct Version {
    text: String,
    /// The numbers with dots, zeros at the end left out.
    release: Vec<Number>,
    /// How many numbers were written.
    written: usize,
    /// What follows; ends with [`Part::End`].
    suffix: Vec<Part>,
}

/// A piece of what follows the numbers. The order of the variants is their order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// `~`, as Debian has it: before everything, even the end.
    Tilde,
    /// A stage before the release.
    Before(Stage),
    End,
    /// Any other letters, in lower case.
    Letters(String),
    Number(Number),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Development,
    Alpha,
    Beta,
    Preview,
    Candidate,
}

/// A number of any length, without leading zeros; zero is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number(String);

impl Version {
    /// Reads a text that is one version and nothing else; a `v` in front is put aside.
    ///
    /// Epochs are not read (`1:2.39.2`): what a package manager puts in front says nothing of the
    /// version that people know.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let bare = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let end = read(bare.as_bytes(), 0, Dots::Any)?;
        (end == bare.len()).then(|| Self::new(bare))
    }

    /// `text` is what [`read`] takes as one version.
    pub(super) fn new(text: &str) -> Self {
        let counted = text.split('+').next().unwrap_or(text);
        let is_release = |c: char| c.is_ascii_digit() || c == '.';
        let end = counted.find(|c| !is_release(c)).unwrap_or(counted.len());
        let (release, suffix) = counted.split_at(end);
        let numbers = release.split('.').filter(|number| !number.is_empty());
        let mut release: Vec<Number> = numbers.map(Number::new).collect();
        let written = release.len();
        while release.last().is_some_and(Number::is_zero) {
            release.pop();
        }
        Self {
            text: text.to_owned(),
            release,
            written,
            suffix: parts(suffix),
        }
    }

    /// The text it was read from, without a `v` in front.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many numbers were written: 2 in `1.16`.
    pub(super) fn written(&self) -> usize {
        self.written
    }

    /// The number at `index`, counted from 0; those that were not written are zero.
    pub(super) fn number(&self, index: usize) -> &Number {
        const ZERO: &Number = &Number(String::new());
        self.release.get(index).unwrap_or(ZERO)
    }

    /// Whether the first `count` numbers are those of `other`.
    pub(super) fn same_numbers(&self, other: &Self, count: usize) -> bool {
        (0..count).all(|index| self.number(index) == other.number(index))
    }

    /// The first `count` numbers, the last one raised by one: the end of what begins with them.
    pub(super) fn after_numbers(&self, count: usize) -> Self {
        let mut numbers: Vec<String> = (0..count).map(|at| self.number(at).to_string()).collect();
        if let Some(last) = numbers.last_mut() {
            *last = raised(last);
        }
        Self::new(&numbers.join("."))
    }

    /// Whether it is only numbers with dots.
    pub(super) fn is_plain(&self) -> bool {
        self.suffix == [Part::End]
    }
}

/// Splits at separators, then where letters and digits meet.
fn parts(suffix: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for segment in suffix.split_inclusive(['.', '-', '_', '~']) {
        let separator = segment.ends_with(['.', '-', '_', '~']);
        let word = &segment[..segment.len() - usize::from(separator)];
        if is_commit(word) {
            parts.push(Part::Letters(word.to_ascii_lowercase()));
        } else {
            parts.extend(word_parts(word));
        }
        if segment.ends_with('~') {
            parts.push(Part::Tilde);
        }
    }
    parts.push(Part::End);
    parts
}

fn word_parts(word: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = word;
    while let Some(first) = rest.bytes().next() {
        let digits = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != digits);
        let (run, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        if digits {
            parts.push(Part::Number(Number::new(run)));
        } else {
            let letters = run.to_ascii_lowercase();
            let part = match stage(&letters, !after.is_empty()) {
                Some(stage) => Part::Before(stage),
                None => Part::Letters(letters),
            };
            parts.push(part);
        }
    }
    parts
}

/// `a` and `b` are stages before a number only: `1.1.1a` comes after `1.1.1`.
fn stage(letters: &str, numbered: bool) -> Option<Stage> {
    Some(match letters {
        "dev" | "devel" | "snapshot" | "nightly" => Stage::Development,
        "alpha" => Stage::Alpha,
        "beta" => Stage::Beta,
        "a" if numbered => Stage::Alpha,
        "b" if numbered => Stage::Beta,
        "pre" | "preview" | "milestone" | "ea" => Stage::Preview,
        "rc" => Stage::Candidate,
        _ => return None,
    })
}

/// Whether these letters name a stage before the release.
pub(super) fn is_stage(letters: &str) -> bool {
    stage(&letters.to_ascii_lowercase(), true).is_some()
}

/// `gabcdef0` of git-describe, or a bare abbreviated commit: its letters are no words.
fn is_commit(word: &str) -> bool {
    let hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    let described = word.strip_prefix('g').unwrap_or("");
    let mixed =
        word.bytes().any(|b| b.is_ascii_digit()) && !word.bytes().all(|b| b.is_ascii_digit());
    (described.len() >= 4 && hex(described)) || (mixed && word.len() >= 7 && hex(word))
}

fn raised(number: &str) -> String {
    let mut digits: Vec<u8> = number.bytes().collect();
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return digits.into_iter().map(char::from).collect();
        }
        *digit = b'0';
    }
    let zeros: String = digits.into_iter().map(char::from).collect();
    format!("1{zeros}")
}

impl Number {
    fn new(digits: &str) -> Self {
        Self(digits.trim_start_matches('0').to_owned())
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_zero() { "0" } else { &self.0 })
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_length = self.0.len().cmp(&other.0.len());
        by_length.then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_numbers = self.release.cmp(&other.release);
        by_numbers.then_with(|| self.suffix.cmp(&other.suffix))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap_or_else(|| panic!("{text} is no version"))
    }

    #[test]
    fn versions_are_ordered() {
        let ascending: &[&[&str]] = &[
            &["1.9", "1.10", "1.16", "1.16.1", "1.17", "2", "10.0"],
            &["0.7.16", "0.7.17", "0.7.17-r1188", "0.7.17-r1198", "0.7.18"],
            &["1.1.1", "1.1.1a", "1.1.1b", "1.1.1w", "1.1.2"],
            &[
                "2.0~rc1",
                "2.0.dev3",
                "2.0-alpha",
                "2.0a1",
                "2.0a2",
                "2.0-b1",
                "2.0-pre",
                "2.0rc1",
                "2.0-rc2",
                "2.0",
                "2.0.1",
            ],
            &["1.9-beta", "1.9", "1.9a", "1.9.1"],
            &["3.0-SNAPSHOT", "3.0"],
            &[
                "1.0.0-alpha",
                "1.0.0-alpha.1",
                "1.0.0-beta",
                "1.0.0-rc.1",
                "1.0.0",
            ],
            &[
                "1.0-rc1",
                "1.0-rc1-5-gabcdef",
                "1.0",
                "1.0-5-gabcdef",
                "1.0-12-g1a2b3c4",
                "1.0.1",
            ],
            &[
                "1.16.1~bpo1",
                "1.16.1",
                "1.16.1-1~bpo11",
                "1.16.1-1",
                "1.16.1-2",
                "1.16.1-10",
            ],
            &["1.8.0_92", "1.8.0_352", "11.0.2", "17.0.5"],
            &["1.90b6.9", "1.90b6.24", "1.90b7", "1.90"],
            &["2.00a3.6", "2.00a3.7LM", "2.00"],
            &["4.1.9.0", "4.1.9.1", "4.1.10.0"],
            &["9.2", "9.2p1", "9.2p2", "9.3p1"],
            &["2.7.10", "2.7.10a", "2.7.10b", "2.7.11"],
            &["84", "84-a1b2c3d", "85"],
            &["1.0", "1.0.post1", "1.1"],
            &[
                "18446744073709551615.1",
                "18446744073709551616",
                "99999999999999999999999",
            ],
        ];
        for list in ascending {
            for (at, smaller) in list.iter().enumerate() {
                for larger in &list[at + 1..] {
                    assert!(version(smaller) < version(larger), "{smaller} < {larger}");
                    assert!(version(larger) > version(smaller), "{larger} > {smaller}");
                }
            }
        }
    }

    #[test]
    fn some_spellings_are_equal() {
        let table = [
            ("1.16", "1.16.0"),
            ("1.16", "v1.16"),
            ("1.016", "1.16"),
            ("1.16+htslib-1.16", "1.16"),
            ("20.10.24+dfsg1", "20.10.24"),
            ("2.0-rc1", "2.0rc1"),
            ("2.0RC1", "2.0.0rc1"),
            ("0", "0.0.0"),
        ];
        for (left, right) in table {
            assert_eq!(version(left), version(right), "{left} = {right}");
        }
        for (left, right) in [("1.16", "1.16.1"), ("1.16", "1.16-1"), ("1.1.1", "1.1.1a")] {
            assert_ne!(version(left), version(right), "{left} ≠ {right}");
        }
    }

    #[test]
    fn not_every_text_is_a_version() {
        for text in [
            "", "v", "abc", "1.", ".1", "1..2", "1.2 ", "1 2", "1:2.3", "1.2-", "-1", "1,2",
        ] {
            let parsed = Version::parse(text);
            assert_eq!(parsed.is_some(), text == "1.2 ", "{text:?}");
        }
    }

    fn any_version() -> impl Strategy<Value = Version> {
        "[0-9]{1,3}(\\.[0-9]{1,2}){0,3}([-_.~]?(a|b|rc|dev|pre|g1234|[c-z]|[0-9]{1,2})){0,3}(\\+x)?"
            .prop_map(|text| version(&text))
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in any_version(), b in any_version(), c in any_version()) {
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            prop_assert_eq!(a.cmp(&a.clone()), Ordering::Equal);
            let mut sorted = [&a, &b, &c];
            sorted.sort();
            prop_assert!(sorted[0] <= sorted[1] && sorted[1] <= sorted[2] && sorted[0] <= sorted[2]);
            if a == b {
                prop_assert_eq!(a.cmp(&c), b.cmp(&c));
            }
        }

        #[test]
        fn any_text_can_be_tried(text in ".*") {
            let _ = Version::parse(&text);
        }

        #[test]
        fn what_is_raised_is_larger(a in any_version(), count in 1_usize..4) {
            prop_assert!(a < a.after_numbers(count));
        }
    }
}
