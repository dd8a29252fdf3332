//! Builds that begin only where there is room for what they make.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::build::{BuildError, BuildListener, Builder, Built, Job};
use crate::engine::EngineError;
use crate::spec::human;

/// A builder that looks before each build how much room there is.
pub(super) struct Roomy {
    inner: Arc<dyn Builder>,
    /// How many bytes must be free.
    least: u64,
    folder: OnceLock<Option<PathBuf>>,
}

impl Roomy {
    pub(super) fn new(inner: Arc<dyn Builder>, least: u64) -> Self {
        Self {
            inner,
            least,
            folder: OnceLock::new(),
        }
    }

    fn check(&self) -> Result<(), BuildError> {
        let folder = self.folder.get_or_init(|| self.inner.storage());
        let free = folder.as_deref().and_then(free);
        match (folder, free) {
            (Some(folder), Some(free)) if free < self.least => Err(BuildError::NoSpace(format!(
                "{} are free in {}, where images are kept, and no build begins with less than {}: make room there \
                 (--prune-after-each removes what is tested), or say another --min-free",
                human(free),
                folder.display(),
                human(self.least)
            ))),
            _ => Ok(()),
        }
    }
}

/// How many bytes we may still write in the file system of a folder; `None` if it does not say.
fn free(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

impl Builder for Roomy {
    fn build(&self, job: &Job, listener: &dyn BuildListener) -> Result<Built, BuildError> {
        self.check()?;
        self.inner.build(job, listener)
    }

    fn remove(&self, reference: &str) -> Result<(), EngineError> {
        self.inner.remove(reference)
    }

    fn storage(&self) -> Option<PathBuf> {
        self.inner.storage()
    }

    fn finish(&self) {
        self.inner.finish();
    }
}
