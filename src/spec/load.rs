//! Finds and reads spec files.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::budget::Budget;
use super::check::Spec;
use super::read::Reader;
use super::scope::Inputs;
use crate::diagnostic::Diagnostic;
use crate::source::{Located, Source};
use crate::yaml::{self, Context, Kind, Node, ReadError, parse};

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
pub fn load(root: &Path, paths: &[PathBuf], inputs: Inputs<'_>) -> Result<Loaded, LoadError> {
    let mut found = Vec::new();
    for path in paths {
        let files = spec_files(&root.join(path)).map_err(|error| error.below(root))?;
        if files.is_empty() {
            return Err(LoadError::NoSpec(path.clone()).below(root));
        }
        found.extend(files);
    }
    let files = Files::new(root);
    let mut documents = Vec::new();
    let mut mistakes = Vec::new();
    let mut seen = HashSet::new();
    for file in found {
        if seen.insert(file.clone()) {
            match read(root, &file)? {
                Ok(document) => documents.push(document),
                Err(mistake) => mistakes.push(mistake),
            }
        }
    }
    let budget = Budget::default();
    let reader = Reader {
        inputs,
        files: &files,
        budget: &budget,
    };
    // Files without an image are for others to include: those come first, to tell which are.
    let (for_including, specs): (Vec<_>, Vec<_>) = documents
        .iter()
        .partition(|document| document.names_no_image());
    let mut read = Vec::new();
    for document in specs {
        read.extend(document.specs(&reader, &mut mistakes));
    }
    for document in for_including {
        if !files.was_included(document.source.path()) {
            read.extend(document.specs(&reader, &mut mistakes));
        }
    }
    Ok(Loaded {
        specs: read,
        mistakes,
    })
}

/// A file that is YAML.
pub(super) struct Document {
    pub(super) source: Arc<Source>,
    pub(super) node: Node,
}

impl Document {
    fn names_no_image(&self) -> bool {
        let Kind::Mapping(entries) = &self.node.kind else {
            return false;
        };
        let is_image = |key: &Node| matches!(key.scalar(), Some("image" | "images"));
        !entries.iter().any(|(key, _)| is_image(key))
    }

    /// The specs of this file; none after a mistake.
    fn specs(&self, reader: &Reader<'_>, mistakes: &mut Vec<Diagnostic>) -> Vec<Spec> {
        let mut context = Context::default();
        let specs = reader.specs(self, &mut context);
        let mut found = context.into_diagnostics();
        found.sort_by_key(|mistake| {
            // Mistakes of included files follow those of the file itself.
            let source = mistake.place().source();
            let other = !Arc::ptr_eq(source, &self.source);
            (
                other,
                source.path().to_owned(),
                mistake.place().range().start,
            )
        });
        // Several images and rows of `each` make the same mistake.
        let mut told = HashSet::new();
        found.retain(|mistake| {
            told.insert((mistake.place().to_string(), mistake.message().to_owned()))
        });
        let sound = found.is_empty();
        mistakes.extend(found);
        if sound { specs } else { Vec::new() }
    }
}

/// The files that specs include, each read once.
pub(super) struct Files<'a> {
    root: &'a Path,
    documents: RefCell<HashMap<PathBuf, Result<Arc<Document>, Diagnostic>>>,
    included: RefCell<BTreeSet<PathBuf>>,
}

impl<'a> Files<'a> {
    fn new(root: &'a Path) -> Self {
        Self {
            root,
            documents: RefCell::default(),
            included: RefCell::default(),
        }
    }

    fn was_included(&self, path: &Path) -> bool {
        self.included.borrow().contains(path)
    }

    /// The file that a spec includes, by its path in the project.
    pub(super) fn included(
        &self,
        file: &Located<String>,
        context: &mut Context,
    ) -> Option<Arc<Document>> {
        // One file has one name, whatever the way that leads to it.
        let path = plain(&self.root.join(&file.value));
        let mut documents = self.documents.borrow_mut();
        let known = documents.entry(path.clone()).or_insert_with(|| {
            let read = read(self.root, &path).map_err(|error| {
                let message = format!("can't include this: {error}");
                Diagnostic::new(&file.place, message)
                    .help("paths are relative to the folder of seatrial.yaml")
            });
            read.and_then(|read| read.map(Arc::new))
        });
        match known {
            Ok(document) => {
                self.included
                    .borrow_mut()
                    .insert(document.source.path().to_owned());
                Some(Arc::clone(document))
            }
            Err(mistake) => {
                context.report(mistake.clone());
                None
            }
        }
    }
}

/// The path without `.` and `..`.
pub(crate) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

fn read(root: &Path, file: &Path) -> Result<Result<Document, Diagnostic>, LoadError> {
    let shown = file.strip_prefix(root).unwrap_or(file);
    let source = match yaml::read(file, shown) {
        Ok(source) => source,
        Err(ReadError::NotText(mistake)) => return Ok(Err(*mistake)),
        Err(error) => {
            return Err(LoadError::Unreadable {
                path: shown.to_owned(),
                reason: error.to_string(),
            });
        }
    };
    Ok(parse(&source).map(|node| Document { source, node }))
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
