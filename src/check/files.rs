//! The files of one image, each fetched once and shared by all checks of the image.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::links;
use crate::engine::{Engine, EngineError, FileEntry, FileOwner, FileStat, Files, Image, Visit};
use crate::inspect::Facts;

/// A folder with more things than this is walked for each glob anew rather than remembered.
const MAX_LISTING: usize = 200_000;

/// An image and what is already known of its files.
#[derive(Debug)]
pub struct ImageFiles {
    image: Image,
    memory: Memory,
    facts: Facts,
}

/// What is known of the files of one place.
#[derive(Debug, Default)]
pub(super) struct Memory {
    stats: Cache<Option<FileStat>>,
    owners: Cache<FileOwner>,
    targets: Cache<String>,
    contents: Cache<Arc<Vec<u8>>>,
    /// Links that the engine itself can't look at, found by walking their folders.
    found: Cache<Option<FileStat>>,
    /// What lies below a folder; `None` if it is too much to be kept.
    listings: Cache<Option<Arc<Vec<FileEntry>>>>,
}

impl ImageFiles {
    /// Nothing is known yet.
    pub fn new(image: Image) -> Self {
        Self {
            image,
            memory: Memory::default(),
            facts: Facts::default(),
        }
    }

    /// The image.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// The files, asked of `engine` where they are not known yet.
    pub(super) fn view<'a>(&'a self, engine: &'a dyn Engine) -> Known<'a> {
        Known {
            memory: &self.memory,
            files: engine.files(&self.image),
            keeps_contents: true,
        }
    }

    /// The same, for who reads large files and keeps only what they come to.
    pub(super) fn view_of_large<'a>(&'a self, engine: &'a dyn Engine) -> Known<'a> {
        Known {
            keeps_contents: false,
            ..self.view(engine)
        }
    }

    /// What inspections found out about the image.
    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }
}

/// Files that are asked for once.
pub(super) struct Known<'a> {
    memory: &'a Memory,
    files: Box<dyn Files + 'a>,
    keeps_contents: bool,
}

impl<'a> Known<'a> {
    /// `files`, asked where `memory` does not know.
    pub(super) fn new(memory: &'a Memory, files: &'a dyn Files) -> Self {
        let files = Box::new(Borrowed(files));
        Self {
            memory,
            files,
            keeps_contents: true,
        }
    }

    /// Shows everything below `folder` to `visit`.
    pub(super) fn list(
        &self,
        folder: &str,
        visit: &mut dyn FnMut(&FileEntry),
    ) -> Result<(), EngineError> {
        let fetch = || -> Result<_, EngineError> {
            let mut entries = Some(Vec::new());
            self.files.walk(folder, &mut |entry, _| {
                if let Some(kept) = &mut entries {
                    kept.push(entry.clone());
                    if kept.len() > MAX_LISTING {
                        entries = None;
                    }
                }
                Ok(())
            })?;
            Ok(entries.map(Arc::new))
        };
        if let Some(listing) = self.memory.listings.get(folder, fetch)? {
            listing.iter().for_each(visit);
            return Ok(());
        }
        self.files.walk(folder, &mut |entry, _| {
            visit(entry);
            Ok(())
        })
    }

    /// What the engine itself says of a path.
    pub(super) fn ask(&self, path: &str) -> Result<Option<FileStat>, EngineError> {
        // What is refused is found in its folder: no need to be refused again.
        let keeps = |error: &EngineError| matches!(error, EngineError::Failed { reason, .. } if reason.ends_with("without a reason"));
        let stats = &self.memory.stats;
        stats.get_keeping(path, || self.files.stat(path), keeps)
    }

    /// Seeks `path` in its folder, which is no link.
    pub(super) fn find(&self, folder: &str, path: &str) -> Result<Option<FileStat>, EngineError> {
        let seek = || {
            let mut found = None;
            let walked = self.files.walk(folder, &mut |entry, _| {
                if entry.path != path {
                    return Ok(());
                }
                found = Some(entry.stat.clone());
                // No need to see the rest.
                Err(EngineError::Interrupted)
            });
            match found {
                Some(stat) => Ok(Some(stat)),
                None => walked.map(|()| None),
            }
        };
        self.memory.found.get(path, seek)
    }
}

impl Files for Known<'_> {
    fn stat(&self, path: &str) -> Result<Option<FileStat>, EngineError> {
        match self.ask(path) {
            // Engines refuse to look at a link that leads in a circle.
            Err(refused @ EngineError::Failed { .. }) => links::look(self, path, &refused),
            answer => answer,
        }
    }

    fn owner(&self, path: &str) -> Result<FileOwner, EngineError> {
        self.memory.owners.get(path, || self.files.owner(path))
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, EngineError> {
        if !self.keeps_contents {
            return self.files.read(path, limit);
        }
        let read = || self.files.read(path, limit).map(Arc::new);
        let content = self.memory.contents.get(path, read)?;
        Ok(Arc::unwrap_or_clone(content))
    }

    fn content(&self, path: &str, take: &mut dyn FnMut(&[u8])) -> Result<(), EngineError> {
        self.files.content(path, take)
    }

    fn link_target(&self, path: &str) -> Result<String, EngineError> {
        let ask = || match self.files.link_target(path) {
            Err(refused @ EngineError::Failed { .. }) => {
                // Of a link that was found by walking the listing has the words of the link.
                let found = links::look(self, path, &refused)?;
                found.and_then(|stat| stat.link_target).ok_or(refused)
            }
            answer => answer,
        };
        self.memory.targets.get(path, ask)
    }

    fn walk(&self, folder: &str, visit: &mut Visit<'_>) -> Result<(), EngineError> {
        self.files.walk(folder, visit)
    }
}

/// Files of somebody else.
struct Borrowed<'a>(&'a dyn Files);

impl Files for Borrowed<'_> {
    fn stat(&self, path: &str) -> Result<Option<FileStat>, EngineError> {
        self.0.stat(path)
    }

    fn owner(&self, path: &str) -> Result<FileOwner, EngineError> {
        self.0.owner(path)
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, EngineError> {
        self.0.read(path, limit)
    }

    fn content(&self, path: &str, take: &mut dyn FnMut(&[u8])) -> Result<(), EngineError> {
        self.0.content(path, take)
    }

    fn link_target(&self, path: &str) -> Result<String, EngineError> {
        self.0.link_target(path)
    }

    fn walk(&self, folder: &str, visit: &mut Visit<'_>) -> Result<(), EngineError> {
        self.0.walk(folder, visit)
    }
}

/// Answers by path. Who asks while another fetches waits for that answer. An error is no answer
/// for good: who comes later asks again.
#[derive(Debug)]
struct Cache<T>(Mutex<HashMap<String, Slot<T>>>);

type Slot<T> = Arc<OnceLock<Result<T, EngineError>>>;

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Cache<T> {
    fn get(
        &self,
        path: &str,
        fetch: impl FnOnce() -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        self.get_keeping(path, fetch, |_| false)
    }

    /// The same, but some errors are answers.
    fn get_keeping(
        &self,
        path: &str,
        fetch: impl FnOnce() -> Result<T, EngineError>,
        keeps: impl Fn(&EngineError) -> bool,
    ) -> Result<T, EngineError> {
        let slot = {
            let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(path.to_owned()).or_default())
        };
        let answer = slot.get_or_init(fetch).clone();
        if answer.as_ref().is_err_and(|error| !keeps(error)) {
            let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if slots
                .get(path)
                .is_some_and(|known| Arc::ptr_eq(known, &slot))
            {
                slots.remove(path);
            }
        }
        answer
    }
}
