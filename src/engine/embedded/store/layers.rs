//! Layers to be used: found, or made by one process while the others wait.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::layer::{Content, Digest, Layer};
use super::super::unpack::Unpacked;
use super::error::StoreError;
use super::folder;
use super::hands::Hands;
use super::lock::{Hold, Lock};
use super::record::{DIFF, Record};
use super::store::Store;
use crate::engine::EngineError;

/// How often a layer is made that others remove before it can be used.
const TRIES: usize = 5;

/// How long between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// How long is waited without a word.
const QUIET: Duration = Duration::from_millis(100);

/// A layer that nobody removes as long as this is there.
#[derive(Debug)]
pub(crate) struct LayerGuard {
    path: PathBuf,
    unpacked: Option<Unpacked>,
    /// None for a folder that is not in the store.
    _lock: Option<Lock>,
}

impl LayerGuard {
    /// The folder, in the form of overlayfs.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What it is; `None` for a folder that somebody else unpacked.
    pub(crate) fn unpacked(&self) -> Option<&Unpacked> {
        self.unpacked.as_ref()
    }
}

impl Store {
    /// A layer, ready to be mounted: unpacked by `hands` unless that was done before.
    ///
    /// # Errors
    /// When it can't be unpacked, or another process holds it for too long.
    pub(crate) fn layer(
        &self,
        layer: &Layer,
        hands: &dyn Hands,
    ) -> Result<LayerGuard, EngineError> {
        self.find_or_make(layer, hands)
            .map_err(StoreError::into_engine)
    }

    fn find_or_make(&self, layer: &Layer, hands: &dyn Hands) -> Result<LayerGuard, StoreError> {
        if let Content::Folder(path) = &layer.content {
            return Ok(LayerGuard {
                path: path.clone(),
                unpacked: None,
                _lock: None,
            });
        }
        let diff_id = &layer.diff_id;
        let (folder, lock) = self.places(diff_id, hands);
        let attempt = |hold| Lock::attempt(&lock, hold).map_err(StoreError::io("lock", &lock));
        let mut wait = self.wait(diff_id);
        let mut made = 0;
        loop {
            // Those who use it may go on for long: they are never waited for.
            if let Some(taken) = attempt(Hold::Shared)?
                && let Some(guard) = self.used(diff_id, &folder, taken, hands)?
            {
                return Ok(guard);
            }
            if let Some(_taken) = attempt(Hold::Whole)? {
                if made == TRIES {
                    return Err(StoreError::Vanishes(diff_id.clone()));
                }
                made += 1;
                self.make(layer, &folder, hands)?;
                // The lock can't be made a shared one without a moment in which others may take it.
                continue;
            }
            wait.pause()?;
        }
    }

    /// All layers of an image, unpacked at the same time as far as there are processors.
    ///
    /// # Errors
    /// As [`layer`](Self::layer); the first one in the order of the layers.
    pub(crate) fn all_layers(
        &self,
        layers: &[Layer],
        hands: &dyn Hands,
    ) -> Result<Vec<LayerGuard>, EngineError> {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::new());
        let work = || {
            while let Some((at, layer)) = {
                let at = next.fetch_add(1, Ordering::Relaxed);
                layers.get(at).map(|layer| (at, layer))
            } {
                let guard = self.layer(layer, hands);
                if guard.is_err() {
                    // The others finish what they have begun.
                    next.store(layers.len(), Ordering::Relaxed);
                }
                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                done.push((at, guard));
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads.min(layers.len()) {
                scope.spawn(work);
            }
            work();
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(at, _)| *at);
        done.into_iter().map(|(_, guard)| guard).collect()
    }

    /// The layer if it is there whole.
    fn used(
        &self,
        diff_id: &Digest,
        folder: &Path,
        lock: Lock,
        hands: &dyn Hands,
    ) -> Result<Option<LayerGuard>, StoreError> {
        let Some(record) = Record::read(folder, diff_id, hands) else {
            return Ok(None);
        };
        lock.touch()
            .map_err(StoreError::io("touch the lock of", folder))?;
        record.settle(&self.root, folder)?;
        Ok(Some(LayerGuard {
            path: folder.join(DIFF),
            unpacked: Some(record.unpacked),
            _lock: Some(lock),
        }))
    }

    /// Makes a layer, unless another process did meanwhile. Its lock must be held whole.
    fn make(&self, layer: &Layer, folder: &Path, hands: &dyn Hands) -> Result<(), StoreError> {
        if Record::read(folder, &layer.diff_id, hands).is_some() {
            return Ok(());
        }
        // What stands there is no whole layer.
        self.discard(folder, hands)?;
        let new = folder::fresh(&self.root)?;
        let made = self
            .fill(layer, &new, hands)
            .and_then(|()| std::fs::rename(&new, folder).map_err(StoreError::io("create", folder)));
        if made.is_err() {
            // `clean` gets what is left when this process is gone.
            let _ = hands.remove(&new);
        }
        made
    }

    fn fill(&self, layer: &Layer, folder: &Path, hands: &dyn Hands) -> Result<(), StoreError> {
        let diff = folder.join(DIFF);
        folder::make(&diff)?;
        let unpacked = hands
            .unpack(&layer.content, &layer.diff_id, &diff)
            .map_err(StoreError::Hands)?;
        Record::new(&layer.diff_id, hands, unpacked).write(&self.root, folder)
    }

    /// Removes a layer, whose lock must be held whole. A half removed one is never in its place.
    pub(super) fn discard(&self, folder: &Path, hands: &dyn Hands) -> Result<(), StoreError> {
        if folder.symlink_metadata().is_err() {
            return Ok(());
        }
        let away = folder::fresh(&self.root)?;
        let inner = away.join("layer");
        std::fs::rename(folder, inner).map_err(StoreError::io("remove", folder))?;
        hands.remove(&away).map_err(StoreError::Hands)
    }

    fn wait<'a>(&'a self, layer: &'a Digest) -> Wait<'a> {
        Wait {
            store: self,
            layer,
            began: Instant::now(),
            is_told: false,
        }
    }
}

/// Waits for another process, but not for ever.
struct Wait<'a> {
    store: &'a Store,
    layer: &'a Digest,
    began: Instant,
    is_told: bool,
}

impl Wait<'_> {
    /// Waits a little.
    fn pause(&mut self) -> Result<(), StoreError> {
        let limit = self.store.wait;
        if (self.store.is_stopped)() {
            return Err(StoreError::Hands(EngineError::Interrupted));
        }
        if self.began.elapsed() >= limit {
            return Err(StoreError::Busy {
                layer: self.layer.clone(),
                limit,
            });
        }
        // A moment is not worth a word.
        if !self.is_told && self.began.elapsed() > QUIET {
            let layer = self.layer;
            (self.store.tell)(&format!(
                "another process unpacks the layer {layer}: waiting"
            ));
            self.is_told = true;
        }
        std::thread::sleep(PAUSE);
        Ok(())
    }
}
