//! A file system in memory for unit tests.

use std::collections::BTreeMap;

use crate::engine::{EngineError, FileEntry, FileKind, FileOwner, FileStat, Files, Visit};

/// Files by path.
#[derive(Debug, Default)]
pub(super) struct Tree(BTreeMap<String, (FileStat, Vec<u8>)>);

impl Tree {
    pub(super) fn new() -> Self {
        Self::default().folder("/")
    }

    pub(super) fn with(
        mut self,
        path: &str,
        kind: FileKind,
        mode: u32,
        content: &[u8],
        link: Option<&str>,
    ) -> Self {
        let mut parent = path;
        while let Some((above, _)) = parent
            .rsplit_once('/')
            .filter(|(above, _)| !above.is_empty())
        {
            parent = above;
            if !self.0.contains_key(above) {
                self.insert(above, FileKind::Directory, 0o755, b"", None);
            }
        }
        self.insert(path, kind, mode, content, link);
        self
    }

    fn insert(
        &mut self,
        path: &str,
        kind: FileKind,
        mode: u32,
        content: &[u8],
        link: Option<&str>,
    ) {
        let stat = FileStat {
            kind,
            mode,
            size: content.len() as u64,
            link_target: link.map(ToOwned::to_owned),
        };
        self.0.insert(path.to_owned(), (stat, content.to_vec()));
    }

    pub(super) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.with(path, FileKind::File, 0o755, content.as_ref(), None)
    }

    pub(super) fn mode(self, path: &str, mode: u32) -> Self {
        self.with(path, FileKind::File, mode, b"x", None)
    }

    pub(super) fn folder(self, path: &str) -> Self {
        self.with(path, FileKind::Directory, 0o755, b"", None)
    }

    pub(super) fn link(self, path: &str, target: &str) -> Self {
        self.with(path, FileKind::Symlink, 0o777, b"", Some(target))
    }
}

impl Files for Tree {
    fn stat(&self, path: &str) -> Result<Option<FileStat>, EngineError> {
        Ok(self.0.get(path).map(|(stat, _)| stat.clone()))
    }

    fn owner(&self, _: &str) -> Result<FileOwner, EngineError> {
        Ok(FileOwner { uid: 0, gid: 0 })
    }

    fn read(&self, path: &str, _: u64) -> Result<Vec<u8>, EngineError> {
        Ok(self
            .0
            .get(path)
            .map(|(_, content)| content.clone())
            .unwrap())
    }

    fn content(&self, path: &str, take: &mut dyn FnMut(&[u8])) -> Result<(), EngineError> {
        take(&self.0[path].1);
        Ok(())
    }

    fn link_target(&self, path: &str) -> Result<String, EngineError> {
        Ok(self.0[path].0.link_target.clone().unwrap_or_default())
    }

    fn walk(&self, folder: &str, visit: &mut Visit<'_>) -> Result<(), EngineError> {
        let below = format!("{}/", folder.trim_end_matches('/'));
        for (path, (stat, content)) in &self.0 {
            if path.len() > below.len() && path.starts_with(&below) {
                let entry = FileEntry {
                    path: path.clone(),
                    stat: stat.clone(),
                    owner: Some(FileOwner { uid: 0, gid: 0 }),
                    inode: None,
                };
                visit(&entry, &mut content.as_slice())?;
            }
        }
        Ok(())
    }
}
