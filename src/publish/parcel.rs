//! Images on their way to registries, step by step.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::attestation::{MEDIA_TYPE, PREDICATE, Statement};
use super::refusal::Refusal;
use crate::registry::{
    Artifact, Prepared, PushListener, Pushed, RegistryError, Target, Version, push,
};

/// Says of a bundle what it is about, as cosign's do.
const ABOUT: &str = "in-toto.io/predicate-type";

/// An image that is to be published.
#[derive(Debug)]
pub struct Parcel {
    /// The name of the image.
    pub name: String,
    /// Its bytes.
    pub prepared: Prepared,
    /// Where it goes, in the order of the registries.
    pub targets: Vec<Target>,
    /// What is said of it.
    pub statement: Statement,
}

impl Parcel {
    /// The digest of its manifest.
    pub fn digest(&self) -> String {
        self.prepared.manifest().digest.to_string()
    }
}

/// Why a tag is not set: it stands for something else in some registry.
///
/// # Errors
/// When a registry does not say what it stands for.
pub fn occupied(parcel: &Parcel, tag: &Version) -> Result<Option<Refusal>, RegistryError> {
    let wanted = &parcel.prepared.manifest().digest;
    for target in &parcel.targets {
        let name = target.repository.name();
        if let Some(found) = target.repository.digest_of(tag)?
            && found != *wanted
        {
            let message = format!(
                "{name}:{tag} is there with another digest, {found}; tags are not moved without \
                 --move-tags"
            );
            return Ok(Some(Refusal::Registry { message }));
        }
    }
    Ok(None)
}

/// Pushes one image to all of its repositories by its digest, where it is read back.
///
/// # Errors
/// The first that went wrong; the others are pushed to all the same.
pub fn send(
    parcel: &Parcel,
    listener: &Arc<dyn PushListener>,
) -> Result<Vec<Pushed>, RegistryError> {
    let pushed = push(&parcel.prepared, &parcel.targets, listener);
    let pushed: Vec<Pushed> = pushed.into_iter().collect::<Result<_, _>>()?;
    // The digest is the same because the bytes are; a registry that stores others is told here.
    let digest = &parcel.prepared.manifest().digest;
    for (target, found) in parcel.targets.iter().zip(&pushed) {
        if found.digest != *digest {
            return Err(RegistryError::Mismatch {
                place: target.repository.name().to_string(),
                what: "the manifest in the registry",
                expected: digest.clone(),
                found: found.digest.clone(),
            });
        }
    }
    Ok(pushed)
}

/// Attaches what is said of an image to it, in every registry.
///
/// # Errors
/// The first that went wrong.
pub fn attest(parcel: &Parcel) -> Result<(), RegistryError> {
    let payload = parcel.statement.to_json();
    let payload = payload.map_err(|error| RegistryError::Image(error.to_string()))?;
    let artifact = Artifact {
        artifact_type: MEDIA_TYPE.to_owned(),
        media_type: MEDIA_TYPE.to_owned(),
        payload: payload.into_bytes(),
        annotations: BTreeMap::from([(ABOUT.to_owned(), PREDICATE.to_owned())]),
    };
    for target in &parcel.targets {
        let subject = parcel.prepared.manifest();
        target.repository.attach_referrer(subject, &artifact)?;
    }
    Ok(())
}

/// Sets the tag in every registry, and reads it back. What has it already is left alone.
///
/// # Errors
/// The first that went wrong.
pub fn set_tag(parcel: &Parcel, tag: &Version) -> Result<(), RegistryError> {
    let manifest = parcel.prepared.manifest();
    for target in &parcel.targets {
        let repository = &target.repository;
        if repository.digest_of(tag)?.as_ref() != Some(&manifest.digest) {
            repository.put_manifest(tag, manifest)?;
        }
        repository.verify_pushed(tag, manifest)?;
    }
    Ok(())
}
