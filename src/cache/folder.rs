//! How much is kept.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::file::LONGEST;

/// The most that all files may have, in bytes.
const BOUND: u64 = 128 << 20;

/// What became of removing all results.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleared {
    /// Of how many images.
    pub images: usize,
    /// How many bytes they had.
    pub bytes: u64,
}

/// Removes all results in `folder`.
///
/// # Errors
/// When one of them can't be removed.
pub fn clear(folder: &Path) -> io::Result<Cleared> {
    let mut cleared = Cleared::default();
    for file in files(folder)? {
        fs::remove_file(&file.path)?;
        cleared.images += 1;
        cleared.bytes += file.bytes;
    }
    Ok(cleared)
}

struct Kept {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

fn files(folder: &Path) -> io::Result<Vec<Kept>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if path.extension().is_none_or(|end| end != "results") {
            continue;
        }
        match entry.metadata() {
            Ok(metadata) => found.push(Kept {
                path,
                bytes: metadata.len(),
                used: metadata.modified()?,
            }),
            // Another run was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Removes what is too old to be taken, and of what is too much the files that were not used for
/// longest.
pub(super) fn prune(folder: &Path, now: SystemTime) -> io::Result<()> {
    prune_to(folder, now, BOUND)
}

pub(super) fn prune_to(folder: &Path, now: SystemTime, bound: u64) -> io::Result<()> {
    let mut all = files(folder)?;
    all.sort_by_key(|file| std::cmp::Reverse(file.used));
    let mut total = 0;
    for file in all {
        total += file.bytes;
        let is_old = now.duration_since(file.used).is_ok_and(|age| age > LONGEST);
        if is_old || total > bound {
            fs::remove_file(&file.path)?;
            total -= file.bytes;
        }
    }
    Ok(())
}
