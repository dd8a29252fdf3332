//! Seals of results: whoever gets one later sees whether it was edited.
//!
//! The seal is the last entry of the document and covers every byte before it. Without a key it is
//! a checksum, which shows what was edited by hand or damaged. With a key
//! ([`KEY`]) it is an HMAC, which nobody can make who does not have the key.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The variable that has the key.
pub const KEY: &str = "SEATRIAL_RESULTS_KEY";

const CHECKSUM: &str = "sha256:";
const WITH_KEY: &str = "hmac-sha256:";
/// What stands before a seal.
const BEFORE: &str = ",\n  \"seal\": \"";
/// What stands behind it.
const BEHIND: &str = "\"\n}\n";

/// Why a seal does not vouch for a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// There is none.
    #[error("it has no seal at its end; name what `--json` wrote")]
    None,
    /// What it covers was changed.
    #[error("it was edited or damaged: its seal does not fit what it says")]
    Broken,
    /// It was made with a key, which is needed to tell.
    #[error("it was sealed with a key: set {KEY} to the same")]
    NeedsKey,
    /// It was made without the key, and anybody could have made it.
    #[error("it was sealed without a key, and {KEY} is set: set it when testing, too")]
    NoKey,
}

/// The key of this process, if it has one.
pub fn key() -> Option<Vec<u8>> {
    use std::os::unix::ffi::OsStringExt;
    let key = std::env::var_os(KEY)?.into_vec();
    Some(key).filter(|key| !key.is_empty())
}

/// Adds the seal to a JSON object that was written with line breaks.
pub(super) fn seal(document: &str, key: Option<&[u8]>) -> String {
    let Some(body) = document.strip_suffix("\n}\n") else {
        return document.to_owned();
    };
    let seal = match key {
        None => format!("{CHECKSUM}{}", hex(&Sha256::digest(body))),
        Some(key) => format!("{WITH_KEY}{}", hex(&mac(key, body).finalize().into_bytes())),
    };
    format!("{body}{BEFORE}{seal}{BEHIND}")
}

/// Whether a document is what was sealed.
///
/// # Errors
/// When nothing vouches for that.
pub fn check_seal(document: &[u8], key: Option<&[u8]>) -> Result<(), SealError> {
    let text = std::str::from_utf8(document).map_err(|_| SealError::None)?;
    let rest = text.strip_suffix(BEHIND).ok_or(SealError::None)?;
    let (body, seal) = rest.rsplit_once(BEFORE).ok_or(SealError::None)?;
    if let Some(sum) = seal.strip_prefix(CHECKSUM) {
        if hex(&Sha256::digest(body)) != sum {
            return Err(SealError::Broken);
        }
        return match key {
            None => Ok(()),
            Some(_) => Err(SealError::NoKey),
        };
    }
    let sum = seal.strip_prefix(WITH_KEY).ok_or(SealError::None)?;
    let key = key.ok_or(SealError::NeedsKey)?;
    let sum = bytes(sum).ok_or(SealError::Broken)?;
    // In constant time.
    mac(key, body)
        .verify_slice(&sum)
        .map_err(|_| SealError::Broken)
}

fn mac(key: &[u8], body: &str) -> Hmac<Sha256> {
    // An HMAC takes keys of any length; the other arm is there for the type alone.
    let mut mac = match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => Hmac::new(&Default::default()),
    };
    mac.update(body.as_bytes());
    mac
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "{\n  \"version\": 1,\n  \"seal\": \"no\"\n}\n";

    #[test]
    fn a_seal_shows_every_edit() {
        for key in [None, Some(&b"secret"[..]), Some(&[7; 200][..])] {
            let sealed = seal(DOCUMENT, key);
            assert!(serde_json::from_str::<serde_json::Value>(&sealed).is_ok());
            assert_eq!(check_seal(sealed.as_bytes(), key), Ok(()));
            for at in 0..sealed.len() {
                let mut edited = sealed.clone().into_bytes();
                edited[at] ^= 1;
                assert!(check_seal(&edited, key).is_err(), "byte {at}");
            }
            for extra in [" ", "\n", "{"] {
                let edited = format!("{sealed}{extra}");
                assert!(check_seal(edited.as_bytes(), key).is_err());
            }
        }
    }

    #[test]
    fn a_key_vouches_for_nothing_that_another_or_none_made() {
        let table = [
            ("", "k", SealError::NoKey),
            ("k", "", SealError::NeedsKey),
            ("k", "other", SealError::Broken),
        ];
        let key = |text: &'static str| Some(text.as_bytes()).filter(|key| !key.is_empty());
        for (made, checked, error) in table {
            let sealed = seal(DOCUMENT, key(made));
            assert_eq!(check_seal(sealed.as_bytes(), key(checked)), Err(error));
        }
        assert_eq!(check_seal(DOCUMENT.as_bytes(), None), Err(SealError::None));
        assert_eq!(check_seal(b"\xff", None), Err(SealError::None));
    }

    #[test]
    fn the_seals_are_those_that_other_programs_make() {
        // openssl dgst -sha256 [-hmac key], of `{\n  "a": 1`.
        let document = "{\n  \"a\": 1\n}\n";
        insta::assert_snapshot!(seal(document, None));
        insta::assert_snapshot!(seal(document, Some(b"key")));
    }
}
