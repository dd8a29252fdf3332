//! An image as it was found.

use super::config::Config;
use crate::engine::docker::Kept;
use crate::engine::embedded::layer::{Digest, Layer};
use crate::engine::{EngineError, HistoryStep, Image};
use crate::registry::Manifest;

/// An image whose configuration and manifest are checked, and whose layers wait to be unpacked.
pub(crate) struct SourceImage {
    /// The image id: the digest of the configuration, or what an engine calls the image.
    pub(crate) id: Digest,
    /// The configuration, byte for byte; `None` where only an engine has told of it.
    pub(crate) config: Option<Vec<u8>>,
    /// Its layers, the lowest first.
    pub(crate) layers: Vec<Layer>,
    /// `repository@digest` for each registry that it is known to be in.
    pub(crate) repo_digests: Vec<String>,
    /// Its manifest, if there is one.
    pub(crate) manifest: Option<Manifest>,
    pub(super) description: Description,
    /// What tells whether the folders of its layers are still there, where they are an engine's own.
    pub(crate) kept: Option<Kept>,
}

/// What is known of an image beside its layers.
pub(super) enum Description {
    /// From its configuration.
    Config(Box<Config>),
    /// From an engine.
    Engine {
        image: Box<Image>,
        history: Vec<HistoryStep>,
    },
}

impl SourceImage {
    /// An image that was found before: its id, its configuration, and its layers.
    ///
    /// # Errors
    /// When the configuration is none.
    pub(crate) fn recorded(
        place: &str,
        id: Digest,
        config: Vec<u8>,
        layers: Vec<Layer>,
    ) -> Result<Self, EngineError> {
        let read = Config::read(place, &config)?;
        Ok(Self {
            id,
            config: Some(config),
            layers,
            repo_digests: Vec::new(),
            manifest: None,
            description: Description::Config(Box::new(read)),
            kept: None,
        })
    }

    /// The image as checks see it. `sizes` are those of its layers in bytes, the lowest first.
    pub(crate) fn image(&self, reference: &str, sizes: &[u64]) -> Image {
        match &self.description {
            Description::Config(config) => Image {
                reference: reference.to_owned(),
                id: self.id.to_string(),
                repo_digests: self.repo_digests.clone(),
                size: Some(sizes.iter().sum()),
                layers: Some(self.layers.len()),
                author: config.author.clone(),
                config: config.image_config(),
            },
            Description::Engine { image, .. } => Image {
                reference: reference.to_owned(),
                ..(**image).clone()
            },
        }
    }

    /// How it came to be, from the last step to the first.
    pub(crate) fn history(&self, sizes: &[u64]) -> Vec<HistoryStep> {
        match &self.description {
            Description::Config(config) => config.history(sizes),
            Description::Engine { history, .. } => history.clone(),
        }
    }
}
