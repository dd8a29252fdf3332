//! The folder of the store: whose it is, which version it has, and how files in it appear.

use std::fs::{DirBuilder, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::error::StoreError;
use crate::mark::Mark;

/// The version of all that is in the store.
const VERSION: u64 = 1;

const VERSION_FILE: &str = "version";
const TEMPORARY: &str = "temporary";
/// Where results of checks are, which the store itself knows nothing of.
pub(super) const RESULTS: &str = "results";

/// How a version that is being written is named.
const NEW_VERSION: &str = ".version-";

/// Makes the store's folder ready. Only its owner can reach anything in it: an image's setuid
/// programs must serve nobody else on this machine.
pub(super) fn prepare(root: &Path) -> Result<(), StoreError> {
    if let Some(above) = root.parent() {
        std::fs::create_dir_all(above).map_err(StoreError::io("create", above))?;
    }
    make(root)?;
    let stat = root.metadata().map_err(StoreError::io("look at", root))?;
    if !stat.is_dir() {
        return Err(StoreError::Foreign(root.to_owned()));
    }
    let (owner, user) = (stat.uid(), geteuid().as_raw());
    if owner != user {
        let folder = root.to_owned();
        return Err(StoreError::Owner {
            folder,
            owner,
            user,
        });
    }
    check_version(root)?;
    if stat.mode() & 0o7777 != 0o700 {
        let permissions = PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(root, permissions)
            .map_err(StoreError::io("set the mode of", root))?;
    }
    for name in [
        "layers",
        "layers/sha256",
        "locks",
        TEMPORARY,
        "images",
        "references",
        RESULTS,
        // Always empty: whoever makes containers mounts something here, for itself alone.
        "run",
    ] {
        make(&root.join(name))?;
    }
    Ok(())
}

/// Makes a folder for its owner alone, unless it is there.
pub(super) fn make(path: &Path) -> Result<(), StoreError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(StoreError::io("create", path)(error))
        }
        _ => Ok(()),
    }
}

fn check_version(root: &Path) -> Result<(), StoreError> {
    let path = root.join(VERSION_FILE);
    let foreign = || StoreError::Foreign(root.to_owned());
    match std::fs::read_to_string(&path) {
        Ok(text) => match text.trim().parse() {
            Ok(VERSION) => Ok(()),
            Ok(found) if found > VERSION => Err(StoreError::Newer {
                folder: root.to_owned(),
                found,
                known: VERSION,
            }),
            _ => Err(foreign()),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let entries = root.read_dir().map_err(StoreError::io("read", root))?;
            for entry in entries {
                let entry = entry.map_err(StoreError::io("read", root))?;
                let name = entry.file_name();
                // Another process may be at the same point. If it is ahead of us, all is well.
                let is_new = name
                    .to_str()
                    .is_some_and(|name| name.starts_with(NEW_VERSION));
                if !is_new && !path.exists() {
                    return Err(foreign());
                }
            }
            let text = format!("{VERSION}\n");
            place(root, NEW_VERSION, &path, text.as_bytes())
        }
        Err(error) if error.kind() == ErrorKind::InvalidData => Err(foreign()),
        Err(error) => Err(StoreError::io("read", path)(error)),
    }
}

/// Puts a file in its place, whole or not at all.
pub(super) fn replace(root: &Path, path: &Path, content: &[u8]) -> Result<(), StoreError> {
    place(&temporary(root), &prefix(), path, content)
}

fn place(folder: &Path, prefix: &str, path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let failed = || StoreError::io("write", path);
    let mut file = tempfile::Builder::new()
        .prefix(prefix)
        .tempfile_in(folder)
        .map_err(failed())?;
    file.write_all(content).map_err(failed())?;
    file.persist(path).map_err(|error| failed()(error.error))?;
    Ok(())
}

/// Where things are made and removed.
pub(super) fn temporary(root: &Path) -> PathBuf {
    root.join(TEMPORARY)
}

/// A name there that nothing has, with the mark of this process. The folder is made.
pub(super) fn fresh(root: &Path) -> Result<PathBuf, StoreError> {
    let folder = temporary(root);
    let made = tempfile::Builder::new()
        .prefix(&prefix())
        .permissions(PermissionsExt::from_mode(0o700))
        .tempdir_in(&folder)
        .map_err(StoreError::io("create a folder in", folder))?;
    Ok(made.keep())
}

fn prefix() -> String {
    format!("{}.", Mark::ours())
}

/// Whose something there is; none if it is named as only others would.
pub(super) fn mark(name: &str) -> Option<Mark> {
    let (mark, _) = name.rsplit_once('.')?;
    Mark::parse(mark)
}

/// Hands all that was written to the disk.
pub(super) fn sync(root: &Path) -> Result<(), StoreError> {
    let folder = File::open(root).map_err(StoreError::io("open", root))?;
    rustix::fs::syncfs(folder).map_err(|error| StoreError::io("sync", root)(error.into()))
}
