//! The temporary folder of a run, and those of dead runs.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;
use tempfile::TempDir;

use super::reap::{Cleaned, Leftover, What};
use crate::mark::Mark;

const PREFIX: &str = "seatrial-";
/// The end of a name that nobody else can have.
const RANDOM: usize = 6;

/// Makes the folder of this run. No other user can list it; an engine whose root is nobody on this
/// machine (`userns-remap`) must be able to pass through.
pub(super) fn make() -> io::Result<TempDir> {
    let prefix = format!("{PREFIX}{}-", Mark::ours());
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).rand_bytes(RANDOM);
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o711));
    builder.tempdir()
}

/// Removes the folders of dead runs from the temporary folder of this machine, or only tells of
/// them.
///
/// What others have there is not looked at: only folders, no links to any, that belong to this
/// user and are named as only we name them.
///
/// # Errors
/// When the temporary folder can't be read.
pub fn clean_folders(dry_run: bool) -> io::Result<Cleaned> {
    clean(&std::env::temp_dir(), dry_run)
}

fn clean(temporary: &Path, dry_run: bool) -> io::Result<Cleaned> {
    let mut cleaned = Cleaned::default();
    for (path, mark) in ours(temporary)? {
        let fate = mark.fate(true);
        let leftover = Leftover {
            what: What::Folder,
            name: path.display().to_string(),
            purpose: String::new(),
            reason: mark.reason(fate),
        };
        if !fate.is_over() {
            cleaned.left.push(leftover);
            continue;
        }
        // Links in it are removed, never followed.
        match if dry_run {
            Ok(())
        } else {
            std::fs::remove_dir_all(&path)
        } {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                cleaned.failed.push((leftover, error.to_string()));
            }
            // Another run may have been quicker.
            _ => cleaned.removed.push(leftover),
        }
    }
    Ok(cleaned)
}

/// The folders that seatrial has made as this user, by name.
fn ours(temporary: &Path) -> io::Result<Vec<(PathBuf, Mark)>> {
    let mut found = Vec::new();
    for entry in temporary.read_dir()? {
        // One that goes while the list is read is nobody's loss.
        let Ok(entry) = entry else { continue };
        let Some(mark) = entry.file_name().to_str().and_then(mark) else {
            continue;
        };
        let path = entry.path();
        if path
            .symlink_metadata()
            .is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == geteuid().as_raw())
        {
            found.push((path, mark));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// The mark in the name of such a folder.
fn mark(name: &str) -> Option<Mark> {
    let (mark, random) = name.strip_prefix(PREFIX)?.rsplit_once('-')?;
    let is_random = random.len() == RANDOM && random.bytes().all(|b| b.is_ascii_alphanumeric());
    Mark::parse(mark).filter(|_| is_random)
}

#[cfg(test)]
mod tests {
    use std::fs::{File, create_dir};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A mark of a process that is gone: its pid is used again.
    fn dead() -> Mark {
        Mark {
            start: "1".to_owned(),
            ..Mark::ours()
        }
    }

    fn names(leftovers: &[Leftover]) -> Vec<&str> {
        let names = leftovers
            .iter()
            .map(|it| it.name.rsplit('/').next().unwrap());
        names.collect()
    }

    #[test]
    fn the_folder_of_a_run_is_its_own_and_is_known_again() {
        let folder = make().unwrap();
        let mode = folder.path().metadata().unwrap().permissions().mode();
        assert_eq!(mode & !0o111, 0o040_600);
        let name = folder.path().file_name().unwrap().to_str().unwrap();
        assert_eq!(mark(name).unwrap().pid, std::process::id());
    }

    #[test]
    fn folders_of_the_dead_are_removed_and_nothing_else() {
        let temporary = tempfile::tempdir().unwrap();
        let here = |name: &str| temporary.path().join(name);
        let (dead, ours) = (dead(), Mark::ours());
        let other = Mark {
            boot: "0".repeat(32),
            ..dead.clone()
        };
        let old = Mark {
            expires: 1,
            ..other.clone()
        };
        let outside = tempfile::tempdir().unwrap();
        File::create(outside.path().join("kept")).unwrap();

        let removed = [
            format!("seatrial-{dead}-aaaaaa"),
            format!("seatrial-{old}-bbbbbb"),
        ];
        for name in &removed {
            create_dir(here(name)).unwrap();
            File::create(here(name).join("file")).unwrap();
            symlink(outside.path(), here(name).join("link")).unwrap();
        }
        let left = [
            format!("seatrial-{ours}-cccccc"),
            format!("seatrial-{other}-dddddd"),
        ];
        let strange = [
            format!("seatrial-{dead}-aaaaa"),
            format!("seatrial-{dead}-aaaaa."),
            format!("seatrial-{dead}"),
            format!("other-{dead}-aaaaaa"),
            "seatrial-x".to_owned(),
        ];
        for name in left.iter().chain(&strange) {
            create_dir(here(name)).unwrap();
        }
        symlink(outside.path(), here(&format!("seatrial-{dead}-eeeeee"))).unwrap();
        File::create(here(&format!("seatrial-{dead}-ffffff"))).unwrap();

        let before = temporary.path().read_dir().unwrap().count();
        for dry_run in [true, false] {
            let cleaned = clean(temporary.path(), dry_run).unwrap();
            let mut expected = removed.each_ref().map(String::as_str);
            expected.sort_unstable();
            assert_eq!(names(&cleaned.removed), expected);
            assert_eq!(cleaned.left.len(), left.len());
            assert!(cleaned.failed.is_empty());
            let gone = if dry_run { 0 } else { removed.len() };
            assert_eq!(temporary.path().read_dir().unwrap().count(), before - gone);
        }
        assert!(outside.path().join("kept").exists(), "a link was followed");
        assert!(clean(temporary.path(), false).unwrap().removed.is_empty());
    }

    #[test]
    fn folders_of_others_are_not_looked_at() {
        if !geteuid().is_root() {
            return;
        }
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join(format!("seatrial-{}-aaaaaa", dead()));
        create_dir(&path).unwrap();
        std::os::unix::fs::chown(&path, Some(1234), None).unwrap();
        let cleaned = clean(temporary.path(), false).unwrap();
        assert!(cleaned.removed.is_empty() && cleaned.left.is_empty());
        assert!(path.exists());
    }
}
