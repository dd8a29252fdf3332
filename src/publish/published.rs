//! What is published: each entry of the lists, as the registries have it.

use serde::Serialize;

use super::attestation::{MEDIA_TYPE, Outcome, Statement};
use super::vouch::{Wanted, vouched};
use crate::registry::{
    Digest, Registries, RegistryError, RegistryReference, Repository, RepositoryName,
};

/// Statements are small.
const STATEMENT_LIMIT: u64 = 4 << 20;

/// An entry of a list, and what is found there.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// The image.
    pub image: String,
    /// The registry.
    pub registry: String,
    /// The key in its list.
    pub key: String,
    /// What the list says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What it leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What the test result attached to it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Outcome>,
    /// What is wrong; nothing if all is well.
    pub problems: Vec<String>,
}

/// Looks up one reference, and fills in what is found.
///
/// # Errors
/// When the registry can't be asked. What it answers is never an error.
pub fn look_up(
    entry: &mut Entry,
    registries: &Registries,
    repository: &str,
    specs: &[super::attestation::Resource],
    checks: &[String],
) -> Result<(), RegistryError> {
    let Some(said) = &entry.reference else {
        let problem = format!("the list has no key `{}`", entry.key);
        entry.problems.push(problem);
        return Ok(());
    };
    let parsed = match RegistryReference::parse(said) {
        Ok(parsed) => parsed,
        Err(error) => {
            entry.problems.push(error.to_string());
            return Ok(());
        }
    };
    let wanted = RepositoryName::parse(repository)?;
    if parsed.name != wanted {
        let problem = format!("`{said}` is not in {wanted}");
        entry.problems.push(problem);
    }
    let place = registries.repository(&parsed.name)?;
    let found = match place.manifest(&parsed.version) {
        Ok(found) => found,
        Err(error @ RegistryError::Mismatch { .. }) => {
            entry.problems.push(error.to_string());
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let Some(manifest) = found else {
        let problem = format!("there is no {said}");
        entry.problems.push(problem);
        return Ok(());
    };
    let digest = manifest.digest.to_string();
    let statements = statements(&place, &manifest.digest)?;
    let wanted = Wanted {
        digest: &digest,
        specs,
        checks,
    };
    match vouched(&statements, &wanted) {
        Ok(outcome) => entry.result = Some(outcome),
        Err(why) => entry.problems.push(why),
    }
    entry.digest = Some(digest);
    Ok(())
}

/// Says of each entry whose digest is another than that of the same image elsewhere.
pub fn compare(entries: &mut [Entry]) {
    for at in 0..entries.len() {
        let (image, digest) = (entries[at].image.clone(), entries[at].digest.clone());
        let first = entries[..at]
            .iter()
            .find(|it| it.image == image && it.digest.is_some());
        if let (Some(first), Some(digest)) = (first, digest)
            && first.digest.as_ref() != Some(&digest)
        {
            let problem = format!(
                "it is not the image of {}: {} there, and {digest} here",
                first.registry,
                first.digest.as_deref().unwrap_or_default()
            );
            entries[at].problems.push(problem);
        }
    }
}

/// The statements attached to a manifest. What can't be read as one is none.
fn statements(place: &Repository, subject: &Digest) -> Result<Vec<Statement>, RegistryError> {
    let mut found = Vec::new();
    for referrer in place.referrers(subject, Some(MEDIA_TYPE))? {
        let version = crate::registry::Version::Digest(referrer.digest);
        let manifest = match place.manifest(&version) {
            Ok(Some(manifest)) => manifest,
            Ok(None) | Err(RegistryError::Mismatch { .. }) => continue,
            Err(error) => return Err(error),
        };
        let Some(digest) = payload(&manifest.bytes, subject) else {
            continue;
        };
        match place.blob(&digest, STATEMENT_LIMIT) {
            Ok(Some(bytes)) => found.extend(serde_json::from_slice::<Statement>(&bytes).ok()),
            Ok(None) | Err(RegistryError::Mismatch { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The only layer of an artifact that belongs to `subject`.
fn payload(manifest: &[u8], subject: &Digest) -> Option<Digest> {
    let manifest: serde_json::Value = serde_json::from_slice(manifest).ok()?;
    let about = manifest["subject"]["digest"].as_str()?;
    let [layer] = manifest["layers"].as_array()?.as_slice() else {
        return None;
    };
    (about == subject.as_str()).then(|| Digest::parse(layer["digest"].as_str()?))?
}
