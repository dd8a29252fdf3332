//! Texts that must be the same as another.

use std::path::PathBuf;

use super::diff::diff;
use super::judged::{Judged, Subject, Undecided, is_cut, trim_newline};
use crate::engine::Captured;
use crate::source::{Located, Place};
use crate::verdict::{Finding, Problem};

/// Judges a text that must be `expected`.
pub(super) fn text(
    subject: Subject<'_>,
    place: &Place,
    expected: &[u8],
    actual: &Captured,
) -> Judged {
    same(subject, place, expected, actual, "what was expected")
}

/// Judges a text that must be what a file of the project holds.
pub(super) fn file(
    subject: Subject<'_>,
    place: &Place,
    path: &Located<PathBuf>,
    actual: &Captured,
) -> Judged {
    let shown = path.value.display();
    let expected = std::fs::read(subject.root.join(&path.value)).map_err(|error| {
        Undecided::Problem(Problem {
            kind: "host-file",
            message: format!("can't read {shown}: {error}"),
        })
    })?;
    same(
        subject,
        place,
        &expected,
        actual,
        &format!("what {shown} holds"),
    )
}

fn same(
    subject: Subject<'_>,
    place: &Place,
    expected: &[u8],
    actual: &Captured,
    what: &str,
) -> Judged {
    let message = format!("{} is not {what}", subject.name);
    if is_cut(actual) {
        // The final newline of either may be missing.
        let fits = actual.total().abs_diff(expected.len() as u64) <= 1;
        if fits && expected.starts_with(actual.parts().0) {
            return Err(Undecided::CutOff);
        }
        let message = format!("{message}: it has {} bytes", actual.total());
        return Ok(vec![subject.finding(place, message)]);
    }
    let (expected, found) = (trim_newline(expected), trim_newline(actual.kept()));
    if expected == found {
        return Ok(Vec::new());
    }
    Ok(vec![Finding {
        detail: Some(diff(expected, found)),
        ..subject.finding(place, message)
    }])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cut, judged};

    #[test]
    fn one_final_newline_is_put_aside_and_no_more() {
        for (actual, equal) in [("4", true), ("4\n", true), ("4\n\n", false), (" 4", false)] {
            for matcher in ["{equals: '4'}", "'4'", "{equals_file: four.txt}"] {
                assert_eq!(
                    judged(matcher, actual).is_ok(),
                    equal,
                    "{matcher} {actual:?}"
                );
            }
        }
    }

    #[test]
    fn a_golden_file_is_named() {
        insta::assert_snapshot!(judged("{equals_file: four.txt}", "5\n").unwrap_err(), @r"
        a.yaml:1:15: stdout is not what four.txt holds
        - expected
        + actual
        - 4
        + 5
        ");
    }

    #[test]
    fn a_golden_file_that_is_not_there_decides_nothing() {
        let told = judged("{equals_file: no.txt}", "5\n").unwrap_err();
        assert!(
            told.starts_with("undecided (host-file): can't read no.txt"),
            "{told}"
        );
        let told = judged("{equals_file: .}", "5\n").unwrap_err();
        assert!(told.starts_with("undecided (host-file)"), "{told}");
    }

    #[test]
    fn a_cut_text_may_be_told_apart_by_its_length_or_its_head() {
        let long = "head and much more tail";
        let told = |matcher: &str| cut(matcher, long).unwrap_err();
        assert!(told("{equals: headtail}").contains("23 bytes"));
        assert!(told("{equals: toad and much more tail}").contains("23 bytes"));
        assert!(told("{equals: head and more much tail}").starts_with("undecided"));
        assert!(told("{equals: head and much more tail}").starts_with("undecided"));
    }
}
