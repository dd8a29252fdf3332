//! What is known of one image, found out once and shared by all its checks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::binary::{Binary, MAX_BINARY};
use super::survey::Survey;
use crate::engine::{EngineError, FileOwner, FileStat, Files, Visit, variable};

/// Files above this size are read one at a time, so that memory holds one of them at most.
const LARGE: u64 = 16 << 20;

type Slot<T> = Arc<OnceLock<Result<T, EngineError>>>;

/// What is known of one image.
#[derive(Debug, Default)]
pub struct Facts {
    binaries: Mutex<HashMap<String, Slot<Arc<Binary>>>>,
    survey: Mutex<Slot<Arc<Survey>>>,
    large: Mutex<()>,
}

impl Facts {
    /// What the regular file at `path`, which has no link in it, is.
    pub(super) fn binary(
        &self,
        files: &dyn Files,
        path: &str,
        size: u64,
    ) -> Result<Arc<Binary>, EngineError> {
        if let Some(Ok(survey)) = self.surveyed().get()
            && survey.index.contains_key(path)
            && !survey.unread.contains(path)
            && !self.is_noted(path)
        {
            return Ok(Arc::new(Binary::Other));
        }
        let slot = self.slot(path);
        let read = || {
            let _alone =
                (size > LARGE).then(|| self.large.lock().unwrap_or_else(PoisonError::into_inner));
            let bytes = files.read(path, MAX_BINARY)?;
            Ok(Arc::new(Binary::of(&bytes)))
        };
        let answer = slot.get_or_init(read).clone();
        if answer.is_err() {
            // No answer for good: who comes later asks again.
            let mut slots = self.binaries.lock().unwrap_or_else(PoisonError::into_inner);
            if slots
                .get(path)
                .is_some_and(|known| Arc::ptr_eq(known, &slot))
            {
                slots.remove(path);
            }
        }
        answer
    }

    fn surveyed(&self) -> Slot<Arc<Survey>> {
        Arc::clone(&self.survey.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps what was seen in passing.
    fn note(&self, path: &str, binary: Binary) {
        let _ = self.slot(path).set(Ok(Arc::new(binary)));
    }

    fn is_noted(&self, path: &str) -> bool {
        let slots = self.binaries.lock();
        let slots = slots.unwrap_or_else(PoisonError::into_inner);
        slots.contains_key(path)
    }

    fn slot(&self, path: &str) -> Slot<Arc<Binary>> {
        let mut slots = self.binaries.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(path.to_owned()).or_default())
    }

    /// What a walk through the whole image shows. `env` is the image's.
    ///
    /// # Errors
    /// When the engine breaks off.
    pub fn survey(
        &self,
        files: &dyn Files,
        env: &[(String, String)],
    ) -> Result<Arc<Survey>, EngineError> {
        let note = |path: &str, binary| self.note(path, binary);
        let take = || Survey::take(files, env, &note).map(Arc::new);
        let slot = self.surveyed();
        let answer = slot.get_or_init(take).clone();
        if answer.is_err() {
            let mut known = self.survey.lock().unwrap_or_else(PoisonError::into_inner);
            if Arc::ptr_eq(&known, &slot) {
                *known = Slot::default();
            }
        }
        answer
    }

    /// `files`, but what the walk showed, if there was one, is not asked of the engine again.
    pub fn known<'a>(&'a self, files: &'a dyn Files) -> Known<'a> {
        Known { facts: self, files }
    }
}

/// Files, some of whose attributes are known.
pub struct Known<'a> {
    facts: &'a Facts,
    files: &'a dyn Files,
}

impl Files for Known<'_> {
    fn stat(&self, path: &str) -> Result<Option<FileStat>, EngineError> {
        match self.facts.surveyed().get() {
            // The walk shows what is below the root.
            Some(Ok(survey)) if path != "/" => Ok(survey.index.get(path).cloned()),
            _ => self.files.stat(path),
        }
    }

    fn owner(&self, path: &str) -> Result<FileOwner, EngineError> {
        self.files.owner(path)
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, EngineError> {
        self.files.read(path, limit)
    }

    fn content(&self, path: &str, take: &mut dyn FnMut(&[u8])) -> Result<(), EngineError> {
        self.files.content(path, take)
    }

    fn link_target(&self, path: &str) -> Result<String, EngineError> {
        self.files.link_target(path)
    }

    fn walk(&self, folder: &str, visit: &mut Visit<'_>) -> Result<(), EngineError> {
        self.files.walk(folder, visit)
    }
}

/// The folders of PATH, as they are written.
pub(super) fn path_folders(env: &[(String, String)]) -> impl Iterator<Item = &str> {
    /// What engines set where the image says nothing.
    const DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    variable(env, "PATH").unwrap_or(DEFAULT).split(':')
}
