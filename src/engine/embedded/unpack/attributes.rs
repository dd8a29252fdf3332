//! Owners, modes, extended attributes and times.

use std::os::fd::OwnedFd;

use rustix::fs::{
    AtFlags, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags, chmodat, chownat, fchmod, fchown,
    fsetxattr, futimens, utimensat,
};
use rustix::io::Errno;

use super::entry::Entry;
use super::error::Fault;
use super::unpack::{Form, Owners};

/// Says that a folder hides what layers below have in it.
pub(super) fn make_opaque(folder: &OwnedFd, form: Form, path: &[u8]) -> Result<(), Fault> {
    let name = match form {
        Form::Trusted => c"trusted.overlay.opaque",
        Form::User => c"user.overlay.opaque",
    };
    fsetxattr(folder, name, b"y", XattrFlags::empty())
        .map_err(|error| Fault::system("mark as hiding what is below it", path, error))
}

/// Sets all but the time of something that is open, in an order in which nothing undoes anything:
/// a new owner takes away setuid bits and capabilities.
pub(super) fn set(file: &OwnedFd, entry: &Entry, owners: Owners) -> Result<(), Fault> {
    if owners == Owners::AsGiven {
        let (uid, gid) = owner(entry);
        fchown(file, uid, gid).map_err(|error| not_owned(entry, error))?;
    }
    fchmod(file, Mode::from_raw_mode(entry.mode))
        .map_err(|error| Fault::system("set the mode of", &entry.path, error))?;
    set_xattrs(file, entry)
}

/// Sets the extended attributes that are the image's own.
pub(super) fn set_xattrs(file: &OwnedFd, entry: &Entry) -> Result<(), Fault> {
    for (name, value) in entry.xattrs.iter().filter(|(name, _)| is_kept(name)) {
        fsetxattr(file, name.as_slice(), value, XattrFlags::empty())
            .map_err(|error| Fault::system("set an extended attribute of", &entry.path, error))?;
    }
    Ok(())
}

/// Whether a container can see and use an attribute. Those of overlayfs would forge whiteouts,
/// redirects and opaque folders; no process in a container sees them or anything else that is
/// `trusted`, so leaving them out changes nothing for it. The labels of security modules belong to
/// the host that made the image.
fn is_kept(name: &[u8]) -> bool {
    let is_of_host = name.starts_with(b"trusted.") || name.starts_with(b"user.overlay.");
    let is_label = name.starts_with(b"security.") && name != b"security.capability";
    !is_of_host && !is_label
}

/// Sets all of something that can't be opened: a link, a device, a FIFO. The kernel gives these no
/// extended attributes that are kept.
pub(super) fn set_at(
    folder: &OwnedFd,
    name: &[u8],
    entry: &Entry,
    owners: Owners,
    is_link: bool,
) -> Result<(), Fault> {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    if owners == Owners::AsGiven {
        let (uid, gid) = owner(entry);
        chownat(folder, name, uid, gid, flags).map_err(|error| not_owned(entry, error))?;
    }
    if !is_link {
        chmodat(
            folder,
            name,
            Mode::from_raw_mode(entry.mode),
            AtFlags::empty(),
        )
        .map_err(|error| Fault::system("set the mode of", &entry.path, error))?;
    }
    utimensat(folder, name, &times(entry.mtime), flags)
        .map_err(|error| Fault::system("set the time of", &entry.path, error))
}

/// Sets the time of something that is open.
pub(super) fn set_time(file: &OwnedFd, mtime: Timespec, path: &[u8]) -> Result<(), Fault> {
    futimens(file, &times(mtime)).map_err(|error| Fault::system("set the time of", path, error))
}

/// Layers keep no time of access; the time of change is one that does not change.
fn times(mtime: Timespec) -> Timestamps {
    Timestamps {
        last_access: mtime,
        last_modification: mtime,
    }
}

/// The user and the group.
fn owner(entry: &Entry) -> (Option<Uid>, Option<Gid>) {
    let (uid, gid) = (Uid::from_raw(entry.uid), Gid::from_raw(entry.gid));
    (Some(uid), Some(gid))
}

fn not_owned(entry: &Entry, error: Errno) -> Fault {
    match (error, Fault::system("set the owner of", &entry.path, error)) {
        (Errno::INVAL, Fault::System { path, .. }) => Fault::Unmapped {
            path,
            uid: entry.uid,
            gid: entry.gid,
        },
        (_, fault) => fault,
    }
}
