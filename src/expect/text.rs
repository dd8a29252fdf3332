//! Text matchers against what was captured.

use super::diff::diff;
use crate::engine::Captured;
use crate::source::Located;
use crate::spec::{TextExpectation, TextMatcher};
use crate::verdict::{Finding, Problem};

/// What a text is, for messages.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// For machines: `stdout`, `file.content`, …
    pub kind: &'static str,
    /// For people: "stdout", "the variable `PATH`", …
    pub name: &'a str,
}

/// Judges one text by all matchers: the findings, or why it can't be decided.
///
/// # Errors
/// When a matcher needs the part of the output that was not kept.
pub fn judge(
    subject: Subject<'_>,
    expected: &TextExpectation,
    actual: &Captured,
) -> Result<Vec<Finding>, Problem> {
    let mut findings = Vec::new();
    let mut undecided = None;
    for matcher in &expected.0 {
        match mismatch(subject.name, &matcher.value, actual) {
            Ok(None) => {}
            Ok(Some(mismatch)) => findings.push(finding(subject.kind, matcher, mismatch)),
            Err(CutOff) => undecided = Some(cut_off(subject.name, actual)),
        }
    }
    // One expectation that does not hold decides, whatever the missing part says.
    match undecided {
        Some(problem) if findings.is_empty() => Err(problem),
        _ => Ok(findings),
    }
}

/// The answer lies in the part of the output that was not kept.
struct CutOff;

struct Mismatch {
    message: String,
    detail: Option<String>,
}

fn finding(kind: &'static str, matcher: &Located<TextMatcher>, mismatch: Mismatch) -> Finding {
    Finding {
        place: matcher.place.clone(),
        kind,
        message: mismatch.message,
        detail: mismatch.detail,
    }
}

fn cut_off(name: &str, actual: &Captured) -> Problem {
    Problem {
        kind: "output-limit",
        message: format!(
            "{name} has {} bytes, of which {} in the middle were not kept: this expectation can't \
             be decided; expect something of less output, or let the command filter it",
            actual.total(),
            actual.omitted()
        ),
    }
}

fn mismatch(
    name: &str,
    matcher: &TextMatcher,
    actual: &Captured,
) -> Result<Option<Mismatch>, CutOff> {
    let cut = actual.omitted() > 0;
    let no_detail = |message: String| Mismatch {
        message,
        detail: None,
    };
    let mismatch = match matcher {
        TextMatcher::Equals(expected) => {
            if cut {
                // Longer than what is kept, and specs are shorter than that.
                let same_length = actual.total().abs_diff(expected.len() as u64) <= 1;
                return if same_length {
                    Err(CutOff)
                } else {
                    Ok(Some(too_long(name, actual)))
                };
            }
            let (expected, found) = (
                trim_newline(expected.as_bytes()),
                trim_newline(actual.kept()),
            );
            (expected != found).then(|| Mismatch {
                message: format!("{name} is not what was expected"),
                detail: Some(diff(expected, found)),
            })
        }
        TextMatcher::Contains(needle) => {
            if find(actual, needle.as_bytes()) {
                None
            } else if cut {
                return Err(CutOff);
            } else {
                Some(no_detail(format!("{name} does not contain `{needle}`")))
            }
        }
        TextMatcher::NotContains(needle) => {
            if find(actual, needle.as_bytes()) {
                let message = format!("{name} contains `{needle}`, which it must not");
                Some(no_detail(message))
            } else if cut {
                return Err(CutOff);
            } else {
                None
            }
        }
        TextMatcher::Matches(_) | TextMatcher::NotMatches(_) if cut => return Err(CutOff),
        TextMatcher::Matches(regex) => (!regex.is_match(trim_newline(actual.kept())))
            .then(|| no_detail(format!("{name} does not match `{regex}`"))),
        TextMatcher::NotMatches(regex) => regex.find(trim_newline(actual.kept())).map(|found| {
            let found = String::from_utf8_lossy(found.as_bytes());
            let message = format!("{name} matches `{regex}`, which it must not");
            Mismatch {
                message,
                detail: Some(format!("what matched: {found}")),
            }
        }),
        TextMatcher::Empty(true) => (!actual.is_empty()).then(|| {
            no_detail(format!(
                "{name} must be empty, it has {} bytes",
                actual.total()
            ))
        }),
        TextMatcher::Empty(false) => actual
            .is_empty()
            .then(|| no_detail(format!("{name} must not be empty"))),
    };
    Ok(mismatch)
}

fn too_long(name: &str, actual: &Captured) -> Mismatch {
    Mismatch {
        message: format!(
            "{name} is not what was expected: it has {} bytes",
            actual.total()
        ),
        detail: None,
    }
}

fn trim_newline(text: &[u8]) -> &[u8] {
    text.strip_suffix(b"\n").unwrap_or(text)
}

/// Head and tail are searched apart: what seems to stand across the gap does not.
fn find(text: &Captured, needle: &[u8]) -> bool {
    let within = |part: &[u8]| {
        let mut windows = part.windows(needle.len());
        windows.any(|window| window == needle)
    };
    if text.omitted() == 0 {
        return within(text.kept());
    }
    let (head, tail) = text.parts();
    within(head) || within(tail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Capture;

    fn holds(matcher: &TextMatcher, actual: &Captured) -> Option<bool> {
        mismatch("stdout", matcher, actual)
            .ok()
            .map(|found| found.is_none())
    }

    fn cut(text: &str) -> Captured {
        let mut capture = Capture::new(4);
        capture.push(text.as_bytes());
        capture.finish()
    }

    fn regex(pattern: &str) -> regex::bytes::Regex {
        regex::bytes::Regex::new(pattern).unwrap()
    }

    #[test]
    fn one_final_newline_is_put_aside_and_no_more() {
        let expected = TextMatcher::Equals("4".to_owned());
        for (actual, equal) in [("4", true), ("4\n", true), ("4\n\n", false), (" 4", false)] {
            assert_eq!(
                holds(&expected, &Captured::whole(actual)),
                Some(equal),
                "{actual:?}"
            );
        }
    }

    #[test]
    fn what_was_cut_off_is_never_guessed() {
        let long = "head and much more tail";
        let contains = |text: &str| TextMatcher::Contains(text.to_owned());
        let lacks = |text: &str| TextMatcher::NotContains(text.to_owned());
        assert_eq!(holds(&contains("head"), &cut(long)), Some(true));
        assert_eq!(holds(&contains("tail"), &cut(long)), Some(true));
        assert_eq!(holds(&contains("much"), &cut(long)), None);
        // Head and tail joined would read "headtail": that is not in the output.
        assert_eq!(holds(&contains("dtai"), &cut(long)), None);
        assert_eq!(holds(&lacks("head"), &cut(long)), Some(false));
        assert_eq!(holds(&lacks("much"), &cut(long)), None);
        assert_eq!(
            holds(&TextMatcher::Matches(regex("head")), &cut(long)),
            None
        );
        assert_eq!(
            holds(&TextMatcher::NotMatches(regex("zzz")), &cut(long)),
            None
        );
        assert_eq!(holds(&TextMatcher::Empty(true), &cut(long)), Some(false));
        let equals = |text: &str| TextMatcher::Equals(text.to_owned());
        assert_eq!(holds(&equals("headtail"), &cut(long)), Some(false));
        assert_eq!(holds(&equals("head and more much tail"), &cut(long)), None);
    }

    #[test]
    fn output_need_not_be_text() {
        let bytes = Captured::whole(&b"\xff\x00abc"[..]);
        assert_eq!(
            holds(&TextMatcher::Contains("abc".to_owned()), &bytes),
            Some(true)
        );
        assert_eq!(
            holds(&TextMatcher::Matches(regex("(?-u)^\\xff")), &bytes),
            Some(true)
        );
    }
}
