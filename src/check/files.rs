//! The files of one image, each fetched once and shared by all checks of the image.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::engine::{Engine, EngineError, FileKind, FileOwner, FileStat, Files, Image, Visit};
use crate::inspect::Facts;

/// As many links as Linux follows before it gives up (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// An image and what is already known of its files.
#[derive(Debug)]
pub struct ImageFiles {
    image: Image,
    stats: Cache<Option<FileStat>>,
    owners: Cache<FileOwner>,
    contents: Cache<Arc<Vec<u8>>>,
    facts: Facts,
}

/// A path after all links were followed.
#[derive(Debug)]
pub(super) enum Resolved {
    /// Something is there.
    Found(String, FileStat),
    /// Nothing is there.
    Missing,
    /// A link leads to this path, where nothing is.
    Dangling(String),
}

impl ImageFiles {
    /// Nothing is known yet.
    pub fn new(image: Image) -> Self {
        Self {
            image,
            stats: Cache::default(),
            owners: Cache::default(),
            contents: Cache::default(),
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
            known: self,
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
    known: &'a ImageFiles,
    files: Box<dyn Files + 'a>,
    keeps_contents: bool,
}

impl Files for Known<'_> {
    fn stat(&self, path: &str) -> Result<Option<FileStat>, EngineError> {
        self.known.stats.get(path, || self.files.stat(path))
    }

    fn owner(&self, path: &str) -> Result<FileOwner, EngineError> {
        self.known.owners.get(path, || self.files.owner(path))
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, EngineError> {
        if !self.keeps_contents {
            return self.files.read(path, limit);
        }
        let read = || self.files.read(path, limit).map(Arc::new);
        let content = self.known.contents.get(path, read)?;
        Ok(Arc::unwrap_or_clone(content))
    }

    fn walk(&self, folder: &str, visit: &mut Visit<'_>) -> Result<(), EngineError> {
        self.files.walk(folder, visit)
    }
}

/// Follows the links at the end of `path`.
pub(super) fn resolve(files: &dyn Files, path: &str) -> Result<Resolved, EngineError> {
    let mut path = path.to_owned();
    for followed in 0..MAX_LINKS {
        let Some(stat) = files.stat(&path)? else {
            let dangling = followed > 0;
            return Ok(if dangling {
                Resolved::Dangling(path)
            } else {
                Resolved::Missing
            });
        };
        match &stat.link_target {
            Some(target) if stat.kind == FileKind::Symlink => path = join(&path, target),
            _ => return Ok(Resolved::Found(path, stat)),
        }
    }
    Ok(Resolved::Dangling(path))
}

/// A link's target as an absolute path.
fn join(link: &str, target: &str) -> String {
    if target.starts_with('/') {
        return target.to_owned();
    }
    let folder = link.rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{folder}/{target}")
}

/// Answers by path. Who asks while another fetches waits for that answer.
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
        let slot = {
            let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(path.to_owned()).or_default())
        };
        slot.get_or_init(fetch).clone()
    }
}
