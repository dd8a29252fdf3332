//! What is published: each entry of the lists, as the registries have it.

use serde::Serialize;

use super::attached::statements;
use super::attestation::{Outcome, Resource, Statement};
use super::published_index::{PlatformState, look_into};
use super::vouch::{Wanted, vouched};
use crate::platform::Platform;
use crate::registry::{Registries, RegistryError, RegistryReference, RepositoryName};

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
    /// What is found for each platform, where the image is made for several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<PlatformState>,
    /// What is wrong, with any of its platforms too; nothing if all is well.
    pub problems: Vec<String>,
}

/// What a published image must be.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// What it is made for; an index if these are several.
    pub platforms: &'a [Platform],
    /// The specs that have its checks now.
    pub specs: &'a [Resource],
    /// The whole names of its checks now.
    pub checks: &'a [String],
}

impl<'a> Expected<'a> {
    /// Whether it is published as an index of platforms.
    pub fn is_index(&self) -> bool {
        self.platforms.len() > 1
    }

    /// What the manifest with this digest must be vouched for by.
    pub(super) fn of(&self, digest: &'a str) -> Wanted<'a> {
        Wanted {
            digest,
            specs: self.specs,
            checks: self.checks,
        }
    }
}

/// Looks up one reference, and fills in what is found.
///
/// # Errors
/// When the registry can't be asked. What it answers is never an error.
pub fn look_up(
    entry: &mut Entry,
    registries: &Registries,
    repository: &str,
    expected: Expected<'_>,
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
    entry.digest = Some(digest.clone());
    if expected.is_index() {
        return look_into(entry, &place, &manifest, expected);
    }
    let attached = statements(&place, &manifest.digest)?.into_iter();
    let statements: Vec<Statement> = attached.map(|it| it.statement).collect();
    match vouched(&statements, &expected.of(&digest)) {
        Ok(outcome) => entry.result = Some(outcome),
        Err(why) => entry.problems.push(why),
    }
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
