//! What a user may write for an image. The transports have the names that skopeo gives them.

use std::path::{Path, PathBuf};

use super::pull::pulled;
use crate::engine::EngineError;
use crate::registry::{DEFAULT_TAG, Digest, RegistryReference, is_id};

/// An image and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reference {
    /// `oci:PATH[:TAG]`, `oci:PATH@DIGEST`: a folder with an OCI image layout.
    Layout(PathBuf, LayoutTag),
    /// `oci-archive:PATH[:TAG]`, `oci-archive:PATH@DIGEST`: such a folder as a tar.
    LayoutArchive(PathBuf, LayoutTag),
    /// `docker-archive:PATH[:REFERENCE]`: what `docker save` writes.
    DockerArchive(PathBuf, Option<String>),
    /// `docker-daemon:REFERENCE`: an image of the local engine.
    Daemon(String),
    /// `docker://REFERENCE`: an image of a registry.
    Registry(RegistryReference),
    /// A name or an id alone: of the local engine if it has it, otherwise of a store or a registry.
    Plain(String),
}

/// Which image of a layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LayoutTag {
    /// The only one.
    Only,
    /// That of this name.
    Named(String),
    /// That with this digest of the manifest or index.
    Digest(Digest),
}

impl Reference {
    /// Reads what a user wrote. Paths are relative to `root`.
    ///
    /// # Errors
    /// What can be no reference.
    pub(crate) fn parse(text: &str, root: &Path) -> Result<Self, EngineError> {
        let refuse = |why: &str| Err(wrong(text, why));
        let Some((transport, rest)) = text.split_once(':') else {
            return plain(text);
        };
        match transport {
            "oci" | "oci-archive" => {
                let (path, tag) = layout_tag(rest);
                if path.is_empty() {
                    return refuse("a path comes after the colon");
                }
                let path = root.join(path);
                Ok(if transport == "oci" {
                    Self::Layout(path, tag)
                } else {
                    Self::LayoutArchive(path, tag)
                })
            }
            "docker-archive" => {
                let (path, name) = match rest.split_once(':') {
                    Some((path, name)) => (path, Some(name.to_owned())),
                    None => (rest, None),
                };
                if path.is_empty() {
                    return refuse("a path comes after the colon");
                }
                Ok(Self::DockerArchive(root.join(path), name))
            }
            "docker-daemon" if rest.is_empty() => refuse("a name or an id comes after the colon"),
            "docker-daemon" => Ok(Self::Daemon(rest.to_owned())),
            "docker" if rest.starts_with("//") => RegistryReference::parse(&rest[2..])
                .map(Self::Registry)
                .map_err(pulled),
            _ if rest.starts_with("//") || transport == "containers-storage" => refuse(
                "an image is a name, or begins with oci:, oci-archive:, docker-archive:, \
                 docker-daemon: or docker://",
            ),
            _ => plain(text),
        }
    }
}

/// A reference of an archive of Docker as it stands in one: with a tag, without Docker's registry.
pub(super) fn familiar_name(name: &str) -> String {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    let name = name.strip_prefix("library/").unwrap_or(name);
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains([':', '@']) {
        name.to_owned()
    } else {
        format!("{name}:{DEFAULT_TAG}")
    }
}

fn plain(text: &str) -> Result<Reference, EngineError> {
    if !is_id(text) {
        // Whoever asks an engine for it has its own errors, but this one it would not explain.
        RegistryReference::parse(text).map_err(pulled)?;
    }
    Ok(Reference::Plain(text.to_owned()))
}

fn layout_tag(rest: &str) -> (&str, LayoutTag) {
    if let Some((path, digest)) = rest.rsplit_once('@')
        && let Some(digest) = Digest::parse(digest)
    {
        return (path, LayoutTag::Digest(digest));
    }
    match rest.split_once(':') {
        Some((path, tag)) if !tag.is_empty() => (path, LayoutTag::Named(tag.to_owned())),
        Some((path, _)) => (path, LayoutTag::Only),
        None => (rest, LayoutTag::Only),
    }
}

fn wrong(text: &str, why: &str) -> EngineError {
    EngineError::Configuration(format!("`{text}` names no image: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

    fn shown(text: &str) -> String {
        match Reference::parse(text, Path::new("/root")) {
            Ok(Reference::Registry(reference)) => format!("registry {reference}"),
            Ok(other) => format!("{other:?}").replace(HEX, "HEX"),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn each_transport_is_read() {
        let digest = format!("sha256:{HEX}");
        let table = [
            ("oci:a/b", r#"Layout("/root/a/b", Only)"#.to_owned()),
            ("oci:/a:1.0", r#"Layout("/a", Named("1.0"))"#.to_owned()),
            (
                "oci:a:x.io/y:1",
                r#"Layout("/root/a", Named("x.io/y:1"))"#.to_owned(),
            ),
            (
                "oci:a@DIGEST",
                r#"Layout("/root/a", Digest(Digest("sha256:HEX")))"#.to_owned(),
            ),
            ("oci:a@b", r#"Layout("/root/a@b", Only)"#.to_owned()),
            (
                "oci-archive:a.tar:t",
                r#"LayoutArchive("/root/a.tar", Named("t"))"#.to_owned(),
            ),
            (
                "docker-archive:a.tar",
                r#"DockerArchive("/root/a.tar", None)"#.to_owned(),
            ),
            (
                "docker-archive:a.tar:wham:1",
                r#"DockerArchive("/root/a.tar", Some("wham:1"))"#.to_owned(),
            ),
            ("docker-daemon:wham:1", r#"Daemon("wham:1")"#.to_owned()),
            ("wham", r#"Plain("wham")"#.to_owned()),
            ("wham:1", r#"Plain("wham:1")"#.to_owned()),
            (
                "localhost:5000/wham",
                r#"Plain("localhost:5000/wham")"#.to_owned(),
            ),
            ("DIGEST", r#"Plain("sha256:HEX")"#.to_owned()),
            (
                "docker://debian",
                "registry docker.io/library/debian:latest".to_owned(),
            ),
            ("docker://a/b:c", "registry docker.io/a/b:c".to_owned()),
            (
                "docker://index.docker.io/a/b",
                "registry docker.io/a/b:latest".to_owned(),
            ),
            (
                "docker://localhost/b",
                "registry localhost/b:latest".to_owned(),
            ),
            (
                "docker://[::1]:5000/b:1",
                "registry [::1]:5000/b:1".to_owned(),
            ),
            (
                "docker://gcr.io/a/b/c:1@DIGEST",
                format!("registry gcr.io/a/b/c@{digest}"),
            ),
        ];
        for (text, expected) in table {
            assert_eq!(shown(&text.replace("DIGEST", &digest)), expected, "{text}");
        }
    }

    #[test]
    fn what_names_no_image_says_why() {
        let table = [
            ("oci:", "a path comes"),
            ("docker-archive::x", "a path comes"),
            ("docker-daemon:", "a name or an id"),
            ("https://gcr.io/a", "begins with oci:"),
            ("containers-storage:a", "begins with oci:"),
            ("docker://", "a repository has"),
            ("docker://gcr.io/Upper", "a repository has"),
            ("docker://a/../b", "a repository has"),
            ("docker://a:b c", "a tag has"),
            ("docker://a@sha256:12", "a digest is"),
            ("docker://host:port/x", "the host of a registry"),
            ("docker://user@evil.io:1/x", "a digest is"),
            ("docker://sha256:12ab", "the id of an image"),
            ("", "a repository has"),
        ];
        for (text, expected) in table {
            let said = shown(text);
            assert!(
                said.starts_with("error: ") && said.contains(expected),
                "{text}: {said}"
            );
        }
    }

    #[test]
    fn names_are_familiar_as_engines_write_them() {
        let table = [
            ("wham", "wham:latest"),
            ("docker.io/library/wham:1", "wham:1"),
            ("localhost:5000/wham", "localhost:5000/wham:latest"),
        ];
        for (name, expected) in table {
            assert_eq!(familiar_name(name), expected);
        }
    }
}
