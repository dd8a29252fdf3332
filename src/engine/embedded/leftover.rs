//! What runs left that were killed: control groups with nobody in them, and parts of layers.

use std::io;
use std::path::{Path, PathBuf};

use super::helper::group_folders;
use super::setup::{GROUPS, store_folder};
use super::store;
use crate::engine::docker::{Cleaned, Leftover, What};
use crate::mark::Mark;

/// Removes what dead runs left, or only tells of it. What lives is not touched.
pub fn clean_embedded(dry_run: bool) -> Cleaned {
    let mut cleaned = Cleaned::default();
    for (path, mark) in groups() {
        let remove = || std::fs::remove_dir(&path);
        note(
            What::ControlGroup,
            &path,
            &mark,
            dry_run,
            &remove,
            &mut cleaned,
        );
    }
    let store = store_folder(&|name| std::env::var(name).ok());
    for (path, mark) in store
        .map(|store| store::unfinished(&store))
        .unwrap_or_default()
    {
        let remove = || match path.symlink_metadata()?.is_dir() {
            true => std::fs::remove_dir_all(&path),
            false => std::fs::remove_file(&path),
        };
        note(What::Folder, &path, &mark, dry_run, &remove, &mut cleaned);
    }
    cleaned
}

/// Removes the control groups of dead runs; a run that ends has no time for more than that.
pub(super) fn clean_groups() {
    for (path, mark) in groups() {
        if mark.fate(true).is_over() {
            let _ = std::fs::remove_dir(path);
        }
    }
}

/// The control groups of all runs: named as the mark of a run, or that of one of its containers.
fn groups() -> Vec<(PathBuf, Mark)> {
    let folders = group_folders(GROUPS).into_iter();
    let marked = folders.filter_map(|path| {
        let name = path.file_name()?.to_str()?.strip_prefix(GROUPS)?;
        let of_container = || Mark::parse(name.rsplit_once('-')?.0);
        let mark = Mark::parse(name).or_else(of_container)?;
        Some((path, mark))
    });
    marked.collect()
}

fn note(
    what: What,
    path: &Path,
    mark: &Mark,
    dry_run: bool,
    remove: &dyn Fn() -> io::Result<()>,
    cleaned: &mut Cleaned,
) {
    let fate = mark.fate(true);
    let leftover = Leftover {
        what,
        name: path.display().to_string(),
        purpose: String::new(),
        reason: mark.reason(fate),
    };
    if !fate.is_over() {
        cleaned.left.push(leftover);
        return;
    }
    match if dry_run { Ok(()) } else { remove() } {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            cleaned.failed.push((leftover, error.to_string()));
        }
        _ => cleaned.removed.push(leftover),
    }
}
