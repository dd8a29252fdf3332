//! What was expected and what came, side by side.

use serde::Serialize;

/// The detail of a finding.
#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Detail {
    /// Two texts, line by line beside each other, and what is to be said of them.
    Sides { rows: Vec<Row>, note: String },
    /// Lines, as they are.
    Lines { lines: Vec<Line> },
}

/// A line of each text.
#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Row {
    /// The same line in both.
    Same { text: String },
    /// Lines that differ, or that only one of them has.
    Changed {
        expected: Option<Side>,
        actual: Option<Side>,
    },
    /// Lines that are left out.
    Gap { text: String },
}

/// A line that differs, and the part of it that does.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Side {
    before: String,
    /// Empty if the lines have nothing in common.
    changed: String,
    after: String,
}

/// A line of a detail that is no difference.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Line {
    /// `removed`, `added` or nothing.
    class: &'static str,
    text: String,
}

impl Detail {
    pub(super) fn of(detail: &str) -> Self {
        match detail.strip_prefix("- expected\n+ actual\n") {
            Some(difference) => sides(difference),
            None => Self::Lines {
                lines: detail.lines().map(Line::of).collect(),
            },
        }
    }
}

impl Line {
    fn of(text: &str) -> Self {
        let class = match text.as_bytes().first() {
            Some(b'-') => "removed",
            Some(b'+') => "added",
            _ => "",
        };
        let text = text.to_owned();
        Self { class, text }
    }
}

fn sides(difference: &str) -> Detail {
    let mut rows = Vec::new();
    let mut note = String::new();
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    for line in difference.split('\n') {
        // Lines that were taken away come before those that took their place.
        if let Some(text) = line.strip_prefix("- ") {
            if !added.is_empty() {
                pair(&mut rows, &mut removed, &mut added);
            }
            removed.push(text);
            continue;
        }
        if let Some(text) = line.strip_prefix("+ ") {
            added.push(text);
            continue;
        }
        pair(&mut rows, &mut removed, &mut added);
        match line.strip_prefix("  ") {
            Some(text) if text.starts_with("...") => rows.push(Row::Gap {
                text: text.replacen("...", "…", 1),
            }),
            Some(text) => rows.push(Row::Same { text: text.into() }),
            None if line.starts_with('(') => note = line.to_owned(),
            None if line.is_empty() => {}
            None => rows.push(Row::Gap { text: line.into() }),
        }
    }
    pair(&mut rows, &mut removed, &mut added);
    Detail::Sides { rows, note }
}

fn pair(rows: &mut Vec<Row>, removed: &mut Vec<&str>, added: &mut Vec<&str>) {
    for index in 0..removed.len().max(added.len()) {
        let (expected, actual) = match (removed.get(index), added.get(index)) {
            (Some(expected), Some(actual)) => {
                let (expected, actual) = compared(expected, actual);
                (Some(expected), Some(actual))
            }
            (expected, actual) => (expected.map(|it| whole(it)), actual.map(|it| whole(it))),
        };
        rows.push(Row::Changed { expected, actual });
    }
    removed.clear();
    added.clear();
}

fn whole(text: &str) -> Side {
    Side {
        before: text.to_owned(),
        ..Side::default()
    }
}

/// Both lines without what they begin and end with in common.
fn compared(expected: &str, actual: &str) -> (Side, Side) {
    let common = |pair: &(char, char)| pair.0 == pair.1;
    let begin: usize = expected
        .chars()
        .zip(actual.chars())
        .take_while(common)
        .map(|(c, _)| c.len_utf8())
        .sum();
    let (rest, other) = (&expected[begin..], &actual[begin..]);
    let end: usize = rest
        .chars()
        .rev()
        .zip(other.chars().rev())
        .take_while(common)
        .map(|(c, _)| c.len_utf8())
        .sum();
    // Where they have little in common, that is by chance.
    if 3 * (begin + end) < expected.len().max(actual.len()) {
        return (whole(expected), whole(actual));
    }
    let side = |text: &str| Side {
        before: text[..begin].to_owned(),
        changed: text[begin..text.len() - end].to_owned(),
        after: text[text.len() - end..].to_owned(),
    };
    (side(expected), side(actual))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expect::diff;

    fn shown(expected: &str, actual: &str) -> Vec<String> {
        let detail = diff(expected.as_bytes(), actual.as_bytes());
        let Detail::Sides { rows, note } = Detail::of(&detail) else {
            panic!("{detail}");
        };
        let side = |side: &Option<Side>| match side {
            Some(Side {
                before,
                changed,
                after,
            }) => format!("{before}[{changed}]{after}"),
            None => "-".to_owned(),
        };
        let mut lines: Vec<String> = rows
            .iter()
            .map(|row| match row {
                Row::Same { text } => text.clone(),
                Row::Changed { expected, actual } => {
                    format!("{} | {}", side(expected), side(actual))
                }
                Row::Gap { text } => format!("~{text}"),
            })
            .collect();
        if !note.is_empty() {
            lines.push(note);
        }
        lines
    }

    #[test]
    fn lines_that_took_the_place_of_others_stand_beside_them() {
        assert_eq!(
            shown(
                "one\nchr1\t202\nthree\nfour",
                "one\nchr1\t201\nthree\nvier\nfive"
            ),
            [
                "one",
                "chr1\t20[2] | chr1\t20[1]",
                "three",
                "four[] | vier[]",
                "- | five[]",
            ]
        );
    }

    #[test]
    fn what_only_one_has_stands_alone() {
        assert_eq!(shown("a\nb", "b\na"), ["- | b[]", "a", "b[] | -"]);
        assert_eq!(shown("größe", "große"), ["gr[ö]ße | gr[o]ße"]);
    }

    #[test]
    fn gaps_and_notes_are_no_lines_of_a_text() {
        let long = (0..30).map(|n| format!("{n}\n")).collect::<String>();
        let other = long.replacen("0\n", "x\n", 1).replace("29\n", "y\n");
        let lines = shown(&long, &other);
        assert!(lines.contains(&"~…".to_owned()), "{lines:?}");
        let lines = shown("a\tb", "a b");
        assert!(lines[1].starts_with("(spaces are"), "{lines:?}");
        let cut = Detail::of("- expected\n+ actual\n- a\n[… 9 bytes omitted …]\n+ b");
        let Detail::Sides { rows, .. } = cut else {
            panic!()
        };
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn other_details_stay_lines() {
        let Detail::Lines { lines } = Detail::of("/a\n- b\n+ c") else {
            panic!()
        };
        let classes: Vec<_> = lines.iter().map(|line| line.class).collect();
        assert_eq!(classes, ["", "removed", "added"]);
    }
}
