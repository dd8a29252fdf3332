//! Versions that tools are pinned to.

use crate::version::{Version, VersionRequirement, upstream};
use crate::yaml::{Context, Decode, Definitions, Describe, Node, text};
use serde_json::Value;

/// What the version of a tool must be: a requirement, or a version as a package manager writes it.
///
/// Tools know nothing of packaging: one that was installed as `1.16.1-1` or `1:2.30.0+dfsg-3` says
/// that it is 1.16.1 or 2.30.0, and that is what such a pin means.
#[derive(Debug, Clone)]
pub struct Pin {
    requirement: VersionRequirement,
    /// The version without its packaging, if the pin is nothing but a version.
    upstream: Option<Version>,
}

impl Pin {
    /// Whether the version is as it must be.
    pub fn allows(&self, version: &Version) -> bool {
        self.requirement.allows(version) || self.upstream.as_ref() == Some(version)
    }
}

impl std::fmt::Display for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.requirement.fmt(f)
    }
}

impl Decode for Pin {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let text = String::decode(node, context)?;
        let text = text.trim();
        let is_version =
            text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains([',', '|', '*']);
        // An epoch is no part of any version that a requirement knows.
        let (_, without_epoch) = text
            .split_once(':')
            .filter(|_| is_version)
            .unwrap_or(("", text));
        let node = Node {
            kind: crate::yaml::Kind::Scalar {
                text: without_epoch.to_owned(),
                plain: false,
            },
            place: node.place.clone(),
        };
        let requirement = VersionRequirement::decode(&node, context)?;
        let upstream = is_version.then(|| Version::parse(upstream(text))).flatten();
        Some(Self {
            requirement,
            upstream,
        })
    }
}

impl Describe for Pin {
    fn schema(_: &mut Definitions) -> Value {
        text("", &[">=1.16, <2", "${{ image.arg.SAMTOOLS_VERSION }}"])
    }
}
