//! File expectations on files that are made up.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Mutex;

use super::file::judge_all;
use super::files::{Known, Memory};
use super::glob;
use crate::engine::{EngineError, FileEntry, FileKind, FileOwner, FileStat, Files, Visit};
use crate::source::{Place, Source};
use crate::spec::{FilesExpectation, PatternKind};
use crate::yaml::{Context, Decode, parse};

/// Paths with what is there; an engine that refuses to look at a link in a circle.
#[derive(Default)]
struct Tree {
    entries: BTreeMap<String, (FileEntry, Vec<u8>)>,
    walks: Mutex<Vec<String>>,
}

impl Tree {
    fn add(&mut self, path: &str, kind: FileKind, mode: u32, owner: (u64, u64), content: &str) {
        let is_link = kind == FileKind::Symlink;
        let entry = FileEntry {
            path: path.to_owned(),
            stat: FileStat {
                kind,
                mode,
                size: content.len() as u64,
                link_target: is_link.then(|| content.to_owned()),
            },
            owner: Some(FileOwner {
                uid: owner.0,
                gid: owner.1,
            }),
            inode: None,
        };
        let content = if is_link { "" } else { content };
        self.entries
            .insert(path.to_owned(), (entry, content.into()));
    }

    fn sample() -> Self {
        let mut tree = Self::default();
        let root = (0, 0);
        for folder in ["/", "/tmp", "/etc", "/home"] {
            tree.add(folder, FileKind::Directory, 0o755, root, "");
        }
        tree.add("/home/ann", FileKind::Directory, 0o750, (1000, 100), "");
        tree.add("/home/ann/run", FileKind::File, 0o755, (1000, 100), "x");
        let passwd = "root:x:0:0\nann:x:1000:1000\nbob:x:1001:100\ncid:x:1002:1002\n";
        tree.add("/etc/passwd", FileKind::File, 0o644, root, passwd);
        let group = "users:x:100:ann\nothers:x:200:x,cid,y\n";
        tree.add("/etc/group", FileKind::File, 0o644, root, group);
        for number in 0..12 {
            let path = format!("/tmp/{number:02}.log");
            tree.add(&path, FileKind::File, 0o644, root, "log\n");
        }
        tree.add("/tmp/team", FileKind::File, 0o710, (1000, 200), "x");
        tree.add("/circle", FileKind::Symlink, 0o777, root, "/tmp/../circle");
        tree
    }

    fn get(&self, path: &str) -> Result<&(FileEntry, Vec<u8>), EngineError> {
        self.entries.get(path).ok_or_else(|| Self::refusal(path))
    }

    fn refusal(path: &str) -> EngineError {
        EngineError::Failed {
            step: "look at a file",
            reason: path.to_owned(),
        }
    }
}

impl Files for Tree {
    fn stat(&self, path: &str) -> Result<Option<FileStat>, EngineError> {
        if path.ends_with("circle") || path.contains("broken") {
            return Err(Self::refusal(path));
        }
        let found = self.entries.get(path);
        Ok(found.map(|(entry, _)| entry.stat.clone()))
    }

    fn owner(&self, path: &str) -> Result<FileOwner, EngineError> {
        Ok(self.get(path)?.0.owner.unwrap())
    }

    fn read(&self, path: &str, _: u64) -> Result<Vec<u8>, EngineError> {
        Ok(self.get(path)?.1.clone())
    }

    fn content(&self, path: &str, take: &mut dyn FnMut(&[u8])) -> Result<(), EngineError> {
        self.get(path)?.1.chunks(2).for_each(take);
        Ok(())
    }

    fn link_target(&self, path: &str) -> Result<String, EngineError> {
        Err(Self::refusal(path))
    }

    fn walk(&self, folder: &str, visit: &mut Visit<'_>) -> Result<(), EngineError> {
        self.walks.lock().unwrap().push(folder.to_owned());
        let folder = format!("{}/", folder.trim_end_matches('/'));
        for (entry, content) in self.entries.values() {
            if entry.path.starts_with(&folder) && entry.path != folder {
                visit(entry, &mut &content[..] as &mut dyn Read)?;
            }
        }
        Ok(())
    }
}

fn expectation(text: &str) -> FilesExpectation {
    let node = parse(&Source::new("t.yaml", text)).unwrap();
    let mut context = Context::default();
    let files = FilesExpectation::decode(&node, &mut context);
    files.unwrap_or_else(|| panic!("{text}: {:?}", context.into_diagnostics()))
}

/// The messages, or the problem.
fn judge(text: &str) -> Result<Vec<String>, String> {
    let judged = judge_all(&expectation(text), &Tree::sample(), Path::new("."));
    let messages = |findings: Vec<crate::verdict::Finding>| {
        let messages = findings.into_iter().map(|finding| finding.message);
        messages.collect()
    };
    judged.map(messages).map_err(|problem| problem.message)
}

#[test]
fn several_files_are_judged_together() {
    let passes = [
        "/tmp: {type: directory}\n/tmp/00.log: log\n/none: {exists: false}\n/etc/passwd:\n",
        "/tmp/*.log: {count: 12, content: log, size: 4}\n/tmp/*: {count: {min: 13}}\n",
        "/circle: {type: symlink, link_target: /tmp/../circle}\n",
        "/circle/x: {exists: false}\n",
    ];
    for text in passes {
        assert_eq!(judge(text).unwrap(), [""; 0], "{text}");
    }
    // printf 'log\n' | sha256sum
    let digest = "9b75290f6a6359a2a3471022cbba4b724e45105b313ae8f6c103a2f79e82a857";
    let text = |digest: &str| format!("/tmp/00.log: {{sha256: {digest}}}\n");
    assert_eq!(judge(&text(digest)).unwrap(), [""; 0]);
    let wrong = judge(&text(&digest.replace(&digest[..1], "e"))).unwrap();
    assert!(wrong[0].ends_with(&format!("it is {digest}")), "{wrong:?}");
    let found = judge("/tmp/00.log: no\n/none:\n/tmp/*.log: {mode: '0600'}\n/circle:\n").unwrap();
    assert_eq!(found.len(), 1 + 1 + 11 + 1, "{found:#?}");
    assert_eq!(found[1], "/none does not exist");
    assert_eq!(found[12], "and 2 more");
    assert_eq!(found[13], "/circle is a link that leads in a circle");
}

#[test]
fn what_the_engine_refuses_decides_nothing() {
    assert!(judge("/broken:\n").unwrap_err().contains("/broken"));
    assert!(judge("/broken: {exists: false}\n").is_err());
    assert!(judge("/broken/*: {exists: false}\n").is_err());
    assert!(judge("/tmp/broken/x: {exists: false}\n").is_err());
    // What is decided stays decided.
    assert_eq!(judge("/broken:\n/none:\n").unwrap().len(), 1);
}

#[test]
fn who_can_execute_what() {
    let table = [
        ("/home/ann/run", "root", true),
        ("/home/ann/run", "ann", true),
        ("/home/ann/run", "bob", true),
        ("/home/ann/run", "cid", false),
        ("/home/ann/run", "other", true),
        ("/home/ann/run", "'1001'", true),
        ("/home/ann/run", "'1003'", false),
        ("/home/ann/run", "nobody", false),
        ("/tmp/team", "root", true),
        ("/tmp/team", "ann", true),
        ("/tmp/team", "bob", false),
        ("/tmp/team", "cid", true),
        ("/tmp/team", "other", false),
        ("/tmp/team", "[owner, group, any]", true),
        ("/tmp/team", "[owner, other]", false),
        ("/tmp/00.log", "root", false),
        ("/tmp/00.log", "any", false),
    ];
    for (path, who, can) in table {
        let found = judge(&format!("{path}: {{executable_by: {who}}}\n")).unwrap();
        assert_eq!(found.is_empty(), can, "{path} {who} {found:?}");
    }
}

#[test]
fn a_folder_is_listed_once_for_all_globs() {
    let tree = Tree::sample();
    let memory = Memory::default();
    let files = Known::new(&memory, &tree);
    for text in [
        "/tmp/*.log: {count: 12}\n",
        "/tmp/1*: {count: 2}\n",
        "/tmp/**: {}\n",
    ] {
        let expected = expectation(text);
        let (pattern, expected) = &expected.0[0];
        let PatternKind::Glob(found) = pattern.kind() else {
            panic!("{text}")
        };
        let place: &Place = &pattern.place;
        let judged = glob::judge(text, found, expected, place, &files, Path::new(".")).unwrap();
        assert!(judged.is_empty(), "{judged:?}");
    }
    assert_eq!(*tree.walks.lock().unwrap(), ["/tmp"]);
}
