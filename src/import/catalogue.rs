//! From the Dockerfiles to the catalogue.

use std::io;
use std::path::{Path, PathBuf};

use super::bases::bases;
use super::context::context;
use super::find::{files, is_dockerfile};
use super::names::names;
use super::sources::sources;
use crate::dockerfile::Dockerfile;

/// What is going to be written.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// The folder that was looked through, as it is shown.
    pub(super) from: String,
    /// The images, parents first.
    pub(super) entries: Vec<Entry>,
    /// Files that are none although they are called so, and why.
    pub(super) left_out: Vec<String>,
}

/// One image.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    /// Its Dockerfile, from the top.
    pub(super) dockerfile: String,
    /// The context from the top, if it is not the folder of the Dockerfile.
    pub(super) context: Option<String>,
    /// Argument, the name of an image, and what tells so.
    pub(super) args: Vec<(String, String, String)>,
    /// Globs of files.
    pub(super) files: Vec<String>,
    /// What people should know, a line each.
    pub(super) notes: Vec<String>,
}

/// Why there is no catalogue.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The folder can't be read.
    #[error("can't read {}: {reason}", .folder.display())]
    Unreadable {
        /// The folder.
        folder: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// The folder is not in that of the project file.
    #[error("{} is not in {}, the folder of the project file", .folder.display(), .root.display())]
    Outside {
        /// The folder.
        folder: PathBuf,
        /// That of the project file.
        root: PathBuf,
    },
    /// There is none that can be read.
    #[error("there is no Dockerfile below {}{}", .folder.display(), .left_out.iter().map(|why| format!("\n  left out: {why}")).collect::<String>())]
    Nothing {
        /// The folder.
        folder: PathBuf,
        /// What is no Dockerfile although it is called so.
        left_out: Vec<String>,
    },
}

impl Catalogue {
    /// Reads the Dockerfiles below `folder` for a project file in `root`.
    ///
    /// # Errors
    /// When there is none, or a folder can't be read.
    pub fn read(root: &Path, folder: &Path) -> Result<Self, ImportError> {
        let unreadable = |folder: &Path| {
            let folder = folder.to_owned();
            move |reason| ImportError::Unreadable { folder, reason }
        };
        let root = root.canonicalize().map_err(unreadable(root))?;
        let real = folder.canonicalize().map_err(unreadable(folder))?;
        let inside = real.strip_prefix(&root).map_err(|_| ImportError::Outside {
            folder: folder.to_owned(),
            root: root.clone(),
        })?;
        let all = files(&root).map_err(unreadable(&root))?;
        let is_wanted = |path: &&PathBuf| {
            let below = path.strip_prefix(inside);
            below.is_ok_and(is_dockerfile)
        };
        let mut paths = Vec::new();
        let mut read = Vec::new();
        let mut left_out = Vec::new();
        for path in all.iter().filter(is_wanted) {
            if path.to_str().is_none() {
                left_out.push(format!("{}: its name is not UTF-8", path.display()));
                continue;
            }
            match Dockerfile::open(&root.join(path), path) {
                Ok(file) => {
                    paths.push(path.clone());
                    read.push(file);
                }
                Err(mistake) => {
                    left_out.push(format!("{}: {}", mistake.place(), mistake.message()));
                }
            }
        }
        if paths.is_empty() {
            let folder = folder.to_owned();
            return Err(ImportError::Nothing { folder, left_out });
        }
        let top = root.file_name().unwrap_or_default().to_string_lossy();
        let names = names(&paths, &top);
        let mut parents: Vec<Vec<usize>> = Vec::new();
        let mut entries = Vec::new();
        for (at, (path, file)) in paths.iter().zip(&read).enumerate() {
            let context = context(path, &sources(file), &all);
            let mut bases = bases(file, at, &names);
            parents.push(Vec::new());
            bases.args.retain(|(argument, image, _)| {
                let closes = reaches(&parents, *image, at);
                if closes {
                    bases.notes.push(format!(
                        "{argument} would make the image {} a parent, which derives from this one",
                        names[*image]
                    ));
                } else {
                    parents[at].push(*image);
                }
                !closes
            });
            let args = bases.args.into_iter();
            entries.push(Entry {
                name: names[at].clone(),
                dockerfile: path.to_string_lossy().into_owned(),
                context: context.folder.map(|folder| match folder.to_str() {
                    None | Some("") => ".".to_owned(),
                    Some(folder) => folder.to_owned(),
                }),
                args: args
                    .map(|(argument, image, why)| (argument, names[image].clone(), why))
                    .collect(),
                files: context.files,
                notes: [context.notes, bases.notes].concat(),
            });
        }
        Ok(Self {
            from: folder.display().to_string(),
            entries: in_order(entries, &parents),
            left_out,
        })
    }

    /// How many images there are.
    pub fn images(&self) -> usize {
        self.entries.len()
    }

    /// How many things people should look at.
    pub fn notes(&self) -> usize {
        let notes = self.entries.iter().map(|entry| entry.notes.len());
        notes.sum::<usize>() + self.left_out.len()
    }
}

/// Whether the image at `from` derives from the one at `to`.
fn reaches(parents: &[Vec<usize>], from: usize, to: usize) -> bool {
    let mut seen = vec![from];
    let mut next = 0;
    while let Some(at) = seen.get(next).copied() {
        if at == to {
            return true;
        }
        for parent in parents.get(at).into_iter().flatten() {
            if !seen.contains(parent) {
                seen.push(*parent);
            }
        }
        next += 1;
    }
    false
}

/// Parents first, otherwise as they are.
fn in_order(entries: Vec<Entry>, parents: &[Vec<usize>]) -> Vec<Entry> {
    let mut order: Vec<usize> = Vec::new();
    let mut waiting: Vec<usize> = (0..entries.len()).collect();
    while !waiting.is_empty() {
        let is_ready = |at: &usize| parents[*at].iter().all(|parent| order.contains(parent));
        // There are no cycles, so one is always ready.
        let at = waiting.iter().position(is_ready).unwrap_or(0);
        order.push(waiting.remove(at));
    }
    let mut entries: Vec<Option<Entry>> = entries.into_iter().map(Some).collect();
    order
        .into_iter()
        .filter_map(|at| entries[at].take())
        .collect()
}
