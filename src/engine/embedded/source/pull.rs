//! Images of registries: from a reference to an image. Its manifest and its configuration are fetched,
//! and of its layers it is only known how.

use std::sync::Arc;

use super::manifest::{Blob, Blobs, CONFIG_LIMIT, resolve};
use super::{Platform, SourceImage};
use crate::engine::EngineError;
use crate::engine::embedded::layer::{Content, Open};
use crate::registry::{
    Manifest, Registries, RegistryError, RegistryReference, Repository, Version,
};

/// Finds the image for `platform`.
///
/// # Errors
/// When there is none, or the registry does not give it.
pub(crate) fn pull(
    registries: &Registries,
    reference: &RegistryReference,
    platform: &Platform,
) -> Result<SourceImage, EngineError> {
    let repository = registries.of_image(reference).map_err(pulled)?;
    let first = repository.fetch(&reference.version).map_err(pulled)?;
    let blob = Blob {
        digest: first.digest.clone(),
        size: Some(first.bytes.len() as u64),
    };
    let digest = first.digest.clone();
    let mut image = resolve(&Pulled { repository, first }, blob, platform)?;
    image.repo_digests = vec![format!("{}@{digest}", reference.name.familiar())];
    Ok(image)
}

struct Pulled {
    repository: Repository,
    /// What the reference itself leads to.
    first: Manifest,
}

impl Blobs for Pulled {
    fn place(&self) -> String {
        self.repository.shown().to_owned()
    }

    fn manifest(&self, blob: &Blob) -> Result<Vec<u8>, EngineError> {
        if self.first.digest == blob.digest {
            return Ok(self.first.bytes.clone());
        }
        let version = Version::Digest(blob.digest.clone());
        let found = self.repository.fetch(&version).map_err(pulled)?;
        Ok(found.bytes)
    }

    fn config(&self, blob: &Blob) -> Result<Vec<u8>, EngineError> {
        let path = format!("blobs/{}", blob.digest);
        let found = self.repository.bytes("configuration", &path, CONFIG_LIMIT);
        found.map_err(pulled)
    }

    fn layer(&self, blob: &Blob) -> Result<Content, EngineError> {
        let Some(size) = blob.size else {
            let reason = format!("nothing says how large the layer {} is", blob.digest);
            return Err(pulled(self.repository.failed(reason)));
        };
        let repository = self.repository.clone();
        let digest = blob.digest.clone();
        let open: Arc<Open> =
            Arc::new(move || Ok(Box::new(repository.reader(&digest, size).map_err(pulled)?)));
        Ok(Content::Remote {
            open,
            digest: Some(blob.digest.clone()),
        })
    }
}

/// What a registry says, as an engine says it.
pub(super) fn pulled(error: RegistryError) -> EngineError {
    match error {
        RegistryError::Configuration(reason) => EngineError::Configuration(reason),
        RegistryError::Interrupted => EngineError::Interrupted,
        error => EngineError::Failed {
            step: "pull an image",
            reason: error.to_string(),
        },
    }
}
