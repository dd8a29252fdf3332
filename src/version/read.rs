//! How far a version reaches in a text.

use super::compare::is_stage;

/// Which letters may follow a dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dots {
    /// Any: the text is a version and nothing else.
    Any,
    /// Only stages (`2.0.dev1`): in running text `0.39.jar` is a version and a file ending.
    Stages,
}

/// The end of the version that starts with the digit at `start`.
pub(super) fn read(text: &[u8], start: usize, dots: Dots) -> Option<usize> {
    let alnum = |at: usize| text.get(at).is_some_and(u8::is_ascii_alphanumeric);
    let mut at = start;
    if !text.get(at)?.is_ascii_digit() {
        return None;
    }
    loop {
        at = run(text, at, u8::is_ascii_alphanumeric);
        match text.get(at) {
            Some(b'.') if alnum(at + 1) && (dots == Dots::Any || may_follow_dot(text, at + 1)) => {}
            Some(b'-' | b'_' | b'~') if alnum(at + 1) => {}
            Some(b'+') if alnum(at + 1) => return Some(read_build(text, at)),
            _ => return Some(at),
        }
        at += 1;
    }
}

fn may_follow_dot(text: &[u8], at: usize) -> bool {
    if text[at].is_ascii_digit() {
        return true;
    }
    let letters = &text[at..run(text, at, u8::is_ascii_alphabetic)];
    let letters = std::str::from_utf8(letters).unwrap_or("");
    // One letter is more likely the `b` of a sentence than a stage.
    letters == "post" || (letters.len() > 1 && is_stage(letters))
}

/// What stands after `+`, to the last letter or digit.
fn read_build(text: &[u8], plus: usize) -> usize {
    let is_build =
        |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'~' | b'+');
    let end = run(text, plus, is_build);
    let last = text[..end].iter().rposition(u8::is_ascii_alphanumeric);
    last.map_or(end, |last| last + 1)
}

/// The end of the bytes of one kind that start at `at`.
pub(super) fn run(text: &[u8], at: usize, kind: impl Fn(&u8) -> bool) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| kind(byte)).count()
}
