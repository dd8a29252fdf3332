//! Published lists on disk: read, and all replaced together.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::list_text::{Change, TextError, Update, edit, read};
use crate::project::PublishedList;
use crate::report::{remove_dead, temporary_beside};

/// A list with what is to be changed in it.
#[derive(Debug)]
pub struct ListEdit {
    /// The file as the project names it.
    pub shown: String,
    /// What changes; nothing may.
    pub changes: Vec<Change>,
    path: PathBuf,
    text: String,
}

/// Why lists could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// A list can't be read.
    #[error("can't read the list {shown}: {reason}")]
    Unreadable {
        /// The list.
        shown: String,
        /// Why.
        reason: io::Error,
    },
    /// A list is none.
    #[error("can't use the list {shown}: {reason}")]
    Invalid {
        /// The list.
        shown: String,
        /// Why.
        reason: TextError,
    },
    /// A list can't be written; none is changed.
    #[error("can't write the list {shown}, and no list is changed: {reason}")]
    Unwritable {
        /// The list.
        shown: String,
        /// Why.
        reason: io::Error,
    },
    /// A list could not be replaced when others were already.
    #[error(
        "can't replace the list {shown}: {reason}; {} changed already: publish again to finish",
        changed(.done)
    )]
    Partly {
        /// The list.
        shown: String,
        /// Why.
        reason: io::Error,
        /// Those that have changed.
        done: Vec<String>,
    },
}

fn changed(done: &[String]) -> String {
    match done {
        [] => "none is".to_owned(),
        [one] => format!("{one} is"),
        several => format!("{} are", several.join(" and ")),
    }
}

/// The references in a list by key, in order.
///
/// # Errors
/// When it can't be read or is no list.
pub fn references(list: &PublishedList) -> Result<Vec<(String, String)>, ListError> {
    let text = text(list)?;
    read(&text).map_err(|reason| invalid(list, reason))
}

fn text(list: &PublishedList) -> Result<String, ListError> {
    std::fs::read_to_string(&list.path).map_err(|reason| ListError::Unreadable {
        shown: list.shown.clone(),
        reason,
    })
}

fn invalid(list: &PublishedList, reason: TextError) -> ListError {
    ListError::Invalid {
        shown: list.shown.clone(),
        reason,
    }
}

impl ListEdit {
    /// What `updates` change in a list as it is now. Nothing is written yet.
    ///
    /// # Errors
    /// When it can't be read or is no list.
    pub fn new(list: &PublishedList, updates: &[Update]) -> Result<Self, ListError> {
        let text = text(list)?;
        let (text, changes) = edit(&text, updates).map_err(|reason| invalid(list, reason))?;
        Ok(Self {
            shown: list.shown.clone(),
            changes,
            // A link stays, and the file behind it is replaced.
            path: list
                .path
                .canonicalize()
                .unwrap_or_else(|_| list.path.clone()),
            text,
        })
    }

    fn written(&self) -> io::Result<NamedTempFile> {
        if let Some(folder) = self.path.parent() {
            remove_dead(folder);
        }
        let mut file = temporary_beside(&self.path)?;
        file.write_all(self.text.as_bytes())?;
        let permissions = self.path.metadata()?.permissions();
        file.as_file().set_permissions(permissions)?;
        file.as_file().sync_all()?;
        Ok(file)
    }
}

/// Replaces all lists that change. Whoever reads one sees the old or the new whole, and nothing is
/// replaced before everything is written.
///
/// # Errors
/// When one can't be written, or be replaced; which are replaced then, the error tells.
pub fn replace(edits: Vec<ListEdit>) -> Result<(), ListError> {
    let mut ready = Vec::new();
    for edit in edits {
        if edit.changes.is_empty() {
            continue;
        }
        match edit.written() {
            Ok(file) => ready.push((edit, file)),
            Err(reason) => {
                let shown = edit.shown;
                return Err(ListError::Unwritable { shown, reason });
            }
        }
    }
    let mut done = Vec::new();
    for (ListEdit { shown, path, .. }, file) in ready {
        if let Err(error) = file.persist(&path) {
            let reason = error.error;
            return Err(ListError::Partly {
                shown,
                reason,
                done,
            });
        }
        sync_folder(&path);
        done.push(shown);
    }
    Ok(())
}

/// A rename lasts when its folder is written. Not every file system can be asked for that.
fn sync_folder(path: &Path) {
    let folder = path.parent().map(File::open);
    let _ = folder.map(|folder| folder.and_then(|folder| folder.sync_all()));
}
