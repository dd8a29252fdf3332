//! What must stand in a text, or must not.

use regex::bytes::Regex;

use super::judged::{Judged, Subject, Undecided, is_cut, trim_newline};
use crate::engine::Captured;
use crate::source::Place;
use crate::verdict::Finding;

/// Judges whether a text stands in another, as it is `wanted`. `noted` is what was seen of it as it
/// flowed.
pub(super) fn contains(
    subject: Subject<'_>,
    place: &Place,
    (needle, wanted): (&str, bool),
    actual: &Captured,
    noted: Option<bool>,
) -> Judged {
    let name = subject.name;
    let found = noted.unwrap_or_else(|| find(actual, needle.as_bytes()));
    if !found && is_cut(actual) && noted.is_none() {
        return Err(Undecided::CutOff);
    }
    let message = match (found, wanted) {
        (true, false) => format!("{name} contains `{needle}`, which it must not"),
        (false, true) => format!("{name} does not contain `{needle}`"),
        _ => return Ok(Vec::new()),
    };
    Ok(vec![subject.finding(place, message)])
}

/// Judges whether a regular expression matches in a text, one final newline aside, as it is
/// `wanted`. `noted` is what matched in it as it flowed.
pub(super) fn matches(
    subject: Subject<'_>,
    place: &Place,
    (regex, wanted): (&Regex, bool),
    actual: &Captured,
    noted: Option<Option<Vec<u8>>>,
) -> Judged {
    let found = match noted {
        Some(noted) => noted,
        None if is_cut(actual) => return Err(Undecided::CutOff),
        None => {
            let found = regex.find(trim_newline(actual.kept()));
            found.map(|found| found.as_bytes().to_owned())
        }
    };
    let name = subject.name;
    match found {
        Some(found) if !wanted => {
            let message = format!("{name} matches `{regex}`, which it must not");
            let found = String::from_utf8_lossy(&found);
            Ok(vec![Finding {
                detail: Some(format!("what matched: {found}")),
                ..subject.finding(place, message)
            }])
        }
        None if wanted => {
            let message = format!("{name} does not match `{regex}`");
            Ok(vec![subject.finding(place, message)])
        }
        _ => Ok(Vec::new()),
    }
}

/// Judges whether a text is empty, which its length alone tells.
pub(super) fn empty(
    subject: Subject<'_>,
    place: &Place,
    wanted: bool,
    actual: &Captured,
) -> Option<Finding> {
    let (name, total) = (subject.name, actual.total());
    let message = match (actual.is_empty(), wanted) {
        (false, true) if total == 1 => format!("{name} must be empty, it has 1 byte"),
        (false, true) => format!("{name} must be empty, it has {total} bytes"),
        (true, false) => format!("{name} must not be empty"),
        _ => return None,
    };
    Some(subject.finding(place, message))
}

/// Head and tail are searched apart: what seems to stand across the gap does not.
fn find(text: &Captured, needle: &[u8]) -> bool {
    let within = |part: &[u8]| {
        let mut windows = part.windows(needle.len());
        windows.any(|window| window == needle)
    };
    if !is_cut(text) {
        return within(text.kept());
    }
    let (head, tail) = text.parts();
    within(head) || within(tail)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cut, judged, told};
    use crate::engine::Captured;

    #[test]
    fn what_was_cut_off_is_never_guessed() {
        // Kept are `head` and `tail`.
        let long = "head and much more tail";
        let table = [
            ("{contains: head}", "holds"),
            ("{contains: tail}", "holds"),
            ("{contains: much}", "undecided"),
            // Joined, what was kept reads "headtail": that is not in the output.
            ("{contains: dtai}", "undecided"),
            ("{not_contains: head}", "fails"),
            ("{not_contains: much}", "undecided"),
            ("{matches: head}", "undecided"),
            ("{not_matches: zzz}", "undecided"),
            ("{empty: true}", "fails"),
            ("{empty: false}", "holds"),
            // One that fails decides.
            ("{contains: much, not_contains: tail}", "fails"),
        ];
        for (matcher, outcome) in table {
            let found = match cut(matcher, long) {
                Ok(()) => "holds",
                Err(told) if told.starts_with("undecided (output-limit)") => "undecided",
                Err(_) => "fails",
            };
            assert_eq!(found, outcome, "{matcher}");
        }
    }

    #[test]
    fn output_need_not_be_text() {
        let bytes = Captured::whole(&b"\xff\x00abc"[..]);
        assert_eq!(told("{contains: abc}", &bytes), Ok(()));
        assert_eq!(told("{matches: '(?-u)^\\xff'}", &bytes), Ok(()));
    }

    #[test]
    fn messages() {
        let told = |matcher: &str| judged(matcher, "one\ntwo\n").unwrap_err();
        assert_eq!(
            told("{contains: x}"),
            "a.yaml:1:12: stdout does not contain `x`"
        );
        assert_eq!(
            told("{not_contains: two}"),
            "a.yaml:1:16: stdout contains `two`, which it must not"
        );
        assert_eq!(
            told("{matches: ^x}"),
            "a.yaml:1:11: stdout does not match `^x`"
        );
        assert_eq!(
            told("{not_matches: '^t.'}"),
            "a.yaml:1:15: stdout matches `^t.`, which it must not\nwhat matched: tw"
        );
        assert_eq!(
            told("{empty: true}"),
            "a.yaml:1:9: stdout must be empty, it has 8 bytes"
        );
    }
}
