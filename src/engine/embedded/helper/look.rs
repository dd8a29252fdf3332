//! Answers to questions about files.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat2, readlinkat, statat,
};
use rustix::io::Errno;

use super::message::{Answer, Ask, Meta};

/// So many entries of a folder are told at once.
const AT_ONCE: usize = 500;

/// Answers one question about the file system `root`; the file that comes with it, if one does.
pub(super) fn answer(root: BorrowedFd<'_>, ask: &Ask) -> io::Result<(Answer, Option<OwnedFd>)> {
    let path = match ask {
        Ask::Stat(path) | Ask::Open(path) | Ask::Link(path) => path,
        Ask::List { folder, .. } => folder,
    };
    let found = match open(root, path, OFlags::PATH | OFlags::NOFOLLOW) {
        Ok(found) => found,
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG) => {
            return Ok((Answer::Nothing, None));
        }
        Err(error) => return Err(error.into()),
    };
    let stat = fstat(&found)?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    match ask {
        Ask::Stat(_) => Ok((Answer::Stat(meta(&found, c"", &stat)?), None)),
        Ask::Open(_) if kind == FileType::RegularFile => {
            let file = open(root, path, OFlags::RDONLY | OFlags::NOFOLLOW)?;
            Ok((Answer::Done, Some(file)))
        }
        Ask::Open(_) => Err(io::Error::other("it is no regular file")),
        Ask::Link(_) if kind == FileType::Symlink => Ok((Answer::Link(link(&found, c"")?), None)),
        Ask::Link(_) => Err(io::Error::other("it is no symbolic link")),
        Ask::List { skip, .. } => {
            let folder = open(
                root,
                path,
                OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW,
            )?;
            Ok((list(&folder, *skip)?, None))
        }
    }
}

/// A folder in a file system, to be mounted on.
pub(super) fn folder(root: BorrowedFd<'_>, path: &str) -> io::Result<OwnedFd> {
    Ok(open(root, path, OFlags::PATH | OFlags::DIRECTORY)?)
}

fn open(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let path = path.trim_start_matches('/');
    let path = if path.is_empty() { "." } else { path };
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    loop {
        let opened = openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve);
        // Something was renamed meanwhile.
        if !matches!(opened, Err(Errno::AGAIN | Errno::INTR)) {
            return opened;
        }
    }
}

fn list(folder: &OwnedFd, skip: usize) -> io::Result<Answer> {
    let mut entries = Vec::new();
    let mut dir = Dir::read_from(folder)?;
    let mut seen = 0;
    while let Some(entry) = dir.read() {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        seen += 1;
        if seen <= skip {
            continue;
        }
        if entries.len() == AT_ONCE {
            let more = true;
            return Ok(Answer::List { entries, more });
        }
        let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let told = name.to_string_lossy().into_owned();
        entries.push((told, meta(folder, name, &stat)?));
    }
    let more = false;
    Ok(Answer::List { entries, more })
}

fn meta(at: &OwnedFd, name: &std::ffi::CStr, stat: &Stat) -> io::Result<Meta> {
    let is_link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
    Ok(Meta {
        mode: stat.st_mode,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        uid: stat.st_uid,
        gid: stat.st_gid,
        link: if is_link { Some(link(at, name)?) } else { None },
        inode: stat.st_ino,
        changed: (
            stat.st_ctime,
            i64::try_from(stat.st_ctime_nsec).unwrap_or(0),
        ),
        names: u64::from(stat.st_nlink),
    })
}

fn link(at: &OwnedFd, name: &std::ffi::CStr) -> io::Result<String> {
    let target = readlinkat(at, name, Vec::new())?;
    Ok(target.to_string_lossy().into_owned())
}
