//! What stands beside an unpacked layer.
//!
//! Files that were renamed just before a power failure may be empty after it. To wait for the disk
//! would make unpacking a quarter slower on a fast one, and much slower on others or when others
//! write. So a record says in which boot of the
//! machine the layer was made, and a later boot takes it only if it was handed to the disk
//! meanwhile: that is done when it is used again after a while, when it costs nothing any more.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::super::layer::Digest;
use super::super::unpack::{Form, Owners, Unpacked};
use super::error::StoreError;
use super::{folder, hands::Hands};
use crate::mark::Mark;

/// The name of the record, and of the folder beside it that is the layer.
pub(super) const RECORD: &str = "layer.json";
pub(super) const DIFF: &str = "diff";

/// After how long the kernel has written what it was given, with its default settings.
const SETTLED: Duration = Duration::from_secs(120);

/// How much room each entry takes beside its bytes: an inode, and a block that is not full.
const ENTRY: u64 = 4096;

/// What is known of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The digest of its uncompressed tar.
    diff_id: String,
    form: Form,
    owners: Owners,
    pub(super) unpacked: Unpacked,
    /// The boot in which it was made.
    boot: String,
    /// When it was made, in seconds since 1970.
    made: u64,
    /// Whether it was handed to the disk since.
    is_durable: bool,
}

impl Record {
    pub(super) fn new(diff_id: &Digest, hands: &dyn Hands, unpacked: Unpacked) -> Self {
        Self {
            diff_id: diff_id.to_string(),
            form: hands.form(),
            owners: hands.owners(),
            unpacked,
            boot: Mark::ours().boot,
            made: now(),
            is_durable: false,
        }
    }

    /// The record of a whole layer in `folder`; `None` if there is none that can be relied on.
    pub(super) fn read(folder: &Path, diff_id: &Digest, hands: &dyn Hands) -> Option<Self> {
        let record = Self::read_any(folder)?;
        let is_that = record.diff_id == diff_id.to_string()
            && record.form == hands.form()
            && record.owners == hands.owners();
        let boot = Mark::ours().boot;
        let is_safe = record.is_durable || (!boot.is_empty() && record.boot == boot);
        let diff = folder.join(DIFF).symlink_metadata();
        (is_that && is_safe && diff.is_ok_and(|diff| diff.is_dir())).then_some(record)
    }

    /// Whatever record there is.
    pub(super) fn read_any(folder: &Path) -> Option<Self> {
        let text = std::fs::read(folder.join(RECORD)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Writes it to the layer in `folder`.
    pub(super) fn write(&self, root: &Path, folder: &Path) -> Result<(), StoreError> {
        let path = folder.join(RECORD);
        let failed = |error: serde_json::Error| StoreError::io("write", &path)(error.into());
        let text = serde_json::to_vec_pretty(self).map_err(failed)?;
        folder::replace(root, &path, &text)
    }

    /// Hands the layer to the disk if that costs little by now.
    pub(super) fn settle(&self, root: &Path, folder: &Path) -> Result<(), StoreError> {
        let age = now().saturating_sub(self.made);
        if self.is_durable || age < SETTLED.as_secs() {
            return Ok(());
        }
        folder::sync(root)?;
        let durable = Self {
            is_durable: true,
            ..self.clone()
        };
        durable.write(root, folder)
    }

    /// The room that the layer takes, about, in bytes.
    pub(super) fn room(&self) -> u64 {
        let entries = self.unpacked.entries.saturating_mul(ENTRY);
        self.unpacked.written.saturating_add(entries)
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
