//! Digests of texts.

use sha2::{Digest, Sha256};

use super::judged::{Judged, Subject, Undecided, is_cut};
use crate::engine::Captured;
use crate::source::Place;
use crate::spec::Sha256Digest;

/// Judges all bytes of a text by their digest, which was `noted` if not all of them were kept.
pub(super) fn judge(
    subject: Subject<'_>,
    place: &Place,
    expected: &Sha256Digest,
    actual: &Captured,
    noted: Option<Sha256Digest>,
) -> Judged {
    let found = match noted {
        Some(noted) => noted,
        None if is_cut(actual) => return Err(Undecided::CutOff),
        None => Sha256::new_with_prefix(actual.kept()).into(),
    };
    if found == *expected {
        return Ok(Vec::new());
    }
    let message = format!(
        "the SHA-256 digest of {} must be {expected}, it is {found}",
        subject.name
    );
    Ok(vec![subject.finding(place, message)])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cut, judged};

    const HELLO: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

    #[test]
    fn digests_are_of_all_bytes() {
        let upper = HELLO.to_uppercase();
        for spelling in [HELLO.to_owned(), format!("'sha256:{HELLO}'"), upper] {
            let matcher = format!("{{sha256: {spelling}}}");
            assert_eq!(judged(&matcher, "hello\n"), Ok(()));
            assert!(judged(&matcher, "hello").is_err());
            let told = cut(&matcher, "hello and much more").unwrap_err();
            assert!(told.starts_with("undecided (output-limit)"), "{told}");
        }
        let matcher = format!("{{sha256: {HELLO}}}");
        let told = judged(&matcher, "hallo\n").unwrap_err();
        assert!(
            told.contains("must be 5891b5b5") && told.contains(", it is "),
            "{told}"
        );
    }
}
