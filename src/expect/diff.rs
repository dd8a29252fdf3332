//! Differences of texts, for people.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};

/// More changed lines than this tell a person nothing new.
const MAX_LINES: usize = 60;
/// Large texts that have little in common: after this the difference is coarse, but still right.
const MAX_TIME: Duration = Duration::from_secs(2);
/// Lines that are the same before and after a change.
const CONTEXT: usize = 2;

/// Shows by lines what was expected (`-`) and what came (`+`).
///
/// Differences that can't be seen, such as a tab for spaces or a space at the end of a line, are
/// made visible.
pub fn diff(expected: &[u8], actual: &[u8]) -> String {
    let expected = String::from_utf8_lossy(expected);
    let actual = String::from_utf8_lossy(actual);
    let reveal = squeeze(&expected) == squeeze(&actual);
    let (expected, actual) = if reveal {
        (visible(&expected), visible(&actual))
    } else {
        (expected.into_owned(), actual.into_owned())
    };
    let mut lines = vec!["- expected".to_owned(), "+ actual".to_owned()];
    let diff = TextDiff::configure()
        .timeout(MAX_TIME)
        .diff_slices(&split(&expected), &split(&actual));
    let groups = diff.grouped_ops(CONTEXT);
    for (index, group) in groups.iter().enumerate() {
        if index > 0 {
            lines.push("  ...".to_owned());
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => "- ",
                ChangeTag::Insert => "+ ",
                ChangeTag::Equal => "  ",
            };
            lines.push(format!("{sign}{}", change.value()));
        }
    }
    let surplus = lines.len().saturating_sub(MAX_LINES);
    if surplus > 0 {
        lines.truncate(MAX_LINES);
        lines.push(format!("  ... {surplus} more lines"));
    }
    if reveal {
        lines.push("(spaces are shown as ·, tabs as →, line ends as ¶)".to_owned());
    }
    lines.join("\n")
}

/// Lines without their ends, so that the last one is like the others.
fn split(text: &str) -> Vec<&str> {
    if text.is_empty() {
        return Vec::new();
    }
    text.split('\n').collect()
}

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect()
}

fn visible(text: &str) -> String {
    text.replace(' ', "·")
        .replace('\t', "→")
        .replace('\r', "␍")
        .replace('\n', "¶\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_lines_stand_in_their_context() {
        let expected = b"one\ntwo\nthree\nfour\nfive\nsix\nseven";
        let actual = b"one\ntwo\nthree\n4\nfive\nsix\nseven";
        insta::assert_snapshot!(diff(expected, actual), @r"
        - expected
        + actual
          two
          three
        - four
        + 4
          five
          six
        ");
    }

    #[test]
    fn differences_in_white_space_are_made_visible() {
        insta::assert_snapshot!(diff(b"chr1\t100", b"chr1 100 "), @r"
        - expected
        + actual
        - chr1→100
        + chr1·100·
        (spaces are shown as ·, tabs as →, line ends as ¶)
        ");
    }

    #[test]
    fn the_last_line_is_like_the_others() {
        insta::assert_snapshot!(diff(b"a\nb", b"b\na"), @r"
        - expected
        + actual
        + b
          a
        - b
        ");
    }

    #[test]
    fn a_long_difference_is_cut() {
        let long = "x\n".repeat(500);
        let shown = diff(b"a", long.as_bytes());
        assert!(shown.lines().count() <= MAX_LINES + 1, "{shown}");
        assert!(shown.ends_with("more lines"));
    }
}
