//! Where links lead.

use super::files::Known;
use crate::engine::{EngineError, FileKind, FileStat, Files};

/// As many links as Linux follows before it gives up (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// A path after all links were followed.
#[derive(Debug)]
pub(super) enum Resolved {
    /// Something is there.
    Found(String, FileStat),
    /// Nothing is there.
    Missing,
    /// A link leads to this path, where nothing is.
    Dangling(String),
    /// It leads to ever more links.
    Circular,
}

/// Follows the links at the end of `path`.
pub(super) fn resolve(files: &dyn Files, path: &str) -> Result<Resolved, EngineError> {
    let mut path = path.to_owned();
    for followed in 0..=MAX_LINKS {
        let Some(stat) = files.stat(&path)? else {
            let dangling = followed > 0;
            return Ok(if dangling {
                Resolved::Dangling(path)
            } else {
                Resolved::Missing
            });
        };
        match &stat.link_target {
            Some(target) if stat.kind == FileKind::Symlink => path = join(&path, target),
            _ => return Ok(Resolved::Found(path, stat)),
        }
    }
    Ok(Resolved::Circular)
}

/// A link's target as an absolute path.
fn join(link: &str, target: &str) -> String {
    if target.starts_with('/') {
        return target.to_owned();
    }
    let folder = link.rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{folder}/{target}")
}

/// Looks at a path, without following a link at its end, that the engine `refused` to look at:
/// goes there step by step, and where the engine refuses again, looks into the folder.
pub(super) fn look(
    files: &Known<'_>,
    path: &str,
    refused: &EngineError,
) -> Result<Option<FileStat>, EngineError> {
    let mut way = Way::new(path);
    while let Some(step) = way.step() {
        let stat = match files.ask(&step) {
            Err(EngineError::Failed { .. }) => {
                // Only a link is a reason to refuse.
                let stat = files.find(way.folder(), &step)?;
                let stat = stat.filter(|stat| stat.kind == FileKind::Symlink);
                Some(stat.ok_or_else(|| refused.clone())?)
            }
            answer => answer?,
        };
        let Some(stat) = stat else { return Ok(None) };
        if way.is_at_end() {
            return Ok(Some(stat));
        }
        match &stat.link_target {
            Some(target) if stat.kind == FileKind::Symlink => {
                if !way.follow(target) {
                    // Nothing can be reached through it.
                    return Ok(None);
                }
            }
            _ if stat.kind == FileKind::Directory => way.enter(step),
            // Nothing is below a file.
            _ => return Ok(None),
        }
    }
    files.ask(way.folder())
}

/// The way to a path, folder by folder, as the kernel goes it.
pub(super) struct Way {
    /// Where it has come to; has no links in it.
    folder: String,
    /// The names that are still to come, last first.
    rest: Vec<String>,
    followed: usize,
}

impl Way {
    /// Begins at the root.
    pub(super) fn new(path: &str) -> Self {
        let mut way = Self {
            folder: String::new(),
            rest: Vec::new(),
            followed: 0,
        };
        way.push(path);
        way
    }

    /// The path of the next thing on the way.
    pub(super) fn step(&mut self) -> Option<String> {
        loop {
            match self.rest.pop()?.as_str() {
                ".." => {
                    let above = self.folder.rsplit_once('/').map_or("", |(above, _)| above);
                    self.folder = above.to_owned();
                }
                name => return Some(format!("{}/{name}", self.folder)),
            }
        }
    }

    /// The folder it has come to.
    pub(super) fn folder(&self) -> &str {
        if self.folder.is_empty() {
            "/"
        } else {
            &self.folder
        }
    }

    /// Whether the last step was the end of the path.
    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Goes into the last step, which is no link.
    pub(super) fn enter(&mut self, folder: String) {
        self.folder = folder;
    }

    /// Goes where the last step, a link, leads; `false` when it has followed too many.
    pub(super) fn follow(&mut self, target: &str) -> bool {
        self.followed += 1;
        if target.starts_with('/') {
            self.folder.clear();
        }
        self.push(target);
        self.followed <= MAX_LINKS
    }

    fn push(&mut self, path: &str) {
        let names = path.split('/').filter(|name| !matches!(*name, "" | "."));
        self.rest.extend(names.rev().map(str::to_owned));
    }
}
