//! A tar of files, looked through once and read in place: nothing is ever extracted.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Seek};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use tar::EntryType;

use super::problem::unreadable;
use crate::engine::EngineError;
use crate::engine::embedded::layer::{Content, Digest};

/// More files than any archive of images has.
const MOST_ENTRIES: usize = 200_000;
/// How many links may lead to each other.
const MOST_LINKS: usize = 16;

/// A tar and where its files are.
pub(super) struct Tarball {
    place: String,
    file: Arc<File>,
    entries: HashMap<String, Entry>,
}

#[derive(Debug, Clone)]
enum Entry {
    File {
        offset: u64,
        length: u64,
    },
    /// To another name in the archive.
    Link(String),
}

impl Tarball {
    /// Opens an archive, which messages call `place`.
    pub(super) fn open(place: &str, path: &Path) -> Result<Self, EngineError> {
        let broken = |error: io::Error| unreadable(place, error);
        // Before it is opened: a pipe would wait for whoever writes.
        if !path.metadata().map_err(broken)?.is_file() {
            return Err(unreadable(place, "it is not a regular file"));
        }
        Self::of_file(place, File::open(path).map_err(broken)?)
    }

    /// Looks through an archive.
    pub(super) fn of_file(place: &str, file: File) -> Result<Self, EngineError> {
        let broken = |error: io::Error| unreadable(place, format!("it is no sound tar: {error}"));
        if let Some((how, command)) = compression(&file).map_err(broken)? {
            let reason = format!(
                "it is compressed with {how}, and images are read in place; uncompress it first \
                 (`{command}`)"
            );
            return Err(unreadable(place, reason));
        }
        let length = file.metadata().map_err(broken)?.len();
        let entries = index(&file, length).map_err(broken)?;
        Ok(Self {
            place: place.to_owned(),
            file: Arc::new(file),
            entries,
        })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Reads a file of the archive, if it has at most `limit` bytes.
    pub(super) fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, EngineError> {
        let (offset, length) = self.find(name)?;
        if length > limit {
            let reason = format!("{name} in it is larger than {limit} bytes");
            return Err(unreadable(&self.place, reason));
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.file
            .read_exact_at(&mut bytes, offset)
            .map_err(|error| unreadable(&self.place, error))?;
        Ok(bytes)
    }

    /// A file of the archive as the content of a layer.
    pub(super) fn content(
        &self,
        name: &str,
        digest: Option<Digest>,
    ) -> Result<Content, EngineError> {
        let (offset, length) = self.find(name)?;
        Ok(Content::File {
            file: Arc::clone(&self.file),
            offset,
            length,
            digest,
        })
    }

    fn find(&self, name: &str) -> Result<(u64, u64), EngineError> {
        let mut next = name.to_owned();
        for _ in 0..MOST_LINKS {
            match self.entries.get(&next) {
                Some(Entry::File { offset, length }) => return Ok((*offset, *length)),
                Some(Entry::Link(target)) => next.clone_from(target),
                None if next == name => {
                    return Err(unreadable(&self.place, format!("there is no {name} in it")));
                }
                None => {
                    let reason = format!("{name} in it is a link to {next}, which is not there");
                    return Err(unreadable(&self.place, reason));
                }
            }
        }
        let reason = format!("{name} in it is a link to links without an end");
        Err(unreadable(&self.place, reason))
    }
}

fn index(file: &File, length: u64) -> io::Result<HashMap<String, Entry>> {
    let mut entries = HashMap::new();
    // The position is of the open file, but nobody else uses it.
    let mut file = file;
    file.rewind()?;
    let mut archive = tar::Archive::new(BufReader::new(file));
    let mut seen = 0;
    for entry in archive.entries_with_seek()? {
        let entry = entry?;
        seen += 1;
        if seen > MOST_ENTRIES {
            return Err(io::Error::other("it has too many entries"));
        }
        let path = entry.path_bytes();
        let Some(name) = normal("", &String::from_utf8_lossy(&path)) else {
            continue;
        };
        let target = || {
            let target = entry.link_name_bytes().unwrap_or_default();
            String::from_utf8_lossy(&target).into_owned()
        };
        let found = match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {
                let (offset, size) = (entry.raw_file_position(), entry.size());
                if offset.checked_add(size).is_none_or(|end| end > length) {
                    return Err(io::Error::other(format!("it ends in the middle of {name}")));
                }
                Some(Entry::File {
                    offset,
                    length: size,
                })
            }
            EntryType::Symlink => {
                let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
                normal(folder, &target()).map(Entry::Link)
            }
            EntryType::Link => normal("", &target()).map(Entry::Link),
            EntryType::Directory => continue,
            // Of no use here; what needs it finds nothing.
            _ => None,
        };
        // As when it is unpacked: the last of a name counts.
        match found {
            Some(found) => entries.insert(name, found),
            None => entries.remove(&name),
        };
    }
    if seen == 0 {
        return Err(io::Error::other("it is empty"));
    }
    Ok(entries)
}

/// A path in the archive without `.` and `..`; `None` if it leads out of it.
fn normal(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// How a file is compressed, and the command against it.
fn compression(file: &File) -> io::Result<Option<(&'static str, &'static str)>> {
    let mut magic = [0; 6];
    let mut read = 0;
    while read < magic.len() {
        match file.read_at(&mut magic[read..], read as u64)? {
            0 => break,
            count => read += count,
        }
    }
    Ok(match magic {
        [0x1f, 0x8b, ..] => Some(("gzip", "gunzip FILE")),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(("zstd", "unzstd FILE")),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Some(("xz", "unxz FILE")),
        [b'B', b'Z', b'h', ..] => Some(("bzip2", "bunzip2 FILE")),
        _ => None,
    })
}
