//! What is found as what is pushed.

use std::sync::Arc;

use super::image::SourceImage;
use super::problem::unreadable;
use crate::engine::EngineError;
use crate::engine::embedded::layer::{Content, Layer};
use crate::registry::{ImageParts, LayerContent, LayerPart, RegistryError};

impl SourceImage {
    /// The image as it is pushed; messages call it `place`.
    ///
    /// # Errors
    /// When its configuration or a layer is not there as it was made.
    pub(crate) fn parts(self, place: &str) -> Result<ImageParts, EngineError> {
        let Some(config) = self.config else {
            return Err(unreadable(place, "its configuration is not there"));
        };
        let layers = self.layers.into_iter().map(|layer| part(place, layer));
        Ok(ImageParts {
            place: place.to_owned(),
            config,
            layers: layers.collect::<Result<_, _>>()?,
            manifest: self.manifest,
        })
    }
}

fn part(place: &str, layer: Layer) -> Result<LayerPart, EngineError> {
    let content = match layer.content {
        Content::File {
            file,
            offset,
            length,
            ..
        } => LayerContent::File {
            file,
            offset,
            length,
        },
        Content::Remote { open, .. } => LayerContent::Open(Arc::new(move || {
            open().map_err(|error| match error {
                EngineError::Interrupted => RegistryError::Interrupted,
                error => RegistryError::Image(error.to_string()),
            })
        })),
        Content::Folder(path) => {
            let reason = format!("{} is no layer as it was made", path.display());
            return Err(unreadable(place, reason));
        }
    };
    Ok(LayerPart {
        diff_id: layer.diff_id,
        content,
    })
}
