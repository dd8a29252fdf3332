//! What files of the host hold, as checks see it.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::spec::Sha256Digest;

/// A folder with more files than this is no fixture.
const MAX_FILES: usize = 200_000;
/// Folders are not nested deeper by people.
const MAX_DEPTH: usize = 200;

/// The digests of a file, or of a folder and all that is below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    /// Names, contents, kinds and modes: what is the same on every machine that has the files.
    pub(super) everywhere: Sha256Digest,
    /// Owners and times, which containers see as well.
    pub(super) here: Sha256Digest,
}

/// Of a file that is only read. Nothing for what is no regular file.
///
/// # Errors
/// When it can't be read.
pub(super) fn of_read(path: &Path) -> io::Result<Option<Content>> {
    let mut writer = Writer::default();
    let file = File::open(path)?;
    let sound = file.metadata()?.is_file();
    if sound {
        writer.content(file)?;
    }
    Ok(sound.then(|| writer.finish()))
}

/// Of a file or folder that containers see. Nothing for what holds devices, sockets or pipes, or
/// is too large.
///
/// # Errors
/// When it can't be read.
pub(super) fn of_mounted(path: &Path) -> io::Result<Option<Content>> {
    let path = path.canonicalize()?;
    let mut writer = Writer::default();
    let sound = writer.walk(&path, 0)?;
    Ok(sound.then(|| writer.finish()))
}

#[derive(Default)]
struct Writer {
    everywhere: Sha256,
    here: Sha256,
    files: usize,
}

impl Writer {
    fn finish(self) -> Content {
        Content {
            everywhere: Sha256Digest::from(self.everywhere),
            here: Sha256Digest::from(self.here),
        }
    }

    /// Writes what is at `path`, which is no link to follow. Gives whether all of it can be known.
    fn walk(&mut self, path: &Path, depth: usize) -> io::Result<bool> {
        self.files += 1;
        if self.files > MAX_FILES || depth > MAX_DEPTH {
            return Ok(false);
        }
        let metadata = fs::symlink_metadata(path)?;
        let kind = metadata.file_type();
        if kind.is_symlink() {
            self.head('l', &metadata);
            self.text(fs::read_link(path)?.as_os_str().as_encoded_bytes());
        } else if kind.is_file() {
            let file = File::open(path)?;
            // What is opened may be another file by now.
            let metadata = file.metadata()?;
            self.head('f', &metadata);
            self.content(file)?;
        } else if kind.is_dir() {
            self.head('d', &metadata);
            let entries = sorted(path)?;
            self.everywhere.update((entries.len() as u64).to_le_bytes());
            for entry in entries {
                let name = entry.file_name().unwrap_or_default();
                self.text(name.as_encoded_bytes());
                if !self.walk(&entry, depth + 1)? {
                    return Ok(false);
                }
            }
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn head(&mut self, kind: char, metadata: &Metadata) {
        let mode = metadata.mode() & 0o7777;
        self.everywhere.update(format!("{kind}{mode:o}:"));
        let (uid, gid) = (metadata.uid(), metadata.gid());
        let (seconds, nanos) = (metadata.mtime(), metadata.mtime_nsec());
        let here = format!("{uid}:{gid}:{seconds}.{nanos:09};");
        self.here.update(here);
    }

    fn text(&mut self, text: &[u8]) {
        self.everywhere.update((text.len() as u64).to_le_bytes());
        self.everywhere.update(text);
    }

    /// Its digest has one length, so that nothing else runs into it.
    fn content(&mut self, mut file: File) -> io::Result<()> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 128 << 10];
        loop {
            let count = match file.read(&mut buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
        }
        self.everywhere.update(hasher.finalize());
        Ok(())
    }
}

pub(super) fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.take(MAX_FILES + 1);
    let entries: io::Result<Vec<_>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut entries = entries?;
    entries.sort();
    Ok(entries)
}
