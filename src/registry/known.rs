//! Which repositories have a blob, as far as this run has seen: from them it can be mounted.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::digest::Digest;
use super::reference::RepositoryName;

/// What belongs to one manifest of one repository.
type ByImage<T> = HashMap<(RepositoryName, Digest), T>;

/// Shared by all repositories.
#[derive(Debug, Default)]
pub(super) struct Known {
    blobs: Mutex<HashMap<(String, Digest), BTreeSet<String>>>,
    lists: Mutex<ByImage<Arc<tokio::sync::Mutex<()>>>>,
}

impl Known {
    /// A repository has a blob.
    pub(super) fn note(&self, name: &RepositoryName, digest: &Digest) {
        let mut known = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        let places = known
            .entry((name.host.clone(), digest.clone()))
            .or_default();
        places.insert(name.path.clone());
    }

    /// Another repository of the same registry that has it.
    pub(super) fn elsewhere(&self, name: &RepositoryName, digest: &Digest) -> Option<String> {
        let known = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        let places = known.get(&(name.host.clone(), digest.clone()))?;
        places.iter().find(|path| **path != name.path).cloned()
    }

    /// Held by whoever changes a list of referrers, lest threads of one run overwrite each other's.
    pub(super) fn guard(
        &self,
        name: &RepositoryName,
        subject: &Digest,
    ) -> Arc<tokio::sync::Mutex<()>> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (name.clone(), subject.clone());
        Arc::clone(lists.entry(key).or_default())
    }
}
