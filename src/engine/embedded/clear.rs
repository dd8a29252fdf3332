//! The store as people see it: what it holds, and how it is emptied.

use std::path::{Path, PathBuf};

use super::EmbeddedEngine;
use super::buildah;
use super::store::StoreError;
use crate::engine::EngineError;

/// What a store holds.
#[derive(Debug, Clone)]
pub struct StoreState {
    /// Its folder.
    pub folder: PathBuf,
    /// How many unpacked layers it has.
    pub layers: usize,
    /// About how many bytes they take.
    pub bytes: u64,
    /// How many bytes are free where it is.
    pub free: u64,
}

/// What became of emptying a store.
#[derive(Debug, Clone, Default)]
pub struct StoreCleared {
    /// About how many bytes were freed; what buildah kept is not counted.
    pub freed: u64,
    /// How many layers were removed.
    pub removed: usize,
    /// How many layers stay because a run uses them.
    pub in_use: usize,
    /// Whether what buildah keeps stays because a run builds.
    pub builds: bool,
    /// What could not be removed, and why.
    pub failed: Vec<String>,
}

impl EmbeddedEngine {
    /// What the store holds.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn store_state(&self) -> Result<StoreState, EngineError> {
        let store = &self.library.store;
        let (layers, bytes) = store.room().map_err(StoreError::into_engine)?;
        let folder = store.folder().to_owned();
        Ok(StoreState {
            layers,
            bytes,
            free: free(&folder),
            folder,
        })
    }

    /// Removes all of the store that no run uses.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn clear_store(&self) -> Result<StoreCleared, EngineError> {
        let library = &self.library;
        let cleared = library.store.clear(&library.hands);
        let cleared = cleared.map_err(StoreError::into_engine)?;
        let mut failed = cleared.failed;
        let cleared_builds = buildah::clear(library.store.folder());
        let builds = cleared_builds.map_or_else(
            |error| {
                failed.push(format!("what buildah keeps: {error}"));
                false
            },
            |is_clear| !is_clear,
        );
        Ok(StoreCleared {
            freed: cleared.freed,
            removed: cleared.removed.len(),
            in_use: cleared.in_use.len(),
            builds,
            failed,
        })
    }
}

fn free(folder: &Path) -> u64 {
    rustix::fs::statvfs(folder).map_or(0, |found| found.f_bavail.saturating_mul(found.f_frsize))
}
