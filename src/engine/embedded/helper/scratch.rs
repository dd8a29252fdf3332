//! Where a container writes to: a file system in memory, which each thread has for itself.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::mount::{MoveMountFlags, UnmountFlags, move_mount, unmount};

use super::ground::memory;

/// What a container leaves is removed one by one up to this many entries; beyond it the whole
/// file system is thrown away, which costs the same however much is in it.
const FEW: usize = 64;

/// The files of a container's network.
pub(super) const FILES: [&str; 3] = ["resolv.conf", "hostname", "hosts"];

/// The file system of one thread.
#[derive(Debug)]
pub(super) struct Scratch {
    run: PathBuf,
    /// Its folder in the run folder, which is the working directory.
    name: String,
    size: String,
}

impl Scratch {
    /// Mounts it. `size` is the most that it may hold, in bytes.
    pub(super) fn new(run: &Path, number: u64, size: u64) -> io::Result<Self> {
        let scratch = Self {
            run: run.to_owned(),
            name: format!("w/{number}"),
            size: size.to_string(),
        };
        fs::create_dir_all(scratch.folder())?;
        scratch.mount()?;
        Ok(scratch)
    }

    /// Its folder, from the working directory.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its folder.
    pub(super) fn folder(&self) -> PathBuf {
        self.run.join(&self.name)
    }

    /// Mounts it in a mount namespace that has not got it yet.
    pub(super) fn mount(&self) -> io::Result<()> {
        let tree = memory(&[("mode", "700"), ("size", &self.size)])?;
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        move_mount(&tree, "", CWD, self.folder(), flags)?;
        self.lay_out()
    }

    /// Removes what every container leaves, if that is all.
    fn clear_known(&self) -> io::Result<()> {
        // From the working directory, which is nearer.
        let folder = Path::new(&self.name);
        for file in FILES {
            fs::remove_file(folder.join(file))?;
        }
        for empty in ["w/work", "w", "u"] {
            fs::remove_dir(folder.join(empty))?;
        }
        // Itself, and its name above.
        match fs::metadata(folder)?.nlink() {
            2 => Ok(()),
            _ => Err(io::ErrorKind::DirectoryNotEmpty.into()),
        }
    }

    fn lay_out(&self) -> io::Result<()> {
        let folder = Path::new(&self.name);
        fs::create_dir(folder.join("u"))?;
        fs::create_dir(folder.join("w"))
    }

    /// Removes all that a container left.
    pub(super) fn clear(&self) -> io::Result<()> {
        if self.clear_known().is_ok() {
            return self.lay_out();
        }
        let mut few = FEW;
        if remove_few(&self.folder(), &mut few).is_ok() && few > 0 {
            return self.lay_out();
        }
        unmount(self.folder(), UnmountFlags::DETACH)?;
        self.mount()
    }
}

/// Removes what is in a folder, as long as it is little.
fn remove_few(folder: &Path, few: &mut usize) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        *few = few.saturating_sub(1);
        if *few == 0 {
            return Ok(());
        }
        if entry.file_type()?.is_dir() {
            remove_few(&entry.path(), few)?;
            if *few == 0 {
                return Ok(());
            }
            fs::remove_dir(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
