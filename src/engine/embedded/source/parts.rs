//! What is found as what is pushed.

use std::sync::Arc;

use super::image::SourceImage;
use super::problem::unreadable;
use crate::engine::EngineError;
use crate::engine::embedded::layer::{Content, Layer, Part};
use crate::registry::{ImageParts, LayerPart, OpenLayer, RegistryError};

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
    let (open, file): (Arc<OpenLayer>, _) = match layer.content {
        Content::File {
            file,
            offset,
            length,
            ..
        } => {
            let ours = Arc::clone(&file);
            let open = move || Ok(Box::new(Part::new(Arc::clone(&ours), offset, length)) as Box<_>);
            (Arc::new(open), Some((file, offset, length)))
        }
        Content::Remote { open, .. } => {
            let open = move || {
                open().map_err(|error| match error {
                    EngineError::Interrupted => RegistryError::Interrupted,
                    error => RegistryError::Image(error.to_string()),
                })
            };
            (Arc::new(open), None)
        }
        Content::Folder(path) => {
            let reason = format!("{} is no layer as it was made", path.display());
            return Err(unreadable(place, reason));
        }
    };
    Ok(LayerPart {
        diff_id: layer.diff_id,
        open,
        file,
    })
}
