//! What did not pass last time, for `--failed`.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::event::{Event, Listener};
use crate::report::OutputFile;
use crate::spec::Sha256Digest;

/// The names of the checks of one project that did not pass when they were run last.
#[derive(Debug)]
pub(super) struct LastRun {
    file: PathBuf,
    /// As the file has them.
    before: BTreeSet<String>,
    bad: Mutex<BTreeSet<String>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    not_passed: BTreeSet<String>,
}

impl LastRun {
    /// Reads the record of the project in `root`. There is none before its first run, and nowhere
    /// to keep one without a home.
    pub(super) fn read(root: &Path, env: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        let file = folder(env)?.join(format!("{}.json", digest(root)));
        let record: Record = fs::read(&file)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Some(Self {
            file,
            before: record.not_passed.clone(),
            bad: Mutex::new(record.not_passed),
        })
    }

    /// Whether the check did not pass when it was run last.
    pub(super) fn names(&self) -> BTreeSet<String> {
        self.bad
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Keeps what this run has added and removed.
    ///
    /// # Errors
    /// When the file can't be written.
    pub(super) fn write(&self) -> io::Result<()> {
        let record = Record {
            not_passed: self.names(),
        };
        if record.not_passed == self.before {
            return Ok(());
        }
        let text = serde_json::to_vec_pretty(&record)?;
        // Opening writes it, whole, and makes the folder.
        OutputFile::open(&self.file, &text).map_err(io::Error::other)?;
        Ok(())
    }
}

impl Listener for LastRun {
    fn on(&self, event: &Event) {
        let Event::CheckFinished(result) = event else {
            return;
        };
        let mut bad = self.bad.lock().unwrap_or_else(PoisonError::into_inner);
        if result.verdict.is_bad() {
            bad.insert(result.case.name());
        } else {
            bad.remove(&result.case.name());
        }
    }
}

/// The folder for what programs keep between runs (XDG Base Directory Specification).
fn folder(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let absolute = |path: String| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let state = env("XDG_STATE_HOME").and_then(absolute);
    let home = || Some(env("HOME").and_then(absolute)?.join(".local/state"));
    Some(state.or_else(home)?.join("seatrial/last"))
}

/// One name for one project, wherever it is called from.
fn digest(root: &Path) -> String {
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let digest = Sha256Digest::from(Sha256::new_with_prefix(root.as_os_str().as_encoded_bytes()));
    digest.hex()[..24].to_owned()
}
