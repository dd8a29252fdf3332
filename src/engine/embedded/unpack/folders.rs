//! Folders held open, from the root of the layer to that of the last entry: consecutive entries
//! mostly share it. Every step down is one name that is opened as a folder and never as a link, so
//! nothing leads out of the layer; that also holds where `openat2` is missing or forbidden.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::rc::Rc;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat, unlinkat};
use rustix::io::Errno;

/// An open folder.
pub(super) type Folder = Rc<OwnedFd>;

/// The open folders.
pub(super) struct Folders {
    root: Folder,
    /// Each with its name in the one before.
    open: Vec<(Vec<u8>, Folder)>,
}

impl Folders {
    pub(super) fn new(root: BorrowedFd<'_>) -> Result<Self, Errno> {
        // Opened anew: what was handed over may be a mere place (O_PATH).
        let root = Rc::new(openat(root, c".", FOLDER, Mode::empty())?);
        Ok(Self {
            root,
            open: Vec::new(),
        })
    }

    /// Closes what is not on the way to `parts`, and says how many of them are open.
    pub(super) fn close_but(&mut self, parts: &[&[u8]]) -> usize {
        let pairs = self.open.iter().zip(parts);
        let common = pairs.take_while(|((name, _), part)| name == *part).count();
        self.open.truncate(common);
        common
    }

    /// The innermost open folder.
    pub(super) fn last(&self) -> Folder {
        let last = self.open.last().map_or(&self.root, |(_, folder)| folder);
        Rc::clone(last)
    }

    /// Notes a folder that is in the innermost one.
    pub(super) fn push(&mut self, name: &[u8], folder: Folder) {
        self.open.push((name.to_vec(), folder));
    }

    pub(super) fn root(&self) -> Folder {
        Rc::clone(&self.root)
    }
}

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// What stands under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Folder,
    Symlink,
    /// What an earlier whiteout of this layer left.
    Whiteout,
    Other,
}

/// Looks what stands under `name`.
pub(super) fn look(folder: &OwnedFd, name: &[u8]) -> Result<Found, Errno> {
    let stat = match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(Found::Nothing),
        Err(error) => return Err(error),
    };
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Found::Folder,
        FileType::Symlink => Found::Symlink,
        FileType::CharacterDevice if stat.st_rdev == 0 => Found::Whiteout,
        _ => Found::Other,
    })
}

/// Opens the folder `name`; `NOTDIR` if it is something else, also a link.
pub(super) fn open(folder: &OwnedFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    openat(folder, name, FOLDER, Mode::empty()).map_err(|error| match error {
        Errno::LOOP => Errno::NOTDIR,
        error => error,
    })
}

/// Removes whatever stands under `name`, a folder with all that is in it.
pub(super) fn remove(folder: &OwnedFd, name: &[u8]) -> Result<(), Errno> {
    match unlinkat(folder, name, AtFlags::empty()) {
        Err(Errno::ISDIR) => {}
        done => return done,
    }
    let inner = open(folder, name)?;
    for entry in Dir::read_from(&inner)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            remove(&inner, name)?;
        }
    }
    unlinkat(folder, name, AtFlags::REMOVEDIR)
}
