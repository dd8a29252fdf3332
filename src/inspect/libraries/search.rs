//! Where one library is sought, in the loader's order.

use std::sync::Arc;

use super::super::binary::Binary;
use super::super::elf::{Abi, Elf};
use super::super::facts::Facts;
use super::super::path::{Real, absolute, folder, real_path};
use super::loader::Loader;
use super::tokens::Tokens;
use crate::engine::{EngineError, FileKind, Files};

/// The image, as far as a search needs it.
#[derive(Clone, Copy)]
pub(super) struct System<'a> {
    pub(super) files: &'a dyn Files,
    pub(super) facts: &'a Facts,
    /// `LD_LIBRARY_PATH` of the image's variables.
    pub(super) library_path: Option<&'a str>,
    /// The folder that processes start in.
    pub(super) workdir: &'a str,
}

/// A program or library that is loaded.
#[derive(Debug, Clone)]
pub(super) struct Object {
    /// The path it was opened by.
    pub(super) path: String,
    /// The same without links.
    pub(super) real: String,
    pub(super) elf: Arc<Binary>,
    /// Who asked for it, as an index of the objects.
    pub(super) by: Option<usize>,
    /// The names it was asked for by.
    pub(super) names: Vec<String>,
}

impl Object {
    /// Its content; objects are made of ELF files only.
    pub(super) fn elf(&self) -> Option<&Elf> {
        match self.elf.as_ref() {
            Binary::Elf(elf) => Some(elf),
            _ => None,
        }
    }
}

/// What came of a search.
pub(super) enum Sought {
    /// The file, by the path it was found at and without links.
    Found(String, String, Arc<Binary>),
    /// A file is there, and the loader gives up on it; the path and the reason.
    Bad(String, String),
    /// Nowhere; the places that were searched.
    Missing(Vec<String>),
}

/// One place of a search.
enum Place {
    Folder(String),
    /// A file that the cache names.
    File(String),
    /// The cache itself, whatever it names.
    Cache,
}

impl System<'_> {
    /// Seeks the library `name` that the object at `by` needs.
    pub(super) fn seek(
        &self,
        name: &str,
        by: usize,
        objects: &[Object],
        loader: &Loader,
        abi: Abi,
    ) -> Result<Sought, EngineError> {
        let is_musl = matches!(loader, Loader::Musl { .. });
        let mut places = Vec::new();
        let mut sought = Vec::new();
        if name.contains('/') {
            let origin = folder(&objects[by].path);
            match self.tokens(origin, loader, abi).expand(name) {
                Some(path) => places.push(Place::File(absolute(self.workdir, &path))),
                None => return Ok(Sought::Missing(vec![name.to_owned()])),
            }
        } else {
            places = self.places(name, by, objects, loader, abi);
        }
        for place in places {
            let path = match place {
                Place::Folder(folder) => {
                    let path = absolute(&folder, name);
                    sought.push(folder);
                    path
                }
                Place::File(path) => path,
                Place::Cache => {
                    sought.push("/etc/ld.so.cache".to_owned());
                    continue;
                }
            };
            match self.library(&path, abi)? {
                Candidate::Good(real, elf) => return Ok(Sought::Found(path, real, elf)),
                Candidate::Bad(reason) => return Ok(Sought::Bad(path, reason)),
                Candidate::Foreign if is_musl => {
                    let reason = "is for another kind of machine".to_owned();
                    return Ok(Sought::Bad(path, reason));
                }
                Candidate::Foreign | Candidate::None => {}
            }
        }
        let mut seen = std::collections::HashSet::new();
        sought.retain(|place| seen.insert(place.clone()));
        Ok(Sought::Missing(sought))
    }

    /// Where a loader looks, in its order.
    fn places(
        &self,
        name: &str,
        by: usize,
        objects: &[Object],
        loader: &Loader,
        abi: Abi,
    ) -> Vec<Place> {
        let mut places = Vec::new();
        let folders = |list: &str, of: &Object, separators: &[char]| {
            let tokens = self.tokens(folder(&of.path), loader, abi);
            let parts = list
                .split(separators)
                .filter_map(|part| tokens.expand(part));
            // An empty part is the current folder.
            let parts = parts.map(|part| Place::Folder(absolute(self.workdir, &part)));
            parts.collect::<Vec<_>>()
        };
        let chain = std::iter::successors(Some(by), |at| objects[*at].by);
        let chain = chain.filter_map(|at| Some((&objects[at], objects[at].elf()?)));
        let library_path = self.library_path.filter(|list| !list.is_empty());
        let from_env = library_path.zip(objects.first());
        match loader {
            Loader::Musl { folders: own } => {
                if let Some((list, first)) = from_env {
                    places.extend(folders(list, first, &[':', '\n']));
                }
                for (object, elf) in chain {
                    if let Some(list) = elf.runpath.as_ref().or(elf.rpath.as_ref()) {
                        places.extend(folders(list, object, &[':', '\n']));
                    }
                }
                places.extend(own.iter().cloned().map(Place::Folder));
            }
            Loader::Glibc {
                cache,
                folders: own,
            } => {
                let asking = objects[by].elf();
                let runpath = asking.and_then(|elf| elf.runpath.as_deref());
                if runpath.is_none() {
                    // The program's own RPATH counts even where the chain does not lead to it.
                    let program = objects
                        .first()
                        .and_then(|first| Some((first, first.elf()?)));
                    for (object, elf) in chain.chain(program) {
                        if let (Some(list), None) = (&elf.rpath, &elf.runpath) {
                            places.extend(folders(list, object, &[':']));
                        }
                    }
                }
                if let Some((list, first)) = from_env {
                    places.extend(folders(list, first, &[':', ';']));
                }
                if let Some(list) = runpath {
                    places.extend(folders(list, &objects[by], &[':']));
                }
                let only_cache = asking.is_some_and(|elf| elf.no_default_folders);
                if let Some(cache) = cache {
                    let in_default = |path: &str| own.iter().any(|own| own == folder(path));
                    let paths = cache.files(name).iter();
                    let paths = paths.filter(|path| !only_cache || !in_default(path));
                    places.push(Place::Cache);
                    places.extend(paths.cloned().map(Place::File));
                }
                if !only_cache {
                    places.extend(own.iter().cloned().map(Place::Folder));
                }
            }
        }
        places
    }

    fn tokens<'t>(&self, origin: &'t str, loader: &'t Loader, abi: Abi) -> Tokens<'t> {
        Tokens {
            origin,
            lib: loader.lib(),
            platform: loader.platform(abi),
        }
    }

    /// What a loader makes of the file at `path`.
    pub(super) fn library(&self, path: &str, abi: Abi) -> Result<Candidate, EngineError> {
        let (real, stat) = match real_path(self.files, path)? {
            Real::Found(real, stat) if stat.kind == FileKind::File => (real, stat),
            _ => return Ok(Candidate::None),
        };
        let binary = self.facts.binary(self.files, &real, stat.size)?;
        Ok(match binary.as_ref() {
            Binary::Elf(elf) if elf.abi != abi => Candidate::Foreign,
            Binary::Elf(elf) if !elf.is_shared => Candidate::Bad("is no shared library".to_owned()),
            Binary::Elf(_) => Candidate::Good(real, binary),
            Binary::Broken(reason) => Candidate::Bad(format!("can't be loaded: {reason}")),
            Binary::Script(_) | Binary::Other => Candidate::Bad("is no ELF file".to_owned()),
        })
    }
}

/// What a loader makes of a file.
pub(super) enum Candidate {
    /// It loads it; its real path.
    Good(String, Arc<Binary>),
    /// It gives up; why.
    Bad(String),
    /// It is for another kind of machine, and glibc looks further.
    Foreign,
    /// It is not there.
    None,
}
