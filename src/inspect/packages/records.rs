//! The records of single packages, file by file.

use super::super::survey::r_libraries;
use super::database::Package;
use super::metadata::Metadata;
use crate::engine::{EngineError, Files};

/// Knows which files describe one package each: those of pip, conda and R.
#[derive(Debug, Default)]
pub struct Records {
    r_libraries: Vec<String>,
}

impl Records {
    /// Takes note of what an image says about places of packages. `env` is the image's.
    ///
    /// # Errors
    /// When the engine can't tell.
    pub fn learn(
        &mut self,
        files: &dyn Files,
        env: &[(String, String)],
    ) -> Result<(), EngineError> {
        self.r_libraries.extend(r_libraries(files, env)?);
        Ok(())
    }

    /// Whether a file at this path describes a package.
    pub fn describes(&self, path: &str) -> bool {
        Metadata::at(path, &self.r_libraries).is_some()
    }

    /// The package that the regular file at `path` describes, if any.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn package(&self, files: &dyn Files, path: &str) -> Result<Option<Package>, EngineError> {
        let Some(metadata) = Metadata::at(path, &self.r_libraries) else {
            return Ok(None);
        };
        let limit = usize::try_from(metadata.limit()).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        files.content(path, &mut |piece| {
            let rest = limit - bytes.len();
            bytes.extend_from_slice(&piece[..piece.len().min(rest)]);
        })?;
        Ok(Some(metadata.read(path, &bytes)))
    }
}
