//! What images of registries are called.

use std::fmt;

use super::digest::Digest;
use super::error::RegistryError;

/// What is taken where a reference has neither a tag nor a digest.
pub(crate) const DEFAULT_TAG: &str = "latest";
/// The registry of references that name none, as they call it.
pub(crate) const DOCKER_HUB: &str = "docker.io";

/// A repository of a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName {
    /// The host as it is written, with its port if there is one: `docker.io`, `localhost:5000`.
    pub host: String,
    /// The repository: `library/debian`.
    pub path: String,
}

/// An image of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryReference {
    /// Where it is.
    pub name: RepositoryName,
    /// Which image it is. A digest wins over a tag.
    pub version: Version,
}

/// Which image of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// What has this tag now.
    Tag(String),
    /// What has this digest of the manifest or index.
    Digest(Digest),
}

impl Version {
    /// A tag.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] when it can be none.
    pub fn tag(text: &str) -> Result<Self, RegistryError> {
        if is_tag(text) {
            return Ok(Self::Tag(text.to_owned()));
        }
        Err(wrong(text, TAG_RULE))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

const TAG_RULE: &str = "a tag has at most 128 letters, digits, `_`, `.` and `-`";

impl RepositoryName {
    /// Reads `HOST/REPOSITORY`, or a repository of Docker's registry without a host.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] when it can be none, or has a tag or a digest.
    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        let (_, last) = text.rsplit_once('/').unwrap_or(("", text));
        if last.contains([':', '@']) {
            return Err(wrong(text, "a repository has neither a tag nor a digest"));
        }
        Ok(RegistryReference::parse(text)?.name)
    }

    /// The same as engines name it among the digests of an image.
    pub(crate) fn familiar(&self) -> String {
        let familiar = match self.host.as_str() {
            DOCKER_HUB => self.path.strip_prefix("library/"),
            _ => return self.to_string(),
        };
        familiar.unwrap_or(&self.path).to_owned()
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

impl RegistryReference {
    /// Reads `[HOST/]REPOSITORY[:TAG][@DIGEST]`, as `docker pull` does.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] for what can be no reference; also for the id of an image,
    /// which no registry knows.
    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        let refuse = |why: &str| Err(wrong(text, why));
        if is_id(text) {
            return refuse("this is the id of an image, and registries know none");
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => match Digest::parse(digest) {
                Some(digest) => (name, Some(digest)),
                None => return refuse("a digest is `sha256:` and 64 digits in lower case"),
            },
            None => (text, None),
        };
        let (host, path) = match name.split_once('/') {
            Some((first, rest)) if is_host(first) => (first, rest),
            _ => (DOCKER_HUB, name),
        };
        let (path, tag) = match path.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (path, None),
        };
        let host = match host {
            "index.docker.io" | "registry-1.docker.io" => DOCKER_HUB,
            host => host,
        };
        if !is_sound_host(host) {
            return refuse("the host of a registry is a name or an address, and maybe a port");
        }
        if path.is_empty() || path.len() > 255 || !path.split('/').all(is_path_component) {
            return refuse("a repository has lower-case letters, digits and `.`, `_`, `-` between");
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return refuse(TAG_RULE);
        }
        let is_official = host == DOCKER_HUB && !path.contains('/');
        let version = match digest {
            Some(digest) => Version::Digest(digest),
            None => Version::Tag(tag.unwrap_or(DEFAULT_TAG).to_owned()),
        };
        let name = RepositoryName {
            host: host.to_owned(),
            path: if is_official {
                format!("library/{path}")
            } else {
                path.to_owned()
            },
        };
        Ok(Self { name, version })
    }
}

impl fmt::Display for RegistryReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        match &self.version {
            Version::Tag(tag) => write!(f, ":{tag}"),
            Version::Digest(digest) => write!(f, "@{digest}"),
        }
    }
}

/// Whether this is the id of an image, whole or cut short; names of 64 such digits are not allowed.
pub(crate) fn is_id(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:");
    let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    match digits {
        Some(digits) => (1..=64).contains(&digits.len()) && is_hex(digits),
        None => text.len() == 64 && is_hex(text),
    }
}

/// The first component of a name is a host if it can't be the name of a user.
fn is_host(text: &str) -> bool {
    text == "localhost" || text.contains(['.', ':']) || text.bytes().any(|b| b.is_ascii_uppercase())
}

fn is_sound_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => (
            address,
            port.strip_prefix(':').or(port.is_empty().then_some("0")),
        ),
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, Some("0")),
        },
    };
    let is_address = host.starts_with('[') && name.parse::<std::net::Ipv6Addr>().is_ok();
    let is_name = !name.is_empty()
        && name.split('.').all(|label| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        });
    (is_address || is_name) && port.is_some_and(|port| port.parse::<u16>().is_ok())
}

fn is_path_component(part: &str) -> bool {
    let is_inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    let ends = bytes.first().zip(bytes.last());
    ends.is_some_and(|(first, last)| is_inner(*first) && is_inner(*last))
        && bytes.iter().all(|b| is_inner(*b) || b"._-".contains(b))
}

fn is_tag(tag: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.bytes().next().is_some_and(is_word)
        && tag.len() <= 128
        && tag.bytes().all(|b| is_word(b) || b".-".contains(&b))
}

fn wrong(text: &str, why: &str) -> RegistryError {
    RegistryError::Configuration(format!("`{text}` names no image: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_have_no_tags() {
        let read = |text| RepositoryName::parse(text).map(|it| it.to_string());
        assert_eq!(read("gcr.io/a/b").unwrap(), "gcr.io/a/b");
        assert_eq!(read("localhost:5000/a").unwrap(), "localhost:5000/a");
        assert_eq!(read("debian").unwrap(), "docker.io/library/debian");
        let digest = format!("a/b@sha256:{}", "0".repeat(64));
        for text in ["gcr.io/a:1", &digest, "gcr.io/A", ""] {
            assert!(read(text).is_err(), "{text}");
        }
        for text in ["", "a b", ".x", &"x".repeat(129)] {
            assert!(Version::tag(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_familiar_as_engines_write_them() {
        let familiar = |text| RegistryReference::parse(text).unwrap().name.familiar();
        assert_eq!(familiar("debian:12"), "debian");
        assert_eq!(familiar("a/b"), "a/b");
        assert_eq!(familiar("localhost:5000/a"), "localhost:5000/a");
    }
}
