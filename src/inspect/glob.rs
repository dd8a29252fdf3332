//! Globs over paths of the image.

use globset::{GlobBuilder, GlobMatcher};

use super::path::{Real, real_path};
use super::survey::Survey;
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

    /// The files and links of a walk that match, in order.
    pub(super) fn among(
        &self,
        files: &dyn Files,
        survey: &Survey,
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
        let real = format!("{}/", real.trim_end_matches('/'));
        let below = survey.index.range(Box::from(real.as_str())..);
        let below = below.take_while(|(path, _)| path.starts_with(&real));
        let wanted = |kind| matches!(kind, FileKind::File | FileKind::Symlink);
        let found = below.filter(|(_, stat)| wanted(stat.kind));
        // As it is written, with the links of the folder.
        let found = found.map(|(path, _)| format!("{}/{}", self.folder, &path[real.len()..]));
        Ok(found.filter(|path| self.is_match(path)).collect())
    }
}
