//! Comparisons of made-up images.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::bounds::Bounds;
use super::files::{Found, compare};
use super::model::{Aspect, Change, FileChange};
use crate::engine::{EngineError, FileEntry, FileKind, FileOwner, FileStat, Files, Inode, Visit};

/// How an engine shows its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    /// One after the other, with their contents; of a further name nothing.
    Streams,
    /// As files of this machine: those with the same number are the same.
    Inodes,
}

/// A thing, and the number of its inode.
type Node = (FileStat, FileOwner, u64, String);

#[derive(Debug, Clone)]
struct Tree {
    shows: Shows,
    entries: BTreeMap<String, Node>,
    /// Whether a content may be asked for.
    may_read: bool,
}

impl Tree {
    fn new(shows: Shows) -> Self {
        Self {
            shows,
            entries: BTreeMap::new(),
            may_read: true,
        }
    }

    fn add(mut self, path: &str, kind: FileKind, mode: u32, uid: u64, content: &str) -> Self {
        // What is the same is in a layer that both images have.
        let number = content.bytes().fold(7_u64, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(byte.into())
        });
        let stat = FileStat {
            kind,
            mode,
            size: content.len() as u64,
            link_target: (kind == FileKind::Symlink).then(|| content.to_owned()),
        };
        let owner = FileOwner { uid, gid: 0 };
        let node = (stat, owner, number, content.to_owned());
        self.entries.insert(path.to_owned(), node);
        self
    }

    fn file(self, path: &str, content: &str) -> Self {
        self.add(path, FileKind::File, 0o644, 0, content)
    }

    fn names(&self, number: u64) -> impl Iterator<Item = &str> {
        let entries = self.entries.iter();
        let same = entries.filter(move |(_, it)| it.2 == number && it.0.kind == FileKind::File);
        same.map(|(path, _)| path.as_str())
    }
}

impl Files for Tree {
    fn stat(&self, path: &str) -> Result<Option<FileStat>, EngineError> {
        Ok(self.entries.get(path).map(|it| it.0.clone()))
    }

    fn owner(&self, path: &str) -> Result<FileOwner, EngineError> {
        Ok(self.entries[path].1)
    }

    fn read(&self, path: &str, _: u64) -> Result<Vec<u8>, EngineError> {
        Ok(self.entries[path].3.clone().into_bytes())
    }

    fn content(&self, path: &str, take: &mut dyn FnMut(&[u8])) -> Result<(), EngineError> {
        assert!(self.may_read, "{path} was read");
        take(self.entries[path].3.as_bytes());
        Ok(())
    }

    fn link_target(&self, path: &str) -> Result<String, EngineError> {
        Ok(self.entries[path].3.clone())
    }

    fn walk(&self, _: &str, visit: &mut Visit<'_>) -> Result<(), EngineError> {
        for (path, (stat, owner, number, content)) in &self.entries {
            let is_first = self.names(*number).next() == Some(path);
            let inode = Inode {
                number: *number,
                changed: (0, 0),
                names: self.names(*number).count() as u64,
            };
            let entry = FileEntry {
                path: path.clone(),
                stat: stat.clone(),
                owner: Some(*owner),
                inode: (self.shows == Shows::Inodes).then_some(inode),
            };
            let passes = stat.kind == FileKind::File && is_first && self.shows == Shows::Streams;
            let content = if passes { content.as_bytes() } else { b"" };
            visit(&entry, &mut &*content)?;
        }
        Ok(())
    }
}

fn found(old: &Tree, new: &Tree) -> Found {
    compare(old, new, Bounds::none()).unwrap()
}

fn said(found: &Found) -> Vec<(&str, Change, &[Aspect])> {
    let files = found.files.iter();
    files
        .map(|it| (it.path.as_str(), it.change, it.differs.as_slice()))
        .collect()
}

#[test]
fn each_way_to_differ_is_told() {
    for shows in [Shows::Streams, Shows::Inodes] {
        let dir = FileKind::Directory;
        let link = FileKind::Symlink;
        let old = Tree::new(shows)
            .add("/a", dir, 0o755, 0, "")
            .file("/a/same", "same")
            .file("/a/longer", "x")
            .file("/a/other", "abc")
            .file("/a/gone", "gone")
            .add("/a/mode", FileKind::File, 0o644, 0, "m")
            .add("/a/owner", FileKind::File, 0o644, 0, "o")
            .add("/a/link", link, 0o777, 0, "x")
            .file("/a/turned", "t");
        let new = Tree::new(shows)
            .add("/a", dir, 0o700, 0, "")
            .file("/a/same", "same")
            .file("/a/longer", "xx")
            .file("/a/other", "abd")
            .file("/a/new", "new")
            .add("/a/mode", FileKind::File, 0o4755, 0, "m")
            .add("/a/owner", FileKind::File, 0o644, 5, "o")
            .add("/a/link", link, 0o700, 0, "y")
            .add("/a/turned", dir, 0o755, 0, "");
        let found = found(&old, &new);
        let expected: [(&str, Change, &[Aspect]); 9] = [
            ("/a", Change::Changed, &[Aspect::Mode]),
            ("/a/gone", Change::Removed, &[]),
            ("/a/link", Change::Changed, &[Aspect::Target]),
            ("/a/longer", Change::Changed, &[Aspect::Content]),
            ("/a/mode", Change::Changed, &[Aspect::Mode]),
            ("/a/new", Change::Added, &[]),
            ("/a/other", Change::Changed, &[Aspect::Content]),
            ("/a/owner", Change::Changed, &[Aspect::Owner]),
            ("/a/turned", Change::Changed, &[Aspect::Type]),
        ];
        assert_eq!(said(&found), expected, "{shows:?}");
    }
}

#[test]
fn a_file_that_both_images_share_is_not_read() {
    let tree = Tree {
        may_read: false,
        ..Tree::new(Shows::Inodes).file("/a", "large")
    };
    assert_eq!(said(&found(&tree, &tree)), []);
}

#[test]
fn a_file_with_several_names_counts_once() {
    for shows in [Shows::Streams, Shows::Inodes] {
        let one = Tree::new(shows).file("/x/a", "12345");
        let two = one.clone().file("/x/b", "12345").file("/y/c", "12345");
        let found = found(&Tree::new(shows), &two);
        assert_eq!(found.growth.new, 5, "{shows:?}");
        let folders = found.growth.sizes().folders;
        let told: Vec<_> = folders
            .iter()
            .map(|it| (it.path.as_str(), it.change))
            .collect();
        assert_eq!(told, [("/x", 5)], "{shows:?}");
    }
}

/// Few names and contents, so that two trees have much in common.
fn tree(shows: Shows) -> impl Strategy<Value = Tree> {
    let kind = prop_oneof![
        4 => Just(FileKind::File),
        1 => Just(FileKind::Symlink),
        1 => Just(FileKind::Directory)
    ];
    let mode = prop_oneof![3 => Just(0o644_u32), 1 => Just(0o600)];
    let entry = ("/[ab]/[abcd]", kind, mode, 0_u64..2, "[xy]{0,2}");
    proptest::collection::vec(entry, 0..12).prop_map(move |entries| {
        entries.into_iter().fold(
            Tree::new(shows),
            |tree, (path, kind, mode, uid, content)| {
                let content = match kind {
                    FileKind::Directory => "",
                    _ => content.as_str(),
                };
                tree.add(&path, kind, mode, uid, content)
            },
        )
    })
}

/// The other way round.
fn mirrored(change: &FileChange) -> FileChange {
    FileChange {
        change: match change.change {
            Change::Added => Change::Removed,
            Change::Removed => Change::Added,
            Change::Changed => Change::Changed,
        },
        old: change.new.clone(),
        new: change.old.clone(),
        ..change.clone()
    }
}

proptest! {
    #[test]
    fn a_comparison_is_empty_with_itself_and_has_a_mirror(
        (shows, one, other) in prop_oneof![Just(Shows::Streams), Just(Shows::Inodes)]
            .prop_flat_map(|shows| (Just(shows), tree(shows), tree(shows)))
    ) {
        let itself = found(&one, &one);
        prop_assert_eq!(said(&itself), []);
        let (there, back) = (found(&one, &other), found(&other, &one));
        let mirror: Vec<_> = there.files.iter().map(mirrored).collect();
        prop_assert_eq!(mirror, back.files, "{:?}", shows);
        prop_assert_eq!((there.growth.old, there.growth.new), (back.growth.new, back.growth.old));
        // Whatever is not told is the same.
        for (path, node) in &one.entries {
            if !there.files.iter().any(|it| it.path == *path) {
                let same = &other.entries[path];
                prop_assert_eq!(&node.3, &same.3);
                prop_assert_eq!(node.1, same.1);
            }
        }
    }
}
