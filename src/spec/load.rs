//! Finds and reads spec files.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::check::Spec;
use crate::diagnostic::Diagnostic;
use crate::yaml::{self, Context, ReadError, parse};

/// Why specs can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file or folder can't be read.
    #[error("can't read {}: {reason}", .path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// A folder holds no spec.
    #[error("no spec (*.yaml, *.yml) under {}", .0.display())]
    NoSpec(PathBuf),
}

impl LoadError {
    /// Names the file as people do: seen from `root`.
    fn below(self, root: &Path) -> Self {
        match self {
            Self::Unreadable { path, reason } => Self::Unreadable {
                path: path.strip_prefix(root).map_or(path.clone(), Path::to_owned),
                reason,
            },
            Self::NoSpec(path) => {
                Self::NoSpec(path.strip_prefix(root).map_or(path.clone(), Path::to_owned))
            }
        }
    }
}

/// What was read.
#[derive(Debug)]
pub struct Loaded {
    /// The specs without mistakes.
    pub specs: Vec<Spec>,
    /// The mistakes of the others.
    pub mistakes: Vec<Diagnostic>,
}

/// Reads all specs under `paths`, files or folders, given relative to `root` or absolute.
///
/// # Errors
/// The first file or folder that can't be read.
pub fn load(root: &Path, paths: &[PathBuf]) -> Result<Loaded, LoadError> {
    let mut files = Vec::new();
    for path in paths {
        let found = spec_files(&root.join(path)).map_err(|error| error.below(root))?;
        if found.is_empty() {
            return Err(LoadError::NoSpec(path.clone()).below(root));
        }
        files.extend(found);
    }
    let mut specs = Vec::new();
    let mut mistakes = Vec::new();
    let mut seen = HashSet::new();
    for file in files {
        if seen.insert(file.clone()) {
            match read(root, &file)? {
                Ok(spec) => specs.push(spec),
                Err(more) => mistakes.extend(more),
            }
        }
    }
    Ok(Loaded { specs, mistakes })
}

fn read(root: &Path, file: &Path) -> Result<Result<Spec, Vec<Diagnostic>>, LoadError> {
    let shown = file.strip_prefix(root).unwrap_or(file);
    let source = match yaml::read(file, shown) {
        Ok(source) => source,
        Err(ReadError::NotText(mistake)) => return Ok(Err(vec![*mistake])),
        Err(error) => {
            return Err(LoadError::Unreadable {
                path: shown.to_owned(),
                reason: error.to_string(),
            });
        }
    };
    let mut context = Context::default();
    let spec = match parse(&source) {
        Ok(node) => Spec::read(&source, &node, &mut context),
        Err(diagnostic) => {
            context.report(diagnostic);
            None
        }
    };
    let mut mistakes = context.into_diagnostics();
    mistakes.sort_by_key(|mistake| mistake.place().range().start);
    // What an alias repeats is read again, mistakes included.
    mistakes.dedup_by(|a, b| a.place().range() == b.place().range() && a.message() == b.message());
    Ok(spec.filter(|_| mistakes.is_empty()).ok_or(mistakes))
}

/// The file itself, or the specs below a folder in the order of their names.
fn spec_files(path: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let mut files = Vec::new();
    if path.is_dir() {
        collect(path, &mut HashSet::new(), &mut files)?;
    } else {
        std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        files.push(path.to_owned());
    }
    Ok(files)
}

/// Appends the specs below `folder`. A link back to a folder of `seen` leads to nothing new.
fn collect(
    folder: &Path,
    seen: &mut HashSet<PathBuf>,
    files: &mut Vec<PathBuf>,
) -> Result<(), LoadError> {
    let failed = |error: std::io::Error| unreadable(folder, &error);
    if !seen.insert(folder.canonicalize().map_err(failed)?) {
        return Ok(());
    }
    let entries: Result<Vec<_>, _> = std::fs::read_dir(folder).map_err(failed)?.collect();
    let entries = entries.map_err(failed)?;
    let mut entries: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    entries.sort();
    for entry in entries {
        let hidden = entry
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if entry.is_dir() {
            collect(&entry, seen, files)?;
        } else if entry
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml")
        {
            files.push(entry);
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> LoadError {
    LoadError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}
