//! Finds and reads spec files.

use std::path::{Path, PathBuf};

use super::check::Spec;
use crate::diagnostic::Diagnostic;
use crate::source::{Place, Source};
use crate::yaml::{Context, parse};

/// A spec is written by people; what is larger than this is something else.
const MAX_BYTES: u64 = 16 << 20;

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
        let found = spec_files(&root.join(path))?;
        if found.is_empty() {
            return Err(LoadError::NoSpec(path.clone()));
        }
        files.extend(found);
    }
    let mut specs = Vec::new();
    let mut mistakes = Vec::new();
    let mut seen = std::collections::HashSet::new();
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
    let unreadable = |reason: String| LoadError::Unreadable {
        path: shown.to_owned(),
        reason,
    };
    let size = std::fs::metadata(file).map_err(|error| unreadable(error.to_string()))?;
    if size.len() > MAX_BYTES {
        return Err(unreadable("larger than 16 MiB, so not a spec".to_owned()));
    }
    let bytes = std::fs::read(file).map_err(|error| unreadable(error.to_string()))?;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let source = Source::new(shown, text);
            let place = Place::new(&source, valid..valid + '\u{fffd}'.len_utf8());
            return Ok(Err(vec![
                Diagnostic::new(&place, "not valid UTF-8").help("save the file as UTF-8"),
            ]));
        }
    };
    let source = Source::new(shown, text);
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
    Ok(spec.filter(|_| mistakes.is_empty()).ok_or(mistakes))
}

/// The file itself, or the specs below a folder in the order of their names.
fn spec_files(path: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let unreadable = |error: std::io::Error| LoadError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    if !path.is_dir() {
        std::fs::metadata(path).map_err(unreadable)?;
        return Ok(vec![path.to_owned()]);
    }
    let entries: Result<Vec<_>, _> = std::fs::read_dir(path).map_err(unreadable)?.collect();
    let mut entries: Vec<PathBuf> = entries
        .map_err(unreadable)?
        .into_iter()
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        let hidden = entry
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if entry.is_dir() {
            files.extend(spec_files(&entry)?);
        } else if entry
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml")
        {
            files.push(entry);
        }
    }
    Ok(files)
}
