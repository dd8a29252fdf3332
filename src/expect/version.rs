//! Versions in texts.

use super::judged::{Judged, Subject, Undecided, is_cut};
use crate::engine::Captured;
use crate::source::Place;
use crate::verdict::Finding;
use crate::version::{VersionRequirement, find_version};

/// What follows a version may tell that it is none (`10.0.0.1:80`): so many bytes are enough to see.
const BEHIND: usize = 8;

/// Judges the first version of a text.
pub(super) fn judge(
    subject: Subject<'_>,
    place: &Place,
    expected: &VersionRequirement,
    actual: &Captured,
) -> Judged {
    let name = subject.name;
    let cut = is_cut(actual);
    let (head, _) = actual.parts();
    let text = String::from_utf8_lossy(if cut { head } else { actual.kept() });
    let found = find_version(&text);
    if cut {
        // A number without a dot gives way to a version that may stand in what is missing.
        let is_first = found
            .as_ref()
            .is_some_and(|found| found.dotted && found.range.end + BEHIND <= text.len());
        if !is_first {
            return Err(Undecided::CutOff);
        }
    }
    let Some(found) = found else {
        let detail = "a version is digits with a dot, such as 1.16.1, or a whole number after \
                      `version` or as the second word";
        return Ok(vec![Finding {
            detail: Some(detail.to_owned()),
            ..subject.finding(
                place,
                format!("there is no version in {name}, it must be {expected}"),
            )
        }]);
    };
    if expected.allows(&found.version) {
        return Ok(Vec::new());
    }
    let message = format!(
        "{name} has version {}, which is not {expected}",
        found.version
    );
    Ok(vec![subject.finding(place, message)])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cut, judged};

    #[test]
    fn the_first_version_is_judged() {
        let matcher = "{version: '>=1.16, <2'}";
        assert_eq!(
            judged(matcher, "samtools 1.16.1\nUsing htslib 1.2\n"),
            Ok(())
        );
        insta::assert_snapshot!(
            judged(matcher, "samtools 1.10.2\n").unwrap_err(),
            @"a.yaml:1:11: stdout has version 1.10.2, which is not >=1.16, <2"
        );
        insta::assert_snapshot!(judged(matcher, "usage: samtools\n").unwrap_err(), @r"
        a.yaml:1:11: there is no version in stdout, it must be >=1.16, <2
        a version is digits with a dot, such as 1.16.1, or a whole number after `version` or as the second word
        ");
        assert!(judged("{version: [1.16.1, '<1.16']}", "1.16.1").is_err());
        assert_eq!(judged("{version: 1.16}", "1.16"), Ok(()));
    }

    #[test]
    fn a_cut_text_decides_when_its_head_holds_the_version() {
        let tail = "x".repeat(200);
        assert_eq!(cut("{version: 1.2}", &format!("v1.2 is it {tail}")), Ok(()));
        let told = cut("{version: 1.3}", &format!("v1.2 is it {tail}")).unwrap_err();
        assert!(told.contains("which is not 1.3"), "{told}");
        for text in [
            "0123456789abcdefv1.2",
            "tool 84 is it, x",
            "no version here  1.2",
        ] {
            let told = cut("{version: 1.2}", &format!("{text}{tail}")).unwrap_err();
            assert!(
                told.starts_with("undecided (output-limit)"),
                "{text}: {told}"
            );
        }
    }
}
