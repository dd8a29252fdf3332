//! What is kept of earlier runs.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::file::ImageFile;
use super::folder::prune;
use super::key::{Key, World};
use super::kinds::holds_later;
use crate::engine::{EngineInfo, Image};
use crate::fingerprint;
use crate::plan::Case;

/// Results of checks that passed at once, in a folder that only this user can reach.
#[derive(Debug)]
pub struct Results {
    folder: PathBuf,
    world: World,
    /// Whether nothing is taken, and results are only added.
    fresh: bool,
    images: Mutex<HashMap<String, ImageFile>>,
    now: SystemTime,
}

impl Results {
    /// Those in `folder`, which must be there and be this user's alone. With `fresh` none of them
    /// is taken, and new ones are still added. Nothing if results can't be told apart here.
    pub fn open(folder: PathBuf, fresh: bool) -> Option<Self> {
        Some(Self {
            folder,
            world: World::ours()?,
            fresh,
            images: Mutex::default(),
            now: SystemTime::now(),
        })
    }

    /// Whether any of them can be taken. Without results there is no need to look at images early.
    pub fn is_used(&self) -> bool {
        !self.fresh && self.has_files()
    }

    fn has_files(&self) -> bool {
        std::fs::read_dir(&self.folder).is_ok_and(|mut entries| entries.next().is_some())
    }

    /// When the very same check passed on the very same image, performed by the same engine, user
    /// and build of seatrial; nothing if it is to be performed.
    pub fn recall(&self, case: &Case, image: &Image, engine: &EngineInfo) -> Option<SystemTime> {
        if self.fresh {
            return None;
        }
        let key = self.key(case, image, engine)?;
        self.image(&mut self.images(), &image.id).find(&key)
    }

    /// Keeps that a check has passed at its first try, if that can hold for later runs.
    pub fn keep(&self, case: &Case, image: &Image, engine: &EngineInfo) {
        let Some(key) = self.key(case, image, engine) else {
            return;
        };
        // It may have been performed with other files than its fingerprint is made of.
        if !fingerprint::is_unchanged(case) {
            return;
        }
        // What can't be kept is performed again: nothing is lost but time.
        let _ = self
            .image(&mut self.images(), &image.id)
            .add(key, SystemTime::now());
    }

    /// Forgets that a check has passed, because it was performed again and did not.
    pub fn revoke(&self, case: &Case, image: &Image, engine: &EngineInfo) {
        let Some(key) = self.key(case, image, engine) else {
            return;
        };
        let mut images = self.images();
        let file = self.image(&mut images, &image.id);
        // What can't be taken back alone goes with all the rest.
        if file.revoke(&key).is_err() {
            let _ = file.remove();
        }
    }

    /// Removes what is too old or too much.
    pub fn close(&self) {
        let _ = prune(&self.folder, self.now);
    }

    fn key(&self, case: &Case, image: &Image, engine: &EngineInfo) -> Option<Key> {
        let fingerprint = case.info.fingerprint.as_ref()?;
        let surroundings = &case.surroundings.as_ref()?.digest;
        // Some engines tell of no id what it is of.
        if !image.id.starts_with("sha256:") || !holds_later(case, image) {
            return None;
        }
        let world = &self.world;
        Some(world.key(&image.id, fingerprint, surroundings.hex(), engine))
    }

    fn images(&self) -> MutexGuard<'_, HashMap<String, ImageFile>> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn image<'a>(&self, images: &'a mut HashMap<String, ImageFile>, id: &str) -> &'a mut ImageFile {
        images
            .entry(id.to_owned())
            .or_insert_with(|| ImageFile::of(&self.folder, id, self.now))
    }
}
