//! Images as they are pushed.

use std::path::Path;

use super::buildah::export;
use super::images::{Library, is_remote};
use super::source::{Platform, Reference, SourceImage, exported, load, pull};
use super::store::StoreError;
use crate::engine::{Engine, EngineError, Image};
use crate::registry::{Digest, ImageParts, RegistryReference};

const GIVE: &str = "give an image away";

impl Library {
    /// The very image that was found before, and the digest that its configuration must have.
    pub(super) fn parts(
        &self,
        image: &Image,
        folder: &Path,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<(ImageParts, Digest), EngineError> {
        let platform = Platform::host();
        let name = &image.reference;
        let found = match Reference::parse(name, &self.root)? {
            Reference::Registry(reference) => pull(&self.registries, &reference, &platform)?,
            Reference::Daemon(_) => match self.daemon.get()? {
                Some(docker) => return exported(docker, image, folder),
                None => return Err(failed(format!("`{name}` is of an engine that is gone"))),
            },
            Reference::Plain(_) => {
                if let Some(docker) = self.daemon.get()? {
                    match docker.image(&image.id) {
                        Ok(_) => return exported(docker, image, folder),
                        Err(EngineError::NoSuchImage { .. }) => {}
                        Err(error) => return Err(error),
                    }
                }
                match self.built_parts(image, &platform, is_stopped)? {
                    Some(found) => found,
                    None => match RegistryReference::parse(name) {
                        Ok(reference) if is_remote(name) => {
                            pull(&self.registries, &reference, &platform)?
                        }
                        _ => {
                            return Err(EngineError::ImageGone {
                                reference: name.clone(),
                            });
                        }
                    },
                }
            }
            files => load(&files, &platform)?.ok_or_else(|| EngineError::ImageGone {
                reference: name.clone(),
            })?,
        };
        let id = found.id.clone();
        if id.to_string() != image.id {
            let found = format!("`{name}` was {}, and is {id} now", image.id);
            return Err(failed(found));
        }
        Ok((found.parts(name)?, id))
    }

    /// An image that was built here.
    fn built_parts(
        &self,
        image: &Image,
        platform: &Platform,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Option<SourceImage>, EngineError> {
        let Some(id) = Digest::parse(&image.id) else {
            return Ok(None);
        };
        let record = self.store.image(&id).map_err(StoreError::into_engine)?;
        if record.is_none() {
            return Ok(None);
        }
        export(self.store.folder(), &id, is_stopped, |layout| {
            let reference = format!("oci:{}", layout.display());
            let reference = Reference::parse(&reference, &self.root)?;
            let mut found = load(&reference, platform)?;
            // How it is compressed there is nobody's business.
            if let Some(found) = &mut found {
                found.manifest = None;
            }
            Ok(found)
        })
    }
}

fn failed(reason: String) -> EngineError {
    EngineError::Failed { step: GIVE, reason }
}
