//! The store, opened.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::super::layer::Digest;
use super::super::unpack::{Form, Owners};
use super::error::StoreError;
use super::folder;
use super::hands::Hands;
use super::record::Record;

/// How long another process may take for one layer. Large ones come over slow lines.
const WAIT: Duration = Duration::from_secs(30 * 60);

/// Takes a message for whoever waits.
pub(crate) type Tell = dyn Fn(&str) + Send + Sync;

/// Says whether the run is to end.
pub(crate) type IsStopped = dyn Fn() -> bool + Send + Sync;

/// Unpacked layers and records of images, shared by all runs of a user.
#[derive(Clone)]
pub(crate) struct Store {
    pub(super) root: PathBuf,
    pub(super) wait: Duration,
    pub(super) tell: Arc<Tell>,
    pub(super) is_stopped: Arc<IsStopped>,
}

impl Store {
    /// Opens the store in `folder`, which is made if it is not there. `tell` is told when it has
    /// to be waited for another process.
    ///
    /// # Errors
    /// When it can't be written, is not this user's, or is something else.
    pub(crate) fn open(folder: &Path, tell: Arc<Tell>) -> Result<Self, StoreError> {
        let folder = std::path::absolute(folder).map_err(StoreError::io("find", folder))?;
        folder::prepare(&folder)?;
        Ok(Self {
            root: folder,
            wait: WAIT,
            tell,
            is_stopped: Arc::new(|| false),
        })
    }

    /// The same store, which waits for nothing any more when `is_stopped` says so.
    pub(crate) fn stopping(self, is_stopped: Arc<IsStopped>) -> Self {
        Self { is_stopped, ..self }
    }

    /// The same store, with another bound for how long it is waited for another process.
    #[cfg(test)]
    pub(crate) fn waiting(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.root
    }

    /// Where a layer stands, and the lock for it. What is made differently has another name.
    pub(super) fn places(&self, diff_id: &Digest, hands: &dyn Hands) -> (PathBuf, PathBuf) {
        let kind = match (hands.form(), hands.owners()) {
            (Form::Trusted, Owners::AsGiven) => "",
            (Form::Trusted, Owners::Single) => "-root-single",
            (Form::User, Owners::AsGiven) => "-user",
            (Form::User, Owners::Single) => "-user-single",
        };
        let name = format!("{}{kind}", diff_id.hex());
        (self.layers().join(&name), self.lock(&name))
    }

    /// The size of the archive of a layer that was unpacked, whatever for.
    pub(crate) fn size_of(&self, diff_id: &Digest) -> Option<u64> {
        let kinds = ["", "-root-single", "-user", "-user-single"];
        kinds.iter().find_map(|kind| {
            let folder = self.layers().join(format!("{}{kind}", diff_id.hex()));
            Some(Record::read_any(&folder)?.unpacked.size)
        })
    }

    /// Where results of checks are kept.
    pub(crate) fn results(&self) -> PathBuf {
        self.root.join(folder::RESULTS)
    }

    /// Where it is kept that containers can be made here.
    pub(crate) fn proof(&self) -> PathBuf {
        self.root.join("proven")
    }

    /// Keeps that containers can be made here.
    ///
    /// # Errors
    /// When it can't be written.
    pub(crate) fn put_proof(&self, text: &str) -> Result<(), StoreError> {
        folder::replace(&self.root, &self.proof(), text.as_bytes())
    }

    pub(super) fn layers(&self) -> PathBuf {
        self.root.join("layers/sha256")
    }

    pub(super) fn lock(&self, name: &str) -> PathBuf {
        self.root.join("locks").join(name)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.root).finish()
    }
}
