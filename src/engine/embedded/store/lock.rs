//! Locks among processes. The kernel lets go of one when its holder dies, however it dies.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// A lock that is held. It is not handed on to programs that are executed.
#[derive(Debug)]
pub(super) struct Lock(File);

/// How a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// With others who do the same.
    Shared,
    /// Alone.
    Whole,
}

impl Lock {
    /// Takes the lock `path`; `None` if it is not free at once.
    pub(super) fn attempt(path: &Path, hold: Hold) -> std::io::Result<Option<Self>> {
        loop {
            let mut options = OpenOptions::new();
            options.read(true).append(true).create(true).mode(0o600);
            let file = options.open(path)?;
            let operation = match hold {
                Hold::Shared => FlockOperation::NonBlockingLockShared,
                Hold::Whole => FlockOperation::NonBlockingLockExclusive,
            };
            match flock(&file, operation) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let lock = Self(file);
            // Its last holder may have removed it meanwhile.
            if lock.is_at(path)? {
                return Ok(Some(lock));
            }
        }
    }

    /// Notes that what it protects was used now.
    pub(super) fn touch(&self) -> std::io::Result<()> {
        self.0.set_modified(SystemTime::now())
    }

    /// Removes the lock of something that is no more. It must be held whole.
    pub(super) fn remove(self, path: &Path) -> std::io::Result<()> {
        std::fs::remove_file(path)
    }

    fn is_at(&self, path: &Path) -> std::io::Result<bool> {
        let ours = self.0.metadata()?;
        match path.symlink_metadata() {
            Ok(theirs) => Ok((ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::new(error.kind(), error)),
        }
    }
}
