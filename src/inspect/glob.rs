//! Globs over paths of the image.

use std::io::Read;

use globset::{GlobBuilder, GlobMatcher};

use super::binary::{Binary, MAX_BINARY};
use super::facts::Facts;
use super::path::{Real, real_path};
use crate::engine::{EngineError, FileKind, Files};

const WILDCARDS: [char; 5] = ['*', '?', '[', '{', '\\'];

/// Whether a path is meant as a glob.
pub fn is_glob(path: &str) -> bool {
    path.contains(WILDCARDS)
}

/// A glob that is not one; the reason.
#[derive(Debug, Clone, thiserror::Error)]
#[error("not a valid glob: {0}")]
pub struct GlobError(String);

/// A glob whose `*` stays within one folder, `**` goes through all.
#[derive(Debug, Clone)]
pub struct Pattern {
    matcher: GlobMatcher,
    folder: String,
}

impl Pattern {
    /// Compiles a glob.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(glob: &str) -> Result<Self, GlobError> {
        let built = GlobBuilder::new(glob).literal_separator(true).build();
        let built = built.map_err(|error| GlobError(error.kind().to_string()))?;
        let literal = glob.split('/').take_while(|part| !is_glob(part));
        let mut folder = literal.collect::<Vec<_>>().join("/");
        if !is_glob(glob) {
            folder.truncate(folder.rfind('/').unwrap_or(0));
        }
        Ok(Self {
            matcher: built.compile_matcher(),
            folder,
        })
    }

    /// Whether it matches.
    pub fn is_match(&self, path: &str) -> bool {
        self.matcher.is_match(path)
    }

    /// The files and links that match, in order. What the files are is kept in `facts`.
    pub(super) fn find(
        &self,
        files: &dyn Files,
        facts: &Facts,
    ) -> Result<Vec<String>, EngineError> {
        let root = if self.folder.is_empty() {
            "/"
        } else {
            &self.folder
        };
        let real = match real_path(files, root)? {
            Real::Found(real, stat) if stat.kind == FileKind::Directory => real,
            _ => return Ok(Vec::new()),
        };
        let real_folder = real.trim_end_matches('/');
        let mut found = Vec::new();
        files.walk(&real, &mut |entry, content| {
            let below = entry.path.strip_prefix(real_folder).unwrap_or(&entry.path);
            let path = format!("{}{below}", self.folder);
            let wanted = matches!(entry.stat.kind, FileKind::File | FileKind::Symlink);
            if !wanted || !self.is_match(&path) {
                return Ok(());
            }
            if entry.stat.kind == FileKind::File && entry.stat.size <= MAX_BINARY {
                note(facts, &entry.path, entry.stat.size, content)?;
            }
            found.push(path);
            Ok(())
        })?;
        found.sort();
        Ok(found)
    }
}

/// Looks at a file while it passes: to ask for each again would cost a call of the engine.
fn note(facts: &Facts, path: &str, size: u64, content: &mut dyn Read) -> Result<(), EngineError> {
    let broken = |error: std::io::Error| EngineError::Failed {
        step: "read a file",
        reason: format!("{path}: {error}"),
    };
    let mut bytes = Vec::new();
    let head = Read::take(&mut *content, 256).read_to_end(&mut bytes);
    head.map_err(broken)?;
    if super::elf::is_elf(&bytes) {
        content.read_to_end(&mut bytes).map_err(broken)?;
    } else if bytes.is_empty() && size > 0 {
        // A second name of a file passes without content.
        return Ok(());
    }
    facts.note(path, Binary::of(&bytes));
    Ok(())
}
