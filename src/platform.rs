//! Platforms: `os/architecture`, with a variant after a further slash.

use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::yaml::{Context, Decode, Definitions, Describe, Node, text};

/// A platform as the OCI image index writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform(pub String);

impl Platform {
    /// Reads `os/architecture` or `os/architecture/variant`; `None` if it is not that.
    pub fn read(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let is_word = |part: &&str| {
            let mut chars = part.chars();
            !part.is_empty() && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        let is_whole = (2..=3).contains(&parts.len()) && parts.iter().all(is_word);
        is_whole.then(|| Self(text.to_owned()))
    }

    /// What this program runs on.
    pub fn host() -> Self {
        Self(match machine() {
            (architecture, "") => format!("linux/{architecture}"),
            (architecture, variant) => format!("linux/{architecture}/{variant}"),
        })
    }
}

/// The architecture of this machine and its variant, in Go's spelling; empty if it has none.
pub(crate) fn machine() -> (&'static str, &'static str) {
    match std::env::consts::ARCH {
        "x86_64" => ("amd64", ""),
        "x86" => ("386", ""),
        "aarch64" => ("arm64", ""),
        "arm" => ("arm", "v7"),
        "powerpc64" => ("ppc64le", ""),
        "loongarch64" => ("loong64", ""),
        other => (other, ""),
    }
}

impl Decode for Platform {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let platform = String::decode(node, context)?;
        if let Some(read) = Self::read(&platform) {
            return Some(read);
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
