//! Images on their way to registries, step by step.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::attached::COMMIT;
use super::attestation::{MEDIA_TYPE, PREDICATE, Statement};
use super::refusal::Refusal;
use crate::registry::{
    Artifact, Digest, Manifest, Prepared, PushListener, Pushed, RegistryError, Target, Version,
    push,
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
    /// The commit that it was made from, where that must be said beside the statement.
    pub commit: Option<String>,
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
pub fn occupied(
    targets: &[Target],
    wanted: &Digest,
    tag: &Version,
) -> Result<Option<Refusal>, RegistryError> {
    for target in targets {
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
    let mut annotations = BTreeMap::from([(ABOUT.to_owned(), PREDICATE.to_owned())]);
    if let Some(commit) = &parcel.commit {
        annotations.insert(COMMIT.to_owned(), commit.clone());
    }
    let artifact = Artifact {
        artifact_type: MEDIA_TYPE.to_owned(),
        media_type: MEDIA_TYPE.to_owned(),
        payload: payload.into_bytes(),
        annotations,
    };
    for target in &parcel.targets {
        let subject = parcel.prepared.manifest();
        target.repository.attach_referrer(subject, &artifact)?;
    }
    Ok(())
}

/// Puts a manifest or an index where `version` says, in every registry, and reads it back. What is there
/// already is left alone. All that it points to must be there before.
///
/// # Errors
/// The first that went wrong.
pub fn put_everywhere(
    targets: &[Target],
    manifest: &Manifest,
    version: &Version,
) -> Result<(), RegistryError> {
    for target in targets {
        let repository = &target.repository;
        if repository.digest_of(version)?.as_ref() != Some(&manifest.digest) {
            repository.put_manifest(version, manifest)?;
        }
        repository.verify_pushed(version, manifest)?;
    }
    Ok(())
}
