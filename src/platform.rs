//! Platforms: `os/architecture`, with a variant after a further slash.

use std::fmt;

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

    /// What it says: the system, the architecture, and the variant, which may be empty.
    pub fn parts(&self) -> (&str, &str, &str) {
        let mut parts = self.0.splitn(3, '/');
        let mut next = || parts.next().unwrap_or_default();
        (next(), next(), next())
    }

    /// Whether it is the platform of these words. An empty variant is the usual one of the architecture.
    pub fn is(&self, os: &str, architecture: &str, variant: &str) -> bool {
        let (own_os, own_architecture, own_variant) = self.parts();
        let plain = |variant: &str| match variant {
            "" => usual_variant(architecture).to_owned(),
            variant => variant.to_owned(),
        };
        (own_os, own_architecture) == (os, architecture) && plain(own_variant) == plain(variant)
    }

    /// Whether both are the same, however they are written: `linux/arm64` is `linux/arm64/v8`.
    pub fn is_same(&self, other: &Self) -> bool {
        let (os, architecture, variant) = other.parts();
        self.is(os, architecture, variant)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The variant that is meant where none is said.
pub(crate) fn usual_variant(architecture: &str) -> &'static str {
    match architecture {
        "amd64" => "v1",
        "arm64" => "v8",
        "arm" => "v7",
        _ => "",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_is_the_same_with_its_usual_variant() {
        let table = [
            ("linux/amd64", "linux/amd64", true),
            ("linux/amd64", "linux/arm64", false),
            ("linux/amd64", "windows/amd64", false),
            ("linux/arm64", "linux/arm64/v8", true),
            ("linux/arm64/v8", "linux/arm64", true),
            ("linux/arm64", "linux/arm64/v9", false),
            ("linux/arm", "linux/arm/v7", true),
            ("linux/arm/v6", "linux/arm", false),
            ("linux/amd64", "linux/amd64/v3", false),
            ("linux/s390x", "linux/s390x", true),
        ];
        for (one, other, expected) in table {
            let [one, other] = [one, other].map(|text| Platform(text.to_owned()));
            assert_eq!(one.is_same(&other), expected, "{one} {other}");
        }
        let platform = Platform("linux/amd64".to_owned());
        // What says nothing is no platform.
        assert!(!platform.is("", "", "") && !platform.is("linux", "", ""));
    }
}
