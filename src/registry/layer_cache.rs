//! Compressed layers, kept so that a later run need not compress them again.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustix::fs::{AtFlags, CWD, linkat};

use super::content::Blob;
use super::digest::{Digest, Hasher};
use super::gzip::KIND;

/// The most that is kept after an image was prepared when nobody says otherwise, in bytes.
const BOUND: u64 = 10 << 30;

/// A folder with the compressed layers of a user, for many processes at once.
///
/// A file is called `DIFF_ID.DIGEST`, and has its name only when it is whole. It is looked through before
/// it is used; one that is damaged is removed.
#[derive(Debug)]
pub struct LayerCache {
    folder: PathBuf,
    bound: u64,
}

impl LayerCache {
    /// The cache in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let folder = folder.join(KIND);
        DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(&folder)?;
        Ok(Self {
            folder,
            bound: BOUND,
        })
    }

    /// The same, which keeps at most so many bytes.
    #[must_use]
    pub fn bounded(self, bound: u64) -> Self {
        Self { bound, ..self }
    }

    /// Where it is when nobody says otherwise: below the user's cache folder.
    pub fn usual_folder(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
        let said = |name: &str| env(name).filter(|it| !it.is_empty()).map(PathBuf::from);
        let cache = said("XDG_CACHE_HOME").filter(|folder| folder.is_absolute());
        let cache = cache.or_else(|| Some(said("HOME")?.join(".cache")));
        Some(cache?.join("seatrial/layers"))
    }

    /// A file without a name, which goes with this process if it is not kept.
    pub(super) fn scratch(&self) -> io::Result<File> {
        tempfile::tempfile_in(&self.folder)
    }

    /// The compressed layer, if it is there and sound.
    pub(super) fn find(
        &self,
        diff_id: &Digest,
        go_on: &dyn Fn() -> io::Result<()>,
    ) -> io::Result<Option<Blob>> {
        for entry in self.folder.read_dir()? {
            let path = entry?.path();
            let Some((_, digest)) = read_name(&path).filter(|(diff, _)| diff == diff_id) else {
                continue;
            };
            // Another process may have removed it meanwhile.
            let Ok(file) = File::open(&path) else {
                continue;
            };
            let file = Arc::new(file);
            let size = file.metadata()?.len();
            let blob = Blob::of_file(digest, Arc::clone(&file), 0, size);
            if is_sound(&blob, go_on)? {
                let _ = file.set_modified(SystemTime::now());
                return Ok(Some(blob));
            }
            let _ = std::fs::remove_file(&path);
        }
        Ok(None)
    }

    /// Gives a file from [`scratch`](Self::scratch) its name. Where that can't be, it is not kept.
    pub(super) fn keep(&self, diff_id: &Digest, blob: &Digest, file: &File) {
        use std::os::fd::AsRawFd;
        let name = format!("{}.{}", diff_id.hex(), blob.hex());
        let from = format!("/proc/self/fd/{}", file.as_raw_fd());
        let to = self.folder.join(name);
        let _ = linkat(CWD, from, CWD, to, AtFlags::SYMLINK_FOLLOW);
    }

    /// Removes what was not used for the longest time, until what is left is within the bound.
    pub(super) fn prune(&self) {
        let entries = self.folder.read_dir().into_iter().flatten().flatten();
        let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
            .filter(|entry| read_name(&entry.path()).is_some())
            .filter_map(|entry| {
                let found = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
                Some((found.modified().ok()?, found.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut size: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, length, path) in files {
            if size <= self.bound {
                return;
            }
            if std::fs::remove_file(path).is_ok() {
                size -= length;
            }
        }
    }
}

/// The layer and the digest that a file is called by.
fn read_name(path: &Path) -> Option<(Digest, Digest)> {
    let (layer, blob) = path.file_name()?.to_str()?.split_once('.')?;
    let digest = |hex: &str| Digest::parse(&format!("sha256:{hex}"));
    Some((digest(layer)?, digest(blob)?))
}

/// Whether a blob has its digest.
pub(super) fn is_sound(blob: &Blob, go_on: &dyn Fn() -> io::Result<()>) -> io::Result<bool> {
    let mut hasher = Hasher::default();
    let mut next = 0;
    while next < blob.size() {
        go_on()?;
        let piece = blob.read(next, 1 << 20)?;
        next += piece.len() as u64;
        hasher.update(&piece);
    }
    Ok(hasher.finish() == *blob.digest())
}
