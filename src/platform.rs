//! Platforms: `os/architecture`, with a variant after a further slash.

use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::yaml::{Context, Decode, Definitions, Describe, Node, text};

/// A platform as the OCI image index writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform(pub String);

impl Decode for Platform {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let platform = String::decode(node, context)?;
        let parts: Vec<&str> = platform.split('/').collect();
        let word = |part: &&str| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        if (2..=3).contains(&parts.len()) && parts.iter().all(word) {
            return Some(Self(platform));
        }
        context.report(
            Diagnostic::new(&node.place, format!("`{platform}` is not a platform"))
                .help("write `os/architecture`, such as `linux/amd64` or `linux/arm64`"),
        );
        None
    }
}

impl Describe for Platform {
    fn schema(_: &mut Definitions) -> Value {
        let examples = ["linux/amd64", "linux/arm64"];
        text("^[a-z0-9]+(/[a-z0-9]+){1,2}$", &examples)
    }
}
