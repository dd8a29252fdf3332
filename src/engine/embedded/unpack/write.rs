//! Makes the files of a layer.

use std::collections::BTreeMap;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::rc::Rc;

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Timespec, Uid, fchmod, fchown, ftruncate, linkat,
    makedev, mkdirat, mknodat, openat, statat, symlinkat,
};
use rustix::io::{Errno, pwrite, retry_on_intr};

use super::attributes::{make_opaque, set, set_at, set_time, set_xattrs};
use super::entry::{Entries, Entry, Kind};
use super::error::{Fault, Refusal};
use super::folders::{self, Folder, Folders, Found};
use super::name::{self, Meaning};
use super::sparse::Map;
use super::unpack::{Form, Owners, Rules, Unpacked};

/// The time of folders that the archive does not have itself, so that the same layer always becomes
/// the same tree.
const NO_TIME: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// Writes entries into a folder.
pub(super) struct Writer<'a> {
    folders: Folders,
    rules: &'a Rules,
    /// The times that folders get at the end: whatever is made in them changes them. By path, as
    /// its names with `/` between them.
    times: BTreeMap<Vec<u8>, Timespec>,
    done: Unpacked,
}

/// An entry, where it stands.
struct Place<'a> {
    entry: &'a Entry,
    folder: Folder,
    parts: &'a [&'a [u8]],
    name: &'a [u8],
}

impl<'a> Writer<'a> {
    pub(super) fn new(target: BorrowedFd<'_>, rules: &'a Rules) -> Result<Self, Fault> {
        let folders = Folders::new(target).map_err(|error| Fault::system("open", b"/", error))?;
        let mut writer = Self {
            folders,
            rules,
            times: BTreeMap::new(),
            done: Unpacked::default(),
        };
        let root = writer.folders.root();
        writer.make_common(&root, &[])?;
        Ok(writer)
    }

    /// Adds one entry; its data is taken from `data`.
    pub(super) fn add(&mut self, entry: &Entry, data: &mut Entries<'_>) -> Result<(), Fault> {
        let refuse = |why| Fault::entry(&entry.path, why);
        match name::meaning(&entry.path, self.rules.bounds.depth).map_err(refuse)? {
            Meaning::Nothing => Ok(()),
            Meaning::Opaque(parts) if parts.is_empty() => {
                self.done.hides_lower = true;
                Ok(())
            }
            Meaning::Opaque(parts) => {
                let folder = self.enter(&parts, &entry.path)?;
                make_opaque(&folder, self.rules.form, &entry.path)
            }
            Meaning::Whiteout(parts) => self.white_out(&parts, entry),
            Meaning::Entry(parts) => match parts.split_last() {
                None if matches!(entry.kind, Kind::Folder) => {
                    let root = self.folders.root();
                    set(&root, entry, self.rules.owners)?;
                    self.times.insert(Vec::new(), entry.mtime);
                    Ok(())
                }
                None => Err(refuse(Refusal::Root)),
                Some((name, above)) => {
                    let folder = self.enter(above, &entry.path)?;
                    let parts = &parts;
                    self.make(
                        &Place {
                            entry,
                            folder,
                            parts,
                            name,
                        },
                        data,
                    )
                }
            },
        }
    }

    /// Sets the times of the folders. `entries` is what the archive had.
    pub(super) fn finish(mut self, entries: u64) -> Result<Unpacked, Fault> {
        for (path, mtime) in std::mem::take(&mut self.times) {
            let parts: Vec<_> = path.split(|byte| *byte == b'/').collect();
            let parts = if path.is_empty() {
                &[]
            } else {
                parts.as_slice()
            };
            let folder = self.enter(parts, &path)?;
            set_time(&folder, mtime, &path)?;
        }
        self.done.entries = entries;
        Ok(self.done)
    }

    fn make(&mut self, place: &Place<'_>, data: &mut Entries<'_>) -> Result<(), Fault> {
        let entry = place.entry;
        match &entry.kind {
            Kind::Folder => self.make_folder(place),
            Kind::File(map) => self.make_file(place, map, data),
            Kind::HardLink(target) => self.make_hard_link(place, target),
            Kind::Symlink(target) if target.is_empty() => {
                Err(Fault::entry(&entry.path, Refusal::NoTarget))
            }
            Kind::Symlink(target) => {
                self.make_anew(place, || {
                    symlinkat(target.as_slice(), &place.folder, place.name)
                })?;
                set_at(&place.folder, place.name, entry, self.rules.owners, true)
            }
            Kind::Fifo => self.make_node(place, FileType::Fifo, 0, 0),
            Kind::CharDevice(0, 0) => Err(Fault::entry(&entry.path, Refusal::ForgedWhiteout)),
            Kind::CharDevice(major, minor) => {
                self.make_node(place, FileType::CharacterDevice, *major, *minor)
            }
            Kind::BlockDevice(major, minor) => {
                self.make_node(place, FileType::BlockDevice, *major, *minor)
            }
        }
    }

    fn make_folder(&mut self, place: &Place<'_>) -> Result<(), Fault> {
        let Place { entry, folder, .. } = place;
        let mut is_opaque = false;
        let made = match mkdirat(folder, place.name, Mode::RWXU) {
            Err(Errno::EXIST) => match self.look(place)? {
                Found::Folder => Ok(()),
                found => {
                    is_opaque = found == Found::Whiteout;
                    self.clear(place)?;
                    mkdirat(folder, place.name, Mode::RWXU)
                }
            },
            made => made,
        };
        let made = made.and_then(|()| folders::open(folder, place.name));
        let made = Rc::new(made.map_err(|error| Fault::system("create", &entry.path, error))?);
        if is_opaque {
            make_opaque(&made, self.rules.form, &entry.path)?;
        }
        set(&made, entry, self.rules.owners)?;
        self.folders.push(place.name, made);
        self.times.insert(place.parts.join(&b'/'), entry.mtime);
        Ok(())
    }

    fn make_file(
        &mut self,
        place: &Place<'_>,
        map: &Map,
        data: &mut Entries<'_>,
    ) -> Result<(), Fault> {
        let path = &place.entry.path;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = self.make_anew(place, || {
            openat(&place.folder, place.name, flags | OFlags::CLOEXEC, mode)
        })?;
        for (offset, length) in &map.parts {
            self.done.written += *length;
            copy(&file, *offset, *length, data, path)?;
        }
        // A part without bytes, as GNU tar ends a hole with, makes nothing longer.
        let filled = map.parts.iter().rfind(|(_, length)| *length > 0);
        let end = filled.map_or(0, |(offset, length)| offset + length);
        if end < map.size {
            ftruncate(&file, map.size)
                .map_err(|error| Fault::system("make as long as it is", path, error))?;
        }
        self.done.size = self.done.size.saturating_add(map.size);
        set(&file, place.entry, self.rules.owners)?;
        set_time(&file, place.entry.mtime, path)
    }

    fn make_node(
        &mut self,
        place: &Place<'_>,
        kind: FileType,
        major: u32,
        minor: u32,
    ) -> Result<(), Fault> {
        let is_device = kind != FileType::Fifo;
        if is_device && self.rules.form == Form::User {
            // Nothing that stood there before may pass for it.
            self.clear(place)?;
            self.done.skipped_devices += 1;
            return Ok(());
        }
        // 12 and 20 bits are what the kernel has for them.
        if major >= 1 << 12 || minor >= 1 << 20 {
            return Err(Fault::entry(&place.entry.path, Refusal::BadDevice));
        }
        let device = if is_device { makedev(major, minor) } else { 0 };
        self.make_anew(place, || {
            mknodat(&place.folder, place.name, kind, Mode::RUSR, device)
        })?;
        set_at(
            &place.folder,
            place.name,
            place.entry,
            self.rules.owners,
            false,
        )
    }

    fn make_hard_link(&mut self, place: &Place<'_>, target: &[u8]) -> Result<(), Fault> {
        let entry = place.entry;
        let refuse = |why| Fault::entry(&entry.path, why);
        let parts = name::parts(target, self.rules.bounds.depth).map_err(refuse)?;
        let Some((name, above)) = parts.split_last() else {
            return Err(refuse(Refusal::BadTarget));
        };
        if parts == place.parts {
            return Err(refuse(Refusal::BadTarget));
        }
        let missing = |error| match error {
            Errno::NOENT | Errno::NOTDIR => refuse(Refusal::MissingTarget),
            error => Fault::system("find the target of the hard link", &entry.path, error),
        };
        let folder = if place.parts[..place.parts.len() - 1] == *above {
            Rc::clone(&place.folder)
        } else {
            self.find(above).map_err(missing)?
        };
        match folders::look(&folder, name).map_err(missing)? {
            Found::Nothing | Found::Whiteout => return Err(refuse(Refusal::MissingTarget)),
            Found::Folder => return Err(refuse(Refusal::BadTarget)),
            Found::Symlink | Found::Other => {}
        }
        self.make_anew(place, || {
            linkat(&folder, *name, &place.folder, place.name, AtFlags::empty())
        })?;
        self.set_linked(place)
    }

    /// The last entry of a file decides about its attributes. Mostly all say the same, and then
    /// nothing may be touched: a new owner would take capabilities away.
    fn set_linked(&self, place: &Place<'_>) -> Result<(), Fault> {
        let Place {
            entry,
            folder,
            name,
            ..
        } = place;
        let failed = |error| Fault::system("open", &entry.path, error);
        let stat = statat(folder, *name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(());
        }
        let has_owner = (stat.st_uid, stat.st_gid) == (entry.uid, entry.gid);
        let is_owned = self.rules.owners == Owners::Single || has_owner;
        let is_same = is_owned && stat.st_mode & 0o7777 == entry.mode;
        let mtime = (entry.mtime.tv_sec, entry.mtime.tv_nsec);
        let has_time = (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).ok());
        if is_same && has_time == (mtime.0, Some(mtime.1)) && entry.xattrs.is_empty() {
            return Ok(());
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(folder, *name, flags, Mode::empty()).map_err(failed)?;
        if is_same {
            set_xattrs(&file, entry)?;
        } else {
            set(&file, entry, self.rules.owners)?;
        }
        set_time(&file, entry.mtime, &entry.path)
    }

    fn white_out(&mut self, parts: &[&[u8]], entry: &Entry) -> Result<(), Fault> {
        let Some((name, above)) = parts.split_last() else {
            return Err(Fault::entry(&entry.path, Refusal::EmptyWhiteout));
        };
        let folder = self.enter(above, &entry.path)?;
        let place = Place {
            entry,
            folder,
            parts,
            name,
        };
        // It concerns the layers below alone. What this layer has itself hides what they have,
        // save a folder, which is joined with theirs.
        match self.look(&place)? {
            Found::Symlink | Found::Whiteout | Found::Other => Ok(()),
            Found::Folder => {
                let folder = folders::open(&place.folder, name)
                    .map_err(|error| Fault::system("open", &entry.path, error))?;
                make_opaque(&folder, self.rules.form, &entry.path)
            }
            Found::Nothing => {
                let kind = FileType::CharacterDevice;
                mknodat(&place.folder, *name, kind, Mode::empty(), 0)
                    .map_err(|error| Fault::system("make the whiteout", &entry.path, error))
            }
        }
    }

    fn look(&self, place: &Place<'_>) -> Result<Found, Fault> {
        folders::look(&place.folder, place.name)
            .map_err(|error| Fault::system("look at", &place.entry.path, error))
    }

    /// Makes something under a name; what stood there before is removed: the later entry counts.
    fn make_anew<T>(
        &mut self,
        place: &Place<'_>,
        make: impl Fn() -> Result<T, Errno>,
    ) -> Result<T, Fault> {
        let made = match make() {
            Err(Errno::EXIST) => {
                self.clear(place)?;
                make()
            }
            made => made,
        };
        made.map_err(|error| Fault::system("create", &place.entry.path, error))
    }

    fn clear(&mut self, place: &Place<'_>) -> Result<(), Fault> {
        match folders::remove(&place.folder, place.name) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => {
                return Err(Fault::system("replace", &place.entry.path, error));
            }
        }
        // No folder that was removed gets a time.
        let path = place.parts.join(&b'/');
        let below = [path.as_slice(), b"/"].concat();
        // The byte behind `/`.
        let beyond = [path.as_slice(), b"0"].concat();
        let gone: Vec<_> = self
            .times
            .range(below..beyond)
            .map(|(path, _)| path.clone())
            .collect();
        for path in gone.iter().chain([&path]) {
            self.times.remove(path);
        }
        Ok(())
    }

    /// Opens the folder at `parts`, and makes what is missing of it.
    fn enter(&mut self, parts: &[&[u8]], path: &[u8]) -> Result<Folder, Fault> {
        let open = self.folders.close_but(parts);
        for at in open..parts.len() {
            let above = self.folders.last();
            let name = parts[at];
            let folder = match folders::open(&above, name) {
                Ok(folder) => Rc::new(folder),
                Err(Errno::NOENT) => self.make_missing(&above, &parts[..=at], false, path)?,
                Err(Errno::NOTDIR) => match folders::look(&above, name) {
                    Ok(Found::Whiteout) => self.make_missing(&above, &parts[..=at], true, path)?,
                    Ok(Found::Symlink) => return Err(Fault::entry(path, Refusal::BelowLink)),
                    Ok(_) => return Err(Fault::entry(path, Refusal::BelowFile)),
                    Err(error) => return Err(Fault::system("look at", path, error)),
                },
                Err(error) => return Err(Fault::system("open the folder of", path, error)),
            };
            self.folders.push(name, folder);
        }
        Ok(self.folders.last())
    }

    fn make_missing(
        &mut self,
        above: &OwnedFd,
        parts: &[&[u8]],
        is_whiteout: bool,
        path: &[u8],
    ) -> Result<Folder, Fault> {
        let failed = |error| Fault::system("create the folder of", path, error);
        let name = parts[parts.len() - 1];
        if is_whiteout {
            folders::remove(above, name).map_err(failed)?;
        }
        mkdirat(above, name, Mode::RWXU).map_err(failed)?;
        let folder = Rc::new(folders::open(above, name).map_err(failed)?);
        if is_whiteout {
            make_opaque(&folder, self.rules.form, path)?;
        }
        self.make_common(&folder, parts)?;
        Ok(folder)
    }

    /// What a folder is of which the archive says nothing: root's, and for all to read.
    fn make_common(&mut self, folder: &OwnedFd, parts: &[&[u8]]) -> Result<(), Fault> {
        let path = parts.join(&b'/');
        let failed = |error| Fault::system("set the owner and the mode of", &path, error);
        if self.rules.owners == Owners::AsGiven {
            fchown(folder, Some(Uid::ROOT), Some(Gid::ROOT)).map_err(failed)?;
        }
        fchmod(folder, Mode::from_raw_mode(0o755)).map_err(failed)?;
        self.times.insert(path, NO_TIME);
        Ok(())
    }

    /// Opens the folder at `parts`, which must be there.
    fn find(&self, parts: &[&[u8]]) -> Result<Folder, Errno> {
        let mut folder = self.folders.root();
        for name in parts {
            folder = Rc::new(folders::open(&folder, name)?);
        }
        Ok(folder)
    }
}

/// Copies a part of a file from the archive to where it belongs.
fn copy(
    file: &OwnedFd,
    mut offset: u64,
    mut length: u64,
    data: &mut Entries<'_>,
    path: &[u8],
) -> Result<(), Fault> {
    while length > 0 {
        let piece = data.peek()?;
        let count = usize::try_from(length).map_or(piece.len(), |length| length.min(piece.len()));
        let count = retry_on_intr(|| pwrite(file, &piece[..count], offset))
            .map_err(|error| Fault::system("write", path, error))?;
        if count == 0 {
            return Err(Fault::system("write", path, Errno::IO));
        }
        data.take(count);
        offset += count as u64;
        length -= count as u64;
    }
    Ok(())
}
