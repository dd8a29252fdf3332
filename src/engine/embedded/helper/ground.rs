//! The mount namespace of a thread: small, so that it costs little to copy for each container.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, mkdirat};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags,
    fsconfig_create, fsconfig_set_string, fsmount, fsopen, move_mount, open_tree, unmount,
};
use rustix::process::{chdir, fchdir, pivot_root};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::super::sandbox::unshare;
use super::recipe::{EMPTY, GROUPS};

/// Where a thread works.
#[derive(Debug)]
pub(super) struct Ground {
    /// The namespace in which all of the host's files are seen.
    host: OwnedFd,
    /// This thread's own.
    own: OwnedFd,
    /// The folder for what is made at run time; every relative path is in it.
    run: PathBuf,
    /// The folders of the host that are seen here.
    bases: BTreeSet<PathBuf>,
    in_user_namespace: bool,
}

impl Ground {
    /// Leaves the namespace of the host for one that has only `bases`, `run`, and of the kernel what
    /// is needed.
    pub(super) fn leave(
        run: &Path,
        bases: BTreeSet<PathBuf>,
        in_user_namespace: bool,
    ) -> io::Result<Self> {
        let host = namespace()?;
        let own = make(&bases, run, in_user_namespace)?;
        Ok(Self {
            host,
            own,
            run: run.to_owned(),
            bases,
            in_user_namespace,
        })
    }

    /// Sees to it that all of `bases` are seen here; whether the namespace had to be made anew.
    pub(super) fn require(&mut self, bases: &BTreeSet<PathBuf>) -> io::Result<bool> {
        if bases.is_subset(&self.bases) {
            return Ok(false);
        }
        self.bases.extend(bases.iter().cloned());
        enter(&self.host)?;
        self.own = make(&self.bases, &self.run, self.in_user_namespace)?;
        Ok(true)
    }

    /// Does something where all of the host's files are seen.
    pub(super) fn on_host<T>(&self, work: impl FnOnce() -> T) -> io::Result<T> {
        enter(&self.host)?;
        let done = work();
        enter(&self.own)?;
        chdir(&self.run)?;
        Ok(done)
    }
}

fn namespace() -> io::Result<OwnedFd> {
    Ok(File::open("/proc/thread-self/ns/mnt")?.into())
}

fn enter(namespace: &OwnedFd) -> io::Result<()> {
    let mount = Some(LinkNameSpaceType::Mount);
    Ok(move_into_link_name_space(namespace.as_fd(), mount)?)
}

/// A file system in memory that nobody sees yet.
pub(super) fn memory(options: &[(&str, &str)]) -> io::Result<OwnedFd> {
    let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in options {
        fsconfig_set_string(&context, *key, *value)?;
    }
    fsconfig_create(&context)?;
    let flags = FsMountFlags::FSMOUNT_CLOEXEC;
    Ok(fsmount(&context, flags, MountAttrFlags::empty())?)
}

/// A copy of a mount that nobody sees yet.
pub(super) fn copy_of(path: &Path) -> io::Result<OwnedFd> {
    let one = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    match open_tree(CWD, path, one) {
        // What is mounted below must not come to light in a user namespace: so it comes too.
        Err(Errno::INVAL) => Ok(open_tree(CWD, path, one | OpenTreeFlags::AT_RECURSIVE)?),
        tree => Ok(tree?),
    }
}

pub(super) fn attach(tree: &OwnedFd, to: &OwnedFd, path: &Path) -> io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    Ok(move_mount(tree, "", to, path, flags)?)
}

fn make(bases: &BTreeSet<PathBuf>, run: &Path, in_user_namespace: bool) -> io::Result<OwnedFd> {
    unshare(libc::CLONE_NEWNS)?;
    let whole = |path: &Path| {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        open_tree(CWD, path, flags | OpenTreeFlags::AT_RECURSIVE)
    };
    let mut trees = Vec::new();
    if in_user_namespace {
        // New ones can be mounted only where these are seen whole.
        for kernel in ["/proc", "/sys"].map(PathBuf::from) {
            trees.push((kernel.clone(), whole(&kernel)?));
        }
    } else {
        // Each container begins with a copy of every mount, and throws it away.
        let kernel = PathBuf::from("/proc");
        trees.push((kernel.clone(), copy_of(&kernel)?));
    }
    for base in bases {
        trees.push((base.clone(), copy_of(base)?));
    }
    trees.push((run.to_owned(), copy_of(run)?));
    for part in [GROUPS, EMPTY].map(|part| run.join(part)) {
        trees.push((part.clone(), whole(&part)?));
    }
    let root = memory(&[("mode", "755"), ("size", "1m")])?;
    for (path, _) in &trees {
        folders(&root, path)?;
    }
    // On top of all: what was the root is then below it, and can be taken away.
    move_mount(&root, "", CWD, "/", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    fchdir(&root)?;
    for (path, tree) in &trees {
        let inside = path.strip_prefix("/").unwrap_or(path);
        attach(tree, &root, inside)?;
    }
    pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    chdir(run)?;
    namespace()
}

/// Makes a folder and all above it.
fn folders(root: &OwnedFd, path: &Path) -> io::Result<()> {
    let inside = path.strip_prefix("/").unwrap_or(path);
    let mut so_far = PathBuf::new();
    for part in inside.components() {
        so_far.push(part);
        match mkdirat(root, &so_far, Mode::from_bits_truncate(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
