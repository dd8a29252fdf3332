//! SHA-256 digests in specs.

use std::fmt;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::yaml::{Context, Decode, Definitions, Describe, Node, text};

/// A SHA-256 digest, written as 64 hexadecimal digits, with or without `sha256:` in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sha256Digest(String);

impl Sha256Digest {
    /// The 64 digits, in lower case.
    pub fn hex(&self) -> &str {
        &self.0
    }
}

impl From<Sha256> for Sha256Digest {
    /// Of all that was hashed.
    fn from(hasher: Sha256) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digest: [u8; 32] = hasher.finalize().into();
        let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        Self(
            digits
                .map(|digit| char::from(DIGITS[usize::from(digit)]))
                .collect(),
        )
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Decode for Sha256Digest {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let text = node.scalar().unwrap_or_default();
        let hex = text.strip_prefix("sha256:").unwrap_or(text);
        if hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Some(Self(hex.to_ascii_lowercase()));
        }
        context.mismatch(node, "a SHA-256 digest (64 hexadecimal digits)")
    }
}

impl Describe for Sha256Digest {
    fn schema(_: &mut Definitions) -> Value {
        text("^(sha256:)?[0-9a-fA-F]{64}$", &[])
    }
}
