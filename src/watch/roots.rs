//! The files that matter for a project.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::project::{Image, Project};
use crate::spec::Spec;

/// Files, and folders with all that is in them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roots {
    /// Single files, whether they are there or not.
    pub files: BTreeSet<PathBuf>,
    /// Folders.
    pub folders: BTreeSet<PathBuf>,
}

impl Roots {
    /// Adds a path, which counts with all that is in it if it is a folder.
    pub fn add(&mut self, path: &Path) {
        if path.is_dir() {
            let real = path.canonicalize();
            self.folders
                .insert(real.unwrap_or_else(|_| path.to_owned()));
        } else {
            self.files.insert(real(path));
        }
    }

    /// Adds what specs are made of: themselves, what they include, and the files that their checks
    /// need, seen from `root`.
    pub fn add_specs(&mut self, specs: &[&Spec], root: &Path) {
        for spec in specs {
            for file in &spec.files {
                self.add(&root.join(file.path()));
            }
            for check in &spec.checks {
                let needed = check.kind.host_files().into_iter().map(|file| file.path);
                for path in needed.chain(check.kind.late_files()) {
                    self.add(&root.join(path));
                }
            }
        }
    }

    /// Adds what the images of these names and those that they derive from are made of.
    pub fn add_images(&mut self, project: &Project, names: &BTreeSet<String>) {
        let images = project.images.iter();
        let known = images.filter(|image| names.contains(&image.name.value));
        let known: Vec<String> = known.map(|image| image.name.value.clone()).collect();
        if known.is_empty() {
            return;
        }
        for at in project.build_order(&known).unwrap_or_default() {
            self.add_image(project, &project.images[at]);
        }
    }

    fn add_image(&mut self, project: &Project, image: &Image) {
        let mut own = image.dockerfile.as_os_str().to_owned();
        own.push(".dockerignore");
        let ignores = [PathBuf::from(own), image.context.join(".dockerignore")];
        for file in ignores.iter().chain([&image.dockerfile]) {
            self.add(file);
        }
        let patterns = image.files.patterns();
        if patterns.is_empty() {
            self.add(&image.context);
        }
        for pattern in patterns {
            self.add(&project.root.join(literal(pattern)));
        }
    }
}

/// The path without links in its folders. What it names may be a link, or gone.
pub fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return path;
    };
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    folder.join(name)
}

/// The part of a glob that is no pattern.
fn literal(pattern: &str) -> PathBuf {
    let parts = pattern.split('/');
    let parts = parts.take_while(|part| !part.contains(['*', '?', '[', '{', '\\']));
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_begin_with_a_folder_or_are_a_file() {
        for (pattern, expected) in [
            ("dockerfiles/base/**", "dockerfiles/base"),
            ("a/b.txt", "a/b.txt"),
            ("**/x", ""),
            ("a/{b,c}/d", "a"),
        ] {
            assert_eq!(literal(pattern), Path::new(expected), "{pattern}");
        }
    }
}
