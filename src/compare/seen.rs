//! What a walk through an image showed of each path.

use std::collections::HashMap;
use std::io::Read;

use sha2::{Digest, Sha256};

use super::bounds::Bounds;
use super::model::Told;
use crate::engine::{EngineError, FileEntry, FileKind, FileOwner, Files, Inode};

/// How much of a file is read at once.
const BUFFER: usize = 64 << 10;

/// The digest of a content.
pub(super) type Hash = [u8; 32];

/// What was seen of one path.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) kind: FileKind,
    pub(super) mode: u32,
    pub(super) size: u64,
    pub(super) owner: Option<FileOwner>,
    pub(super) target: Option<Box<str>>,
    pub(super) content: Content,
}

/// What is known of the content of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// It has none.
    Nothing,
    /// Which file of this machine it is in.
    In(Inode),
    /// It passed and was read.
    Read(Hash),
    /// It did not pass: a further name of a file, or nobody wanted to see it.
    Unread {
        /// Whether it passed under another name.
        again: bool,
    },
}

impl Seen {
    /// Looks at an entry of a walk. Its content is read if it passes anyway and is `wanted`.
    pub(super) fn of(
        entry: &FileEntry,
        content: &mut dyn Read,
        wanted: bool,
        buffer: &mut Vec<u8>,
    ) -> Result<Self, EngineError> {
        let stat = &entry.stat;
        let has_content = stat.kind == FileKind::File && stat.size > 0;
        let content = match entry.inode {
            _ if !has_content => Content::Nothing,
            Some(inode) => Content::In(inode),
            None => passing(entry, content, wanted, buffer)?,
        };
        Ok(Self {
            kind: stat.kind,
            mode: stat.mode,
            size: stat.size,
            owner: entry.owner,
            target: stat.link_target.as_deref().map(Into::into),
            content,
        })
    }

    /// The bytes that are counted for this path: those of a file with several names for one of them
    /// only.
    pub(super) fn counted(&self, path: &str, names: &Names) -> u64 {
        match self.content {
            _ if self.kind != FileKind::File => 0,
            Content::Unread { again: true } => 0,
            Content::In(inode) if inode.names > 1 => {
                let is_first = names.0.get(&inode.number).is_none_or(|it| **it == *path);
                if is_first { self.size } else { 0 }
            }
            _ => self.size,
        }
    }

    pub(super) fn told(&self) -> Told {
        Told {
            kind: self.kind,
            mode: format!("{:04o}", self.mode),
            size: (self.kind == FileKind::File).then_some(self.size),
            owner: self.owner.map(|it| format!("{}:{}", it.uid, it.gid)),
            target: self.target.as_deref().map(ToOwned::to_owned),
        }
    }
}

/// Files with several names, by number: the first of their names, whatever order they came in.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<u64, Box<str>>);

impl Names {
    /// Takes note of a path. Gives the bytes that it adds to the image.
    pub(super) fn note(&mut self, path: &str, seen: &Seen) -> u64 {
        let Content::In(inode) = seen.content else {
            return seen.counted(path, self);
        };
        if inode.names <= 1 {
            return seen.size;
        }
        match self.0.get_mut(&inode.number) {
            None => {
                self.0.insert(inode.number, path.into());
                seen.size
            }
            Some(known) => {
                if path < &**known {
                    *known = path.into();
                }
                0
            }
        }
    }
}

fn passing(
    entry: &FileEntry,
    content: &mut dyn Read,
    wanted: bool,
    buffer: &mut Vec<u8>,
) -> Result<Content, EngineError> {
    buffer.resize(BUFFER, 0);
    let mut hash = Sha256::new();
    let mut seen = 0;
    loop {
        let count = content.read(buffer).map_err(|error| EngineError::Failed {
            step: "read a file",
            reason: format!("{}: {error}", entry.path),
        })?;
        if count == 0 {
            break;
        }
        seen += count as u64;
        if !wanted {
            return Ok(Content::Unread { again: false });
        }
        hash.update(&buffer[..count]);
    }
    Ok(match seen {
        0 => Content::Unread { again: true },
        _ => Content::Read(hash.finalize().into()),
    })
}

/// The digest of a file's content, which is asked for unless it is known.
pub(super) fn hash(
    files: &dyn Files,
    path: &str,
    seen: &Seen,
    bounds: Bounds,
) -> Result<Hash, EngineError> {
    if let Content::Read(hash) = seen.content {
        return Ok(hash);
    }
    bounds.check()?;
    let mut hash = Sha256::new();
    files.content(path, &mut |piece| hash.update(piece))?;
    Ok(hash.finalize().into())
}
