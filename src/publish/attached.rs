//! What is attached to a manifest in a registry.

use super::attestation::{MEDIA_TYPE, Statement};
use crate::registry::{Digest, RegistryError, Repository, Version};

/// Statements are small.
const STATEMENT_LIMIT: u64 = 4 << 20;
/// Names the commit that an image was made from (OCI image spec, "Annotations").
pub(super) const COMMIT: &str = "org.opencontainers.image.revision";

/// A statement, and what stands beside it.
#[derive(Debug)]
pub(super) struct Attached {
    pub(super) statement: Statement,
    /// The commit that the image was made from, where that is said.
    pub(super) commit: Option<String>,
}

/// The statements attached to a manifest. What can't be read as one is none.
///
/// # Errors
/// When the registry can't be asked.
pub(super) fn statements(
    place: &Repository,
    subject: &Digest,
) -> Result<Vec<Attached>, RegistryError> {
    let mut found = Vec::new();
    for referrer in place.referrers(subject, Some(MEDIA_TYPE))? {
        let version = Version::Digest(referrer.digest);
        let manifest = match place.manifest(&version) {
            Ok(Some(manifest)) => manifest,
            Ok(None) | Err(RegistryError::Mismatch { .. }) => continue,
            Err(error) => return Err(error),
        };
        let Some((digest, commit)) = payload(&manifest.bytes, subject) else {
            continue;
        };
        match place.blob(&digest, STATEMENT_LIMIT) {
            Ok(Some(bytes)) => {
                let statement = serde_json::from_slice::<Statement>(&bytes).ok();
                found.extend(statement.map(|statement| Attached { statement, commit }));
            }
            Ok(None) | Err(RegistryError::Mismatch { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The only layer of an artifact that belongs to `subject`, and the commit that it names.
fn payload(manifest: &[u8], subject: &Digest) -> Option<(Digest, Option<String>)> {
    let manifest: serde_json::Value = serde_json::from_slice(manifest).ok()?;
    let about = manifest["subject"]["digest"].as_str()?;
    let [layer] = manifest["layers"].as_array()?.as_slice() else {
        return None;
    };
    let commit = manifest["annotations"][COMMIT].as_str();
    let digest = Digest::parse(layer["digest"].as_str()?)?;
    (about == subject.as_str()).then(|| (digest, commit.map(str::to_owned)))
}
