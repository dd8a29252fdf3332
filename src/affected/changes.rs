//! The files that changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::git::{Git, GitError};
use super::range::Range;

/// What changed, and what there was before.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// What changed, by absolute paths without links in their folders.
    pub files: BTreeSet<Changed>,
    /// What whoever asked should know about it.
    pub notes: Vec<String>,
}

/// A file that was added, changed, renamed or removed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Changed {
    /// Where it is or was.
    pub path: PathBuf,
    /// Whether it is a repository of its own, in which anything may have changed.
    pub is_folder: bool,
}

/// What files held before the change. There may be several: histories that cross have several
/// beginnings.
pub trait Old {
    /// The contents of the file at this absolute path; `None` where there was no such file.
    ///
    /// # Errors
    /// When that can't be told.
    fn contents(&self, path: &Path) -> Result<Vec<Option<Vec<u8>>>, GitError>;
}

/// What git knows of the time before a change.
#[derive(Debug)]
pub struct Before<'a> {
    git: &'a Git,
    commits: Vec<String>,
}

impl Changes {
    /// Asks git what changed in `range`: since the commit that both ends have in common, as for
    /// `git diff BASE...HEAD`.
    ///
    /// # Errors
    /// When it can't tell.
    pub fn find<'a>(git: &'a Git, range: &Range) -> Result<(Self, Before<'a>), GitError> {
        let head = range.head.as_deref().unwrap_or("HEAD");
        let commits = git.merge_bases(&range.base, head)?;
        let to = range
            .head
            .as_ref()
            .map(|head| git.commit(head))
            .transpose()?;
        let mut notes = Vec::new();
        let here = git.commit("HEAD").ok();
        if let Some(to) = to.as_ref().filter(|to| here.as_ref() != Some(*to)) {
            notes.push(format!(
                "`{head}` ({to:.10}) is not what is checked out here: the project and its specs are \
                 read as they are here"
            ));
        }
        let mut found = Vec::new();
        for commit in &commits {
            found.extend(git.differences(commit, to.as_deref())?);
        }
        if to.is_none() {
            found.extend(git.untracked()?);
        }
        let files = found.into_iter().map(|(path, is_folder)| Changed {
            path: git.top().join(path),
            is_folder,
        });
        let files = files.collect();
        Ok((Self { files, notes }, Before { git, commits }))
    }

    /// Whether any of `wanted`, or anything in them, is what changed.
    pub(super) fn touching<'a>(
        &'a self,
        wanted: &'a [PathBuf],
    ) -> impl Iterator<Item = &'a Changed> {
        let files = self.files.iter();
        files.filter(move |file| wanted.iter().any(|wanted| file.touches(wanted)))
    }
}

impl Changed {
    /// Whether it is `path`, in the folder `path`, or a repository that `path` is in.
    pub(super) fn touches(&self, path: &Path) -> bool {
        self.path.starts_with(path) || self.is_folder && path.starts_with(&self.path)
    }
}

impl Old for Before<'_> {
    fn contents(&self, path: &Path) -> Result<Vec<Option<Vec<u8>>>, GitError> {
        let Ok(inside) = path.strip_prefix(self.git.top()) else {
            return Ok(vec![None]);
        };
        let commits = self.commits.iter();
        commits.map(|commit| self.git.old(commit, inside)).collect()
    }
}
