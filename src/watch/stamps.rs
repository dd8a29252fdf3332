//! The files that are there, and whether they are still what they were.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::roots::Roots;

/// No more files are looked at: a look at all of them would take too long.
const MOST: usize = 200_000;
/// Folders that only programs write to.
const NEVER: [&str; 5] = [".git", ".hg", ".svn", ".jj", "node_modules"];
/// What marks a folder of such things (Cache Directory Tagging Specification).
const CACHE: &str = "CACHEDIR.TAG";

/// What tells that a file was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: (i64, i64),
    size: u64,
    inode: u64,
    mode: u32,
}

/// The files at one moment.
#[derive(Debug, Clone, Default)]
pub struct Stamps {
    files: BTreeMap<PathBuf, Stamp>,
    folders: BTreeSet<PathBuf>,
    is_cut: bool,
}

impl Stamps {
    /// Looks at all files of `roots`, but for those that `is_ours` says we write ourselves. What can't
    /// be read is not there.
    pub fn take(roots: &Roots, is_ours: &dyn Fn(&Path) -> bool) -> Self {
        let mut stamps = Self::default();
        for file in &roots.files {
            if let Ok(found) = file.metadata() {
                stamps.files.insert(file.clone(), Stamp::of(&found));
            }
            stamps.folders.extend(file.parent().and_then(nearest));
            // The file behind a link is elsewhere.
            let real = file.canonicalize().ok();
            let real = real.as_deref().and_then(Path::parent);
            stamps.folders.extend(real.map(Path::to_owned));
        }
        for folder in &roots.folders {
            stamps.folders.extend(nearest(folder));
            stamps.walk(folder, is_ours);
        }
        stamps
    }

    fn walk(&mut self, folder: &Path, is_ours: &dyn Fn(&Path) -> bool) {
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = folder.read_dir() else {
                continue;
            };
            self.folders.insert(folder);
            for entry in entries.flatten() {
                if self.files.len() + self.folders.len() >= MOST {
                    self.is_cut = true;
                    return;
                }
                let path = entry.path();
                let Ok(found) = path.symlink_metadata() else {
                    continue;
                };
                if found.is_dir() {
                    let name = entry.file_name();
                    let is_left_out = NEVER.iter().any(|never| name == *never);
                    if !is_left_out && !self.folders.contains(&path) && !path.join(CACHE).exists() {
                        folders.push(path);
                    }
                } else if !is_noise(&path) && !is_ours(&path) {
                    self.files.insert(path, Stamp::of(&found));
                }
            }
        }
    }

    /// The files that were added, changed or removed until `newer`.
    pub fn changes(&self, newer: &Self) -> BTreeSet<PathBuf> {
        let now = newer.files.iter();
        let now = now.filter(|(path, stamp)| self.files.get(*path) != Some(stamp));
        let gone = self.files.keys();
        let gone = gone.filter(|path| !newer.files.contains_key(*path));
        now.map(|(path, _)| path).chain(gone).cloned().collect()
    }

    /// These files, but those that `older` knows as they were then.
    #[must_use]
    pub fn keeping(mut self, older: &Self) -> Self {
        for (path, stamp) in &mut self.files {
            if let Some(known) = older.files.get(path) {
                *stamp = *known;
            }
        }
        self
    }

    /// The folders in which something may come, go or change.
    pub fn folders(&self) -> &BTreeSet<PathBuf> {
        &self.folders
    }

    /// How many files there are.
    pub fn count(&self) -> usize {
        self.files.len()
    }

    /// Whether there are more than are looked at.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }
}

impl Stamp {
    fn of(found: &Metadata) -> Self {
        Self {
            modified: (found.mtime(), found.mtime_nsec()),
            size: found.size(),
            inode: found.ino(),
            mode: found.mode(),
        }
    }
}

/// The folder itself, or the first one above it that is there: that it comes is told by that one.
fn nearest(folder: &Path) -> Option<PathBuf> {
    let mut above = folder.ancestors();
    above.find(|it| it.is_dir()).map(Path::to_owned)
}

/// What editors and ourselves write beside a file for a moment.
fn is_noise(path: &Path) -> bool {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else {
        return true;
    };
    let is_swap = [".swp", ".swo", ".swx", "~", ".tmp~"]
        .iter()
        .any(|end| name.ends_with(end));
    let is_lock = name.starts_with(".#") || name.starts_with('#') && name.ends_with('#');
    let is_temporary = name.starts_with(".seatrial-") || name.starts_with(".goutputstream-");
    // Vim tries whether it may write with a file of this name.
    is_swap || is_lock || is_temporary || name == "4913" || name.contains("___jb_")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .open(path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
            .unwrap();
    }

    #[test]
    fn what_matters_is_told_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for path in [
            "context/kept",
            "context/saved",
            "context/gone",
            "context/.git/index",
            "context/target/CACHEDIR.TAG",
            "context/target/x",
            "context/report.xml",
            "spec.yaml",
        ] {
            write(&at(path), "1");
        }
        let roots = Roots {
            files: [at("spec.yaml"), at("later/spec.yaml")].into(),
            folders: [at("context")].into(),
        };
        let is_ours = |path: &Path| path.ends_with("report.xml");
        let before = Stamps::take(&roots, &is_ours);
        assert_eq!(before.count(), 4);
        let found = |before: &Stamps| {
            let changes = before.changes(&Stamps::take(&roots, &is_ours));
            let names = changes.iter().map(|path| {
                let inside = path.strip_prefix(folder.path()).unwrap();
                inside.display().to_string()
            });
            names.collect::<Vec<_>>()
        };
        assert_eq!(found(&before), Vec::<String>::new());

        for path in [
            "context/.git/index",
            "context/target/x",
            "context/report.xml",
            "context/.saved.swp",
            "context/saved~",
            "context/4913",
            "context/.seatrial-1-2-3.xml.tmp",
            "elsewhere",
        ] {
            write(&at(path), "22");
        }
        assert_eq!(found(&before), Vec::<String>::new());

        // By a rename, as editors save.
        write(&at("context/new~"), "1");
        fs::rename(at("context/new~"), at("context/saved")).unwrap();
        fs::remove_file(at("context/gone")).unwrap();
        write(&at("context/deep/er/new"), "1");
        write(&at("later/spec.yaml"), "1");
        assert_eq!(
            found(&before),
            [
                "context/deep/er/new",
                "context/gone",
                "context/saved",
                "later/spec.yaml"
            ]
        );
        fs::remove_dir_all(at("context")).unwrap();
        assert_eq!(found(&before).len(), 4);
        assert!(
            Stamps::take(&roots, &is_ours)
                .folders()
                .contains(folder.path())
        );
    }
}
