//! What is known of one image, found out once and shared by all its checks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::binary::{Binary, MAX_BINARY};
use super::survey::Survey;
use crate::engine::{EngineError, Files};

/// Files above this size are read one at a time, so that memory holds one of them at most.
const LARGE: u64 = 16 << 20;

type Slot<T> = Arc<OnceLock<Result<T, EngineError>>>;

/// What is known of one image.
#[derive(Debug, Default)]
pub struct Facts {
    binaries: Mutex<HashMap<String, Slot<Arc<Binary>>>>,
    survey: OnceLock<Result<Arc<Survey>, EngineError>>,
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
        let slot = self.slot(path);
        let read = || {
            let _alone =
                (size > LARGE).then(|| self.large.lock().unwrap_or_else(PoisonError::into_inner));
            let bytes = files.read(path, MAX_BINARY)?;
            Ok(Arc::new(Binary::of(&bytes)))
        };
        slot.get_or_init(read).clone()
    }

    /// Keeps what was seen in passing.
    pub(super) fn note(&self, path: &str, binary: Binary) {
        let _ = self.slot(path).set(Ok(Arc::new(binary)));
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
        let take = || Survey::take(files, env).map(Arc::new);
        self.survey.get_or_init(take).clone()
    }
}

/// The value of a variable; the last of several wins, as in a process.
pub(super) fn variable<'a>(env: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = env.iter().rev().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// The folders of PATH, as they are written.
pub(super) fn path_folders(env: &[(String, String)]) -> impl Iterator<Item = &str> {
    /// What engines set where the image says nothing.
    const DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    variable(env, "PATH").unwrap_or(DEFAULT).split(':')
}
