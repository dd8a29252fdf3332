//! What is removed: layers that nobody used for long, or all; and what dead processes left.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::error::StoreError;
use super::folder;
use super::hands::Hands;
use super::lock::{Hold, Lock};
use super::record::Record;
use super::store::Store;
use crate::mark::Mark;

/// What became of a clean-up.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Cleared {
    /// About how many bytes were freed.
    pub(crate) freed: u64,
    /// The layers that were removed, by the names of their folders.
    pub(crate) removed: Vec<String>,
    /// The layers that stay because they are in use.
    pub(crate) in_use: Vec<String>,
    /// How many things of dead processes were removed.
    pub(crate) leftovers: u64,
    /// What could not be removed, and why.
    pub(crate) failed: Vec<String>,
}

/// A layer that may be removed.
struct Held {
    name: String,
    folder: PathBuf,
    room: u64,
    used: SystemTime,
}

impl Store {
    /// How many layers there are, and about how many bytes they take.
    ///
    /// # Errors
    /// When the store can't be read.
    pub(crate) fn room(&self) -> Result<(usize, u64), StoreError> {
        let held = self.held()?;
        Ok((held.len(), held.iter().map(|layer| layer.room).sum()))
    }

    /// Removes layers until those left take no more than `bound` bytes: first those that were not
    /// used for the longest time. Those in use stay.
    ///
    /// # Errors
    /// When the store can't be read.
    pub(crate) fn prune(&self, bound: u64, hands: &dyn Hands) -> Result<Cleared, StoreError> {
        let mut held = self.held()?;
        held.sort_by_key(|layer| layer.used);
        let mut total: u64 = held.iter().map(|layer| layer.room).sum();
        let mut cleared = Cleared::default();
        for layer in held {
            if total <= bound {
                break;
            }
            let freed = cleared.freed;
            self.remove(&layer, hands, &mut cleared);
            total -= cleared.freed - freed;
        }
        Ok(cleared)
    }

    /// Removes all that is not in use: layers, records of images, and what dead processes left.
    ///
    /// # Errors
    /// When the store can't be read.
    pub(crate) fn clear(&self, hands: &dyn Hands) -> Result<Cleared, StoreError> {
        let mut cleared = Cleared::default();
        for layer in self.held()? {
            self.remove(&layer, hands, &mut cleared);
        }
        self.remove_locks(&mut cleared)?;
        self.remove_leftovers(hands, &mut cleared)?;
        for name in ["images", "references"] {
            for path in entries(&self.root.join(name))? {
                let removed = std::fs::remove_file(&path);
                note(&path, &removed, &mut cleared);
            }
        }
        Ok(cleared)
    }

    /// Removes the locks of layers that could never be made.
    fn remove_locks(&self, cleared: &mut Cleared) -> Result<(), StoreError> {
        for path in entries(&self.root.join("locks"))? {
            let name = path.file_name().unwrap_or_default();
            let is_free = || Lock::attempt(&path, Hold::Whole).ok().flatten();
            if let Some(lock) = is_free()
                && !self.layers().join(name).exists()
            {
                note(&path, &lock.remove(&path), cleared);
            }
        }
        Ok(())
    }

    /// Removes what dead processes were making or removing, as far as it can be removed.
    pub(crate) fn reap(&self, hands: &dyn Hands) {
        let _ = self.remove_leftovers(hands, &mut Cleared::default());
    }

    fn remove_leftovers(&self, hands: &dyn Hands, cleared: &mut Cleared) -> Result<(), StoreError> {
        for (path, mark) in marked(&self.root)? {
            if !mark.fate(true).is_over() {
                continue;
            }
            if note(&path, &hands.remove(&path), cleared) {
                cleared.leftovers += 1;
            }
        }
        Ok(())
    }

    fn remove(&self, layer: &Held, hands: &dyn Hands, cleared: &mut Cleared) {
        let path = self.lock(&layer.name);
        let lock = match Lock::attempt(&path, Hold::Whole) {
            Ok(Some(lock)) => lock,
            Ok(None) => return cleared.in_use.push(layer.name.clone()),
            Err(error) => return cleared.failed.push(format!("{}: {error}", path.display())),
        };
        let removed = self.discard(&layer.folder, hands);
        if note(&layer.folder, &removed, cleared) {
            cleared.freed += layer.room;
            cleared.removed.push(layer.name.clone());
            note(&path, &lock.remove(&path), cleared);
        }
    }

    fn held(&self) -> Result<Vec<Held>, StoreError> {
        let mut held = Vec::new();
        for folder in entries(&self.layers())? {
            let Some(name) = folder.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            let name = name.to_owned();
            let lock = self.lock(&name).metadata().and_then(|lock| lock.modified());
            held.push(Held {
                // What has no record is no layer: nothing is lost, and what it takes is not known.
                room: Record::read_any(&folder).map_or(0, |record| record.room()),
                used: lock.unwrap_or(SystemTime::UNIX_EPOCH),
                folder,
                name,
            });
        }
        Ok(held)
    }
}

/// Whether it was removed.
fn note<E: std::fmt::Display>(path: &Path, removed: &Result<(), E>, cleared: &mut Cleared) -> bool {
    if let Err(error) = removed {
        cleared.failed.push(format!("{}: {error}", path.display()));
    }
    removed.is_ok()
}

/// What processes are making or removing in the store of this folder, or were.
pub(crate) fn unfinished(root: &Path) -> Vec<(PathBuf, Mark)> {
    marked(root).unwrap_or_default()
}

fn marked(root: &Path) -> Result<Vec<(PathBuf, Mark)>, StoreError> {
    let paths = entries(&folder::temporary(root))?.into_iter();
    let marked = paths.filter_map(|path| {
        let mark = folder::mark(path.file_name()?.to_str()?)?;
        Some((path, mark))
    });
    Ok(marked.collect())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = || StoreError::io("read", folder);
    let mut paths = Vec::new();
    for entry in folder.read_dir().map_err(failed())? {
        paths.push(entry.map_err(failed())?.path());
    }
    paths.sort();
    Ok(paths)
}
