//! What Docker puts on top of every image, before anything is mounted: the places of its mounts.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, ResolveFlags, mkdirat, openat2, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;

enum Kind {
    Folder,
    File,
    Link(&'static str),
}

/// As `daemon/initlayer` of Docker has it.
const PLACES: &[(&str, Kind)] = &[
    ("dev/pts", Kind::Folder),
    ("dev/shm", Kind::Folder),
    ("proc", Kind::Folder),
    ("sys", Kind::Folder),
    (".dockerenv", Kind::File),
    ("etc/resolv.conf", Kind::File),
    ("etc/hosts", Kind::File),
    ("etc/hostname", Kind::File),
    ("dev/console", Kind::File),
    ("etc/mtab", Kind::Link("/proc/mounts")),
];

/// Makes them in a file system, in place of whatever is there and is no folder.
pub(super) fn make(root: &OwnedFd) -> io::Result<()> {
    for (path, kind) in PLACES {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut above = String::new();
        for part in folder.split('/').filter(|part| !part.is_empty()) {
            above.push_str(part);
            clear(root, &above)?;
            match mkdirat(root, &above, Mode::from_bits_truncate(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            above.push('/');
        }
        if clear(root, path)? {
            // A folder stays what it is.
            continue;
        }
        let mode = Mode::from_bits_truncate(0o755);
        match kind {
            Kind::Folder => mkdirat(root, *path, mode)?,
            Kind::Link(target) => symlinkat(*target, root, *path)?,
            Kind::File => {
                let above = openat2(
                    root,
                    if folder.is_empty() { "." } else { folder },
                    OFlags::PATH | OFlags::CLOEXEC,
                    Mode::empty(),
                    ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
                )?;
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
                openat2(&above, name, flags, mode, ResolveFlags::BENEATH)?;
            }
        }
    }
    Ok(())
}

/// Removes what is there unless it is a folder; whether a folder is there.
fn clear(root: &OwnedFd, path: &str) -> io::Result<bool> {
    match statat(root, path, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => Ok(true),
        Ok(_) => {
            unlinkat(root, path, AtFlags::empty())?;
            Ok(false)
        }
    }
}
