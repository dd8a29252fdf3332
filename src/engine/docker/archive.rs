//! A folder as the engine sends it, entry by entry.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, Read};

use tar::EntryType;

use super::files::unreadable;
use crate::engine::{EngineError, FileEntry, FileKind, FileOwner, FileStat, Visit};

/// Archives are made of blocks of this size; one of zeros marks the end.
const BLOCK: u64 = 512;

/// Reads the archive of a folder.
pub(super) struct Entries<'a, R: Read> {
    folder: &'a str,
    stream: R,
    /// What was seen of regular files, for further names of them.
    seen: HashMap<String, FileEntry>,
}

impl<'a, R: Read> Entries<'a, R> {
    /// `stream` is the archive of `folder`, whose entries begin with its last component.
    pub(super) fn new(folder: &'a str, stream: R) -> Self {
        Self {
            folder: folder.trim_end_matches('/'),
            stream,
            seen: HashMap::new(),
        }
    }

    /// Shows every entry below the folder to `visit`.
    pub(super) fn visit(mut self, visit: &mut Visit<'_>) -> Result<(), EngineError> {
        let broken = |error: io::Error| unreadable(self.folder, &error.to_string());
        let read = Cell::new(0);
        let stream = Counted {
            stream: &mut self.stream,
            read: &read,
        };
        let mut archive = tar::Archive::new(stream);
        let mut end = 0;
        for entry in archive.entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            end = end_of(&entry).map_err(broken)?;
            let Some(path) = absolute(self.folder, &entry.path_bytes()) else {
                continue;
            };
            let found = if entry.header().entry_type() == EntryType::Link {
                // The first name came before; only the content can't be had twice.
                let target = entry.link_name_bytes().unwrap_or_default();
                let first = absolute(self.folder, &target).and_then(|path| self.seen.get(&path));
                let Some(first) = first else {
                    return Err(unreadable(
                        &path,
                        "it is a link to a file that did not come",
                    ));
                };
                FileEntry {
                    path,
                    ..first.clone()
                }
            } else {
                describe(path, &entry).map_err(broken)?
            };
            let had_content = entry.header().entry_type() != EntryType::Link;
            if found.stat.kind == FileKind::File && had_content {
                self.seen.insert(found.path.clone(), found.clone());
            }
            visit(&found, &mut entry)?;
        }
        // An engine that can't read on just stops sending: only the end mark tells that all came.
        if read.get() < end + BLOCK {
            return Err(unreadable(
                self.folder,
                "the engine sent less than the whole folder",
            ));
        }
        Ok(())
    }
}

/// Counts what is read.
struct Counted<'a, R> {
    stream: R,
    read: &'a Cell<u64>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}

/// Where an entry ends in its archive.
fn end_of<R: Read>(entry: &tar::Entry<'_, R>) -> io::Result<u64> {
    let header = entry.header();
    // Of a sparse file the archive holds less than its size.
    let size = if header.entry_type().is_gnu_sparse() {
        header.entry_size()?
    } else {
        entry.size()
    };
    Ok(entry.raw_file_position() + size.next_multiple_of(BLOCK))
}

/// The path of an entry in the image; `None` for the folder itself.
fn absolute(folder: &str, entry: &[u8]) -> Option<String> {
    let entry = String::from_utf8_lossy(entry);
    let entry = entry.trim_start_matches("./").trim_matches('/');
    // Of any other folder than the root the first component is its own name.
    let below = if folder.is_empty() {
        entry
    } else {
        entry.split_once('/')?.1
    };
    (!below.is_empty() && below != ".").then(|| format!("{folder}/{below}"))
}

fn describe<R: Read>(path: String, entry: &tar::Entry<'_, R>) -> io::Result<FileEntry> {
    let header = entry.header();
    let kind = match header.entry_type() {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => FileKind::File,
        EntryType::Directory => FileKind::Directory,
        EntryType::Symlink => FileKind::Symlink,
        EntryType::Char => FileKind::CharDevice,
        EntryType::Block => FileKind::BlockDevice,
        EntryType::Fifo => FileKind::Fifo,
        _ => FileKind::Other,
    };
    let link_target = (kind == FileKind::Symlink).then(|| entry.link_name_bytes());
    let link_target = link_target.flatten();
    // The archive says 0 of a link; a file system says how long its target is.
    let size = match &link_target {
        Some(target) => target.len() as u64,
        None => entry.size(),
    };
    Ok(FileEntry {
        path,
        stat: FileStat {
            kind,
            mode: header.mode()? & 0o7777,
            size,
            link_target: link_target.map(|target| String::from_utf8_lossy(&target).into_owned()),
        },
        owner: Some(FileOwner {
            uid: header.uid()?,
            gid: header.gid()?,
        }),
        inode: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_without_its_end_is_not_a_whole_folder() {
        let mut builder = tar::Builder::new(Vec::new());
        for name in ["etc/a", "etc/b"] {
            let mut header = tar::Header::new_gnu();
            // Zeros, which must not be taken for the end.
            header.set_size(1024);
            header.set_mode(0o644);
            header.set_uid(0);
            header.set_gid(0);
            builder
                .append_data(&mut header, name, &[0; 1024][..])
                .unwrap();
        }
        let whole = builder.into_inner().unwrap();
        let seen = |bytes: &[u8]| {
            let mut count = 0;
            let visited = Entries::new("/etc", bytes).visit(&mut |_, _| {
                count += 1;
                Ok(())
            });
            visited.map(|()| count)
        };
        assert_eq!(seen(&whole).unwrap(), 2);
        for end in [0, 1536, 3072] {
            assert!(seen(&whole[..end]).is_err(), "{end}");
        }
    }
}
