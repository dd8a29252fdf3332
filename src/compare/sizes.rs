//! Where an image grew or shrank.

use std::collections::HashMap;

use super::model::{FolderSize, Sizes};

/// As many folders are told.
const MOST: usize = 10;
/// A folder that changed by a smaller part of what the first one changed by is not told.
const SMALLEST: u64 = 50;
/// No folder below this depth is told: `/usr/lib/python3/dist-packages` is four deep.
const DEEPEST: usize = 4;

/// How much two images hold, and in which folders that differs.
#[derive(Debug, Default)]
pub(super) struct Growth {
    pub(super) old: u64,
    pub(super) new: u64,
    folders: HashMap<Box<str>, i64>,
}

impl Growth {
    /// Takes note of a path that differs: how many bytes it had, and has.
    pub(super) fn add(&mut self, path: &str, old: u64, new: u64) {
        let change = i128::from(new) - i128::from(old);
        let Ok(change) = i64::try_from(change) else {
            return;
        };
        if change == 0 {
            return;
        }
        for (depth, (at, _)) in path.match_indices('/').enumerate().take(DEEPEST + 1) {
            let folder = if depth == 0 { "/" } else { &path[..at] };
            match self.folders.get_mut(folder) {
                Some(known) => *known = known.saturating_add(change),
                None => {
                    self.folders.insert(folder.into(), change);
                }
            }
        }
    }

    /// The sizes, and the folders that tell best where they differ: a folder is left out where one
    /// below it explains nearly all of it.
    pub(super) fn sizes(self) -> Sizes {
        let mut largest_child: HashMap<&str, i64> = HashMap::new();
        for (folder, change) in &self.folders {
            if let Some((parent, _)) = folder.rsplit_once('/').filter(|_| **folder != *"/") {
                let parent = if parent.is_empty() { "/" } else { parent };
                let known = largest_child.entry(parent).or_default();
                if change.unsigned_abs() > known.unsigned_abs() {
                    *known = *change;
                }
            }
        }
        let is_explained = |folder: &str, change: i64| {
            let child = largest_child.get(folder).copied().unwrap_or_default();
            let rest = change.saturating_sub(child);
            rest.unsigned_abs() <= change.unsigned_abs() / 10
        };
        let folders = self.folders.iter();
        let mut folders: Vec<FolderSize> = folders
            .filter(|(folder, change)| **change != 0 && !is_explained(folder, **change))
            // The whole is told beside them.
            .filter(|(folder, _)| ***folder != *"/")
            .map(|(folder, change)| FolderSize {
                path: folder.to_string(),
                change: *change,
            })
            .collect();
        let weight = |it: &FolderSize| std::cmp::Reverse(it.change.unsigned_abs());
        folders.sort_unstable_by(|a, b| (weight(a), &a.path).cmp(&(weight(b), &b.path)));
        folders.truncate(MOST);
        let least = folders
            .first()
            .map_or(0, |it| it.change.unsigned_abs() / SMALLEST);
        folders.retain(|it| it.change.unsigned_abs() >= least);
        Sizes {
            old: Some(self.old),
            new: Some(self.new),
            folders,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(changes: &[(&str, u64, u64)]) -> Vec<(String, i64)> {
        let mut growth = Growth::default();
        for (path, old, new) in changes {
            growth.add(path, *old, *new);
        }
        let folders = growth.sizes().folders.into_iter();
        folders.map(|it| (it.path, it.change)).collect()
    }

    #[test]
    fn folders_that_explain_the_growth_are_told_to_a_readable_depth() {
        let found = told(&[
            ("/usr/lib/a/b/c/d/e/f", 0, 1_000_000),
            ("/usr/lib/x", 0, 1),
            ("/usr/share/doc/y", 0, 400_000),
            ("/etc/passwd", 50_010, 10),
            ("/opt/little", 0, 5),
            ("/top", 0, 7),
        ]);
        let expected = [
            ("/usr", 1_400_001),
            ("/usr/lib/a/b", 1_000_000),
            ("/usr/share/doc", 400_000),
            ("/etc", -50_000),
        ];
        let expected = expected.map(|(path, change)| (path.to_owned(), change));
        assert_eq!(found, expected);
    }

    #[test]
    fn what_grew_and_shrank_alike_is_no_growth() {
        assert_eq!(told(&[("/a/x", 5, 0), ("/a/y", 0, 5)]), []);
    }
}
