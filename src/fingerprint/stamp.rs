//! Whether files are still the same, without reading them.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use crate::spec::Sha256Digest;

/// What changes within this time may have the same times before and after.
const TICK: Duration = Duration::from_millis(50);

/// The numbers by which the kernel knows files, and the times of their last changes: whoever
/// changes a file changes its stamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    digest: Sha256Digest,
    /// Whether the last change was too short ago for that.
    is_recent: bool,
}

impl Stamp {
    /// That of a file, or of a folder and all that is below it.
    ///
    /// # Errors
    /// When it can't be looked at.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let mut writer = Writer {
            hasher: Sha256::new(),
            newest: UNIX_EPOCH,
        };
        writer.walk(&path.canonicalize()?)?;
        let age = SystemTime::now().duration_since(writer.newest);
        Ok(Self {
            digest: Sha256Digest::from(writer.hasher),
            is_recent: age.is_ok_and(|age| age < TICK),
        })
    }

    /// Whether nothing was changed between this stamp and a later one.
    pub(super) fn still_holds(&self, later: &Self) -> bool {
        !self.is_recent && self.digest == later.digest
    }
}

struct Writer {
    hasher: Sha256,
    newest: SystemTime,
}

impl Writer {
    fn walk(&mut self, path: &Path) -> io::Result<()> {
        let it = fs::symlink_metadata(path)?;
        let (seconds, nanos) = (it.ctime(), it.ctime_nsec());
        let said = format!("{}:{} {} {seconds}.{nanos} ", it.dev(), it.ino(), it.size());
        self.hasher.update(said);
        let since = Duration::new(
            seconds.try_into().unwrap_or_default(),
            nanos.try_into().unwrap_or_default(),
        );
        self.newest = self.newest.max(UNIX_EPOCH + since);
        if it.is_dir() {
            for entry in super::content::sorted(path)? {
                self.hasher.update(entry.as_os_str().as_encoded_bytes());
                self.walk(&entry)?;
            }
        }
        Ok(())
    }
}
