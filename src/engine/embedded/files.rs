//! Files, asked of the helper.

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use super::client::{Helper, Lease, failed};
use super::helper::{Answer, Ask, Meta, Place, Request};
use super::lacks::NO_USERS;
use crate::engine::{EngineError, FileEntry, FileKind, FileOwner, FileStat, Files, Inode, Visit};

const STEP: &str = "look at a file";

/// The files of an image or of a container.
pub(super) struct View<'a> {
    lease: Lent<'a>,
    place: Place,
}

enum Lent<'a> {
    Own(Mutex<Lease>),
    Borrowed(&'a Mutex<Lease>),
}

impl<'a> View<'a> {
    /// Asks over a connection that others may use too.
    pub(super) fn new(lease: &'a Mutex<Lease>, place: Place) -> Self {
        let lease = Lent::Borrowed(lease);
        Self { lease, place }
    }

    /// The files of an image, which the helper calls `root`; over a connection of its own.
    ///
    /// # Errors
    /// When the helper is gone.
    pub(super) fn of_image(helper: &Arc<Helper>, root: u64) -> Result<Self, EngineError> {
        Ok(Self {
            lease: Lent::Own(Mutex::new(helper.lease()?)),
            place: Place::Image(root),
        })
    }

    /// Where there is one user only, all files have become that one's.
    fn knows_owners(&self) -> bool {
        match &self.lease {
            Lent::Own(lease) => lease,
            Lent::Borrowed(lease) => *lease,
        }
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .has_many_users()
    }

    fn ask(&self, ask: Ask) -> Result<(Answer, Option<File>), EngineError> {
        let place = self.place;
        let request = Request::Ask { place, ask };
        let lease = match &self.lease {
            Lent::Own(lease) => lease,
            Lent::Borrowed(lease) => lease,
        };
        let mut lease = lease.lock().unwrap_or_else(PoisonError::into_inner);
        let (answer, file) = lease.ask(STEP, &request, &[])?;
        Ok((answer, file.map(File::from)))
    }

    fn meta(&self, path: &str) -> Result<Option<Meta>, EngineError> {
        match self.ask(Ask::Stat(path.to_owned()))?.0 {
            Answer::Stat(meta) => Ok(Some(meta)),
            Answer::Nothing => Ok(None),
            other => Err(unexpected(&other)),
        }
    }

    fn open(&self, path: &str) -> Result<File, EngineError> {
        match self.ask(Ask::Open(path.to_owned()))? {
            (Answer::Done, Some(file)) => Ok(file),
            (Answer::Nothing, _) => Err(failed(STEP, format!("{path} is not there"))),
            (other, _) => Err(unexpected(&other)),
        }
    }

    /// A regular file, at most `limit` bytes of it; `None` if nothing is there.
    ///
    /// # Errors
    /// When it is something else, or larger.
    pub(super) fn read_if_there(
        &self,
        path: &str,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, EngineError> {
        match self.ask(Ask::Open(path.to_owned()))? {
            (Answer::Done, Some(file)) => read(file, path, limit).map(Some),
            (Answer::Nothing, _) => Ok(None),
            (other, _) => Err(unexpected(&other)),
        }
    }

    fn list(&self, folder: &str) -> Result<Vec<(String, Meta)>, EngineError> {
        let mut all = Vec::new();
        loop {
            let folder = folder.to_owned();
            let skip = all.len();
            match self.ask(Ask::List { folder, skip })?.0 {
                Answer::List { entries, more } => {
                    all.extend(entries);
                    if !more {
                        return Ok(all);
                    }
                }
                other => return Err(unexpected(&other)),
            }
        }
    }
}

fn unexpected(answer: &Answer) -> EngineError {
    failed(STEP, format!("its helper process answered {answer:?}"))
}

fn read(file: File, path: &str, limit: u64) -> Result<Vec<u8>, EngineError> {
    let mut bytes = Vec::new();
    let mut most = file.take(limit + 1);
    most.read_to_end(&mut bytes)
        .map_err(|error| read_failed(path, &error))?;
    if bytes.len() as u64 > limit {
        let path = path.to_owned();
        return Err(EngineError::TooLarge { path, limit });
    }
    Ok(bytes)
}

fn read_failed(path: &str, error: &io::Error) -> EngineError {
    failed(STEP, format!("{path}: {error}"))
}

impl Files for View<'_> {
    fn stat(&self, path: &str) -> Result<Option<FileStat>, EngineError> {
        Ok(self.meta(path)?.map(|meta| stat(&meta)))
    }

    fn owner(&self, path: &str) -> Result<FileOwner, EngineError> {
        if !self.knows_owners() {
            let what = format!("whose {path} is can't be told ({NO_USERS})");
            return Err(EngineError::Needs(format!("needs docker: {what}")));
        }
        let meta = self.meta(path)?;
        let meta = meta.ok_or_else(|| failed(STEP, format!("{path} is not there")))?;
        Ok(owner(&meta))
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, EngineError> {
        read(self.open(path)?, path, limit)
    }

    fn content(&self, path: &str, take: &mut dyn FnMut(&[u8])) -> Result<(), EngineError> {
        let mut file = self.open(path)?;
        let mut buffer = vec![0; 256 << 10];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(some) => take(&buffer[..some]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(read_failed(path, &error)),
            }
        }
    }

    fn link_target(&self, path: &str) -> Result<String, EngineError> {
        match self.ask(Ask::Link(path.to_owned()))?.0 {
            Answer::Link(target) => Ok(target),
            Answer::Nothing => Err(failed(STEP, format!("{path} is not there"))),
            other => Err(unexpected(&other)),
        }
    }

    fn walk(&self, folder: &str, visit: &mut Visit<'_>) -> Result<(), EngineError> {
        let mut folders = vec![folder.trim_end_matches('/').to_owned()];
        while let Some(folder) = folders.pop() {
            for (name, meta) in self.list(&folder)? {
                let path = format!("{folder}/{name}");
                let entry = FileEntry {
                    path: path.clone(),
                    stat: stat(&meta),
                    owner: self.knows_owners().then(|| owner(&meta)),
                    inode: Some(inode(&meta)),
                };
                let mut content = Content {
                    view: self,
                    path: (entry.stat.kind == FileKind::File).then_some(path.as_str()),
                    file: None,
                };
                visit(&entry, &mut content)?;
                if entry.stat.kind == FileKind::Directory {
                    folders.push(path);
                }
            }
        }
        Ok(())
    }
}

/// The content of a file, which is opened when somebody reads it.
struct Content<'a> {
    view: &'a View<'a>,
    path: Option<&'a str>,
    file: Option<File>,
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(path) = self.path.take() {
            self.file = Some(self.view.open(path).map_err(io::Error::other)?);
        }
        self.file.as_mut().map_or(Ok(0), |file| file.read(buffer))
    }
}

fn owner(meta: &Meta) -> FileOwner {
    FileOwner {
        uid: meta.uid.into(),
        gid: meta.gid.into(),
    }
}

fn inode(meta: &Meta) -> Inode {
    Inode {
        number: meta.inode,
        changed: meta.changed,
        names: meta.names,
    }
}

fn stat(meta: &Meta) -> FileStat {
    FileStat {
        kind: match meta.mode & libc::S_IFMT {
            libc::S_IFREG => FileKind::File,
            libc::S_IFDIR => FileKind::Directory,
            libc::S_IFLNK => FileKind::Symlink,
            libc::S_IFCHR => FileKind::CharDevice,
            libc::S_IFBLK => FileKind::BlockDevice,
            libc::S_IFIFO => FileKind::Fifo,
            libc::S_IFSOCK => FileKind::Socket,
            _ => FileKind::Other,
        },
        mode: meta.mode & 0o7777,
        size: meta.size,
        link_target: meta.link.clone(),
    }
}

/// Files that can't be had.
pub(in crate::engine) struct Nothing(pub(in crate::engine) EngineError);

impl Nothing {
    fn error<T>(&self) -> Result<T, EngineError> {
        Err(self.0.clone())
    }
}

impl Files for Nothing {
    fn stat(&self, _: &str) -> Result<Option<FileStat>, EngineError> {
        self.error()
    }

    fn owner(&self, _: &str) -> Result<FileOwner, EngineError> {
        self.error()
    }

    fn read(&self, _: &str, _: u64) -> Result<Vec<u8>, EngineError> {
        self.error()
    }

    fn content(&self, _: &str, _: &mut dyn FnMut(&[u8])) -> Result<(), EngineError> {
        self.error()
    }

    fn link_target(&self, _: &str) -> Result<String, EngineError> {
        self.error()
    }

    fn walk(&self, _: &str, _: &mut Visit<'_>) -> Result<(), EngineError> {
        self.error()
    }
}
