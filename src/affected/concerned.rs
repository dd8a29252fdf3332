//! Which changed files an image is made of.

use std::path::{Path, PathBuf};

use super::changes::Changed;
use crate::build::Ignore;
use crate::project::{Image, Project};
use crate::spec::plain;

/// The files that an image is made of.
#[derive(Debug)]
pub(super) struct Made<'a> {
    image: &'a Image,
    /// The folder of the project without links.
    root: PathBuf,
    /// Its Dockerfile and ignore files, under all of their names.
    always: Vec<PathBuf>,
    /// Its context without links.
    context: PathBuf,
    /// What of the context is not sent.
    ignore: Ignore,
}

impl<'a> Made<'a> {
    pub(super) fn of(project: &Project, image: &'a Image) -> Self {
        let root = real(&project.root);
        let said = |path: &Path| match path.strip_prefix(&project.root) {
            Ok(inside) => plain(&root.join(inside)),
            Err(_) => plain(path),
        };
        let context = real(&image.context);
        let mut own = image.dockerfile.as_os_str().to_owned();
        own.push(".dockerignore");
        let ignores = [PathBuf::from(own), image.context.join(".dockerignore")];
        let mut always = vec![said(&image.context).join(".dockerignore")];
        for path in ignores.iter().chain([&image.dockerfile]) {
            always.extend([said(path), real(path)]);
        }
        let ignore = ignores
            .iter()
            .find_map(|file| std::fs::read_to_string(file).ok());
        // One that can't be read leaves nothing out.
        let ignore = ignore.and_then(|text| Ignore::parse(&text).ok());
        Self {
            image,
            root,
            always,
            context,
            ignore: ignore.unwrap_or_default(),
        }
    }

    /// Whether the image may differ when `changed` does.
    pub(super) fn concerns(&self, changed: &Changed) -> bool {
        if self.always.iter().any(|path| changed.touches(path)) {
            return true;
        }
        if self.image.files.patterns().is_empty() {
            return self.is_sent(changed);
        }
        match changed.path.strip_prefix(&self.root) {
            Ok(inside) if changed.is_folder => self.image.files.may_match_below(inside),
            Ok(inside) => self.image.files.is_match(inside),
            // The project is in a repository of its own in that one.
            Err(_) => changed.is_folder && self.root.starts_with(&changed.path),
        }
    }

    /// Whether it is in the context, which counts as a whole if nothing says what of it does.
    fn is_sent(&self, changed: &Changed) -> bool {
        if !changed.touches(&self.context) {
            return false;
        }
        let inside = changed.path.strip_prefix(&self.context).ok();
        match inside.and_then(Path::to_str) {
            Some(inside) if !changed.is_folder => !self.ignore.is_ignored(inside),
            _ => true,
        }
    }
}

/// `path` without links, as far as it is there.
pub(super) fn real(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) if folder != Path::new("") => real(folder).join(name),
        _ => plain(path),
    }
}
