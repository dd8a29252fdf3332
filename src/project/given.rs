//! What a build may use besides its context.

use std::path::PathBuf;

/// What a build may use besides its context and its arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// What `RUN --mount=type=secret` can read.
    pub secrets: Vec<Secret>,
    /// What `RUN --mount=type=ssh` can use: `ID` of the caller's agent, or `ID=PATH`.
    pub ssh: Vec<String>,
    /// Where layers may be taken from in place of building them: images, or BuildKit's `type=…`.
    pub cache_from: Vec<String>,
    /// Where layers are kept for others: `inline`, or BuildKit's `type=…`.
    pub cache_to: Vec<String>,
    /// The platform to build for; what the builder does by default if not said.
    pub platform: Option<String>,
}

/// A secret. Its value is nowhere here: whoever builds reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// What a Dockerfile calls it.
    pub id: String,
    /// Where its value is.
    pub source: SecretSource,
}

/// Where the value of a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// In this variable of the caller.
    Env(String),
    /// In this file.
    File(PathBuf),
}

impl Secret {
    /// The value of the flag `--secret`, as BuildKit's clients and buildah read it.
    pub(crate) fn flag(&self) -> String {
        match &self.source {
            SecretSource::Env(name) => format!("id={},env={name}", self.id),
            SecretSource::File(path) => format!("id={},src={}", self.id, path.display()),
        }
    }
}

impl Inputs {
    /// Whether layers are kept in the image itself, for other builds.
    pub(crate) fn keeps_inline(&self) -> bool {
        let is_inline = |said: &String| ["inline", "type=inline"].contains(&said.as_str());
        self.cache_to.iter().any(is_inline)
    }

    /// The images that layers may be taken from.
    pub(crate) fn cache_images(&self) -> Vec<String> {
        let images = self.cache_from.iter().filter(|said| !is_typed(said));
        images.cloned().collect()
    }

    /// Where layers are kept for others that are not the image itself.
    pub(crate) fn typed_cache_to(&self) -> Vec<String> {
        let typed = self
            .cache_to
            .iter()
            .filter(|said| is_typed(said) && *said != "type=inline");
        typed.cloned().collect()
    }

    /// Whether there are caches of which only BuildKit's newer clients know.
    pub(crate) fn has_typed_caches(&self) -> bool {
        let mut caches = self.cache_from.iter().chain(&self.cache_to);
        caches.any(|said| is_typed(said) && said != "type=inline")
    }
}

/// Whether it is one of BuildKit's own words, and no image.
fn is_typed(cache: &str) -> bool {
    cache.starts_with("type=")
}
