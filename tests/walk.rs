//! The files of an image as the engine shows them, all at once and one by one.

mod support;

use std::collections::BTreeMap;
use std::io::Read;
use std::process::Command;

use seatrial::engine::docker::{DockerEngine, connect};
use seatrial::engine::{Engine, EngineError, FileEntry, FileKind, Files};
use support::images::{Archive, Made};
use tar::EntryType;
use tokio::runtime::Runtime;
use tokio::sync::watch;

const IMAGE: &str = "debian:bookworm-slim";

/// Shows the files of an image, and leaves no container behind.
fn with_files(image: &str, look: impl FnOnce(&dyn Files)) {
    with_stop(image, |files, _| look(files));
}

/// The same, with what stops the run.
fn with_stop(image: &str, look: impl FnOnce(&dyn Files, &watch::Sender<bool>)) {
    let runtime = Runtime::new().unwrap();
    let mut connection = connect(&|name| std::env::var(name).ok()).unwrap();
    let info = runtime.block_on(connection.identify()).unwrap();
    let (stop, stopped) = watch::channel(false);
    let engine = DockerEngine::new(connection, info, runtime.handle().clone(), stopped).unwrap();
    let image = engine.image(image).unwrap();
    look(&*engine.files(&image), &stop);
    assert_eq!(engine.close().unwrap(), 0);
}

/// How many containers of an image there are.
fn containers(image: &str) -> usize {
    let filter = format!("ancestor={image}");
    let output = Command::new("docker")
        .args(["ps", "--all", "--quiet", "--filter", &filter])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout.split(|byte| *byte == b'\n').count() - 1
}

fn walk(files: &dyn Files, folder: &str) -> BTreeMap<String, (FileEntry, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let visit = &mut |entry: &FileEntry, content: &mut dyn Read| {
        let mut bytes = Vec::new();
        if entry.stat.size < 1 << 20 {
            content.read_to_end(&mut bytes).unwrap();
        }
        let again = found.insert(entry.path.clone(), (entry.clone(), bytes));
        assert!(again.is_none(), "{} came twice", entry.path);
        Ok(())
    };
    files.walk(folder, visit).unwrap();
    found
}

/// What a walk says must be what the engine says when it is asked for this very path.
#[track_caller]
fn agrees(files: &dyn Files, entry: &FileEntry) {
    let path = &entry.path;
    let stat = files.stat(path).unwrap();
    let stat = stat.unwrap_or_else(|| panic!("{path} is not there"));
    assert_eq!(entry.stat.kind, stat.kind, "{path}");
    assert_eq!(entry.stat.mode, stat.mode, "{path}");
    if stat.kind != FileKind::Directory {
        assert_eq!(entry.stat.size, stat.size, "{path}");
    }
    assert_eq!(entry.owner, Some(files.owner(path).unwrap()), "{path}");
    if stat.kind == FileKind::Symlink {
        let target = files.link_target(path).unwrap();
        assert_eq!(entry.stat.link_target.as_ref(), Some(&target), "{path}");
    }
}

fn odd_files() -> Vec<u8> {
    let mut tar = Archive::new();
    tar.folder("d", 0o750, (1, 2));
    tar.folder("d/empty", 0o1777, (0, 0));
    tar.file("d/a b", 0o644, (1000, 2000), b"space");
    tar.file("d/ünï\u{1f980}", 0o600, (3_000_000, 4_000_000), b"letters");
    tar.file("d/new\nline", 0o600, (0, 0), b"n");
    let long = format!("d/{0}/{0}", "x".repeat(120));
    tar.file(&long, 0o644, (0, 0), b"long");
    tar.file("d/setuid", 0o4755, (0, 0), b"su");
    tar.file("d/setgid", 0o2755, (0, 0), b"sg");
    tar.file("d/none", 0o000, (0, 0), b"");
    tar.link(EntryType::Link, "d/hard", "d/a b");
    tar.symlinks(&[
        ("d/link", "a b"),
        ("d/up", "../d/./../d/a b"),
        ("d/gone", "/no/such"),
        ("way", "d"),
    ]);
    tar.link(EntryType::Symlink, "d/far", &"t/".repeat(120));
    tar.device(EntryType::Char, "d/null");
    tar.device(EntryType::Block, "d/disk");
    tar.device(EntryType::Fifo, "d/pipe");
    tar.file("d/large", 0o644, (0, 0), &vec![b'x'; 5 << 20]);
    tar.finish()
}

#[test]
fn a_walk_agrees_with_single_looks() {
    let image = Made::import("walk", &odd_files());
    with_files(&image.0, |files| {
        let all = walk(files, "/d");
        for (entry, _) in all.values() {
            agrees(files, entry);
        }
        let long = format!("/d/{0}/{0}", "x".repeat(120));
        let kinds = [
            ("/d/empty", FileKind::Directory, 0o1777),
            ("/d/a b", FileKind::File, 0o644),
            ("/d/ünï\u{1f980}", FileKind::File, 0o600),
            ("/d/new\nline", FileKind::File, 0o600),
            (&long, FileKind::File, 0o644),
            ("/d/setuid", FileKind::File, 0o4755),
            ("/d/setgid", FileKind::File, 0o2755),
            ("/d/none", FileKind::File, 0),
            ("/d/hard", FileKind::File, 0o644),
            ("/d/link", FileKind::Symlink, 0o777),
            ("/d/up", FileKind::Symlink, 0o777),
            ("/d/gone", FileKind::Symlink, 0o777),
            ("/d/far", FileKind::Symlink, 0o777),
            ("/d/null", FileKind::CharDevice, 0o600),
            ("/d/disk", FileKind::BlockDevice, 0o600),
            ("/d/pipe", FileKind::Fifo, 0o600),
            ("/d/large", FileKind::File, 0o644),
        ];
        for (path, kind, mode) in kinds {
            let (entry, _) = all.get(path).unwrap_or_else(|| panic!("no {path}"));
            assert_eq!((entry.stat.kind, entry.stat.mode), (kind, mode), "{path}");
        }
        // And the folder of the long name.
        assert_eq!(all.len(), kinds.len() + 1, "{:?}", all.keys());
        assert_eq!(all[&long].1, b"long");
        assert_eq!(all["/d/ünï\u{1f980}"].0.owner.unwrap().uid, 3_000_000);
        assert_eq!(all["/d/ünï\u{1f980}"].0.owner.unwrap().gid, 4_000_000);
        // One of the two names has the content, whichever comes first.
        let contents = [&all["/d/a b"].1[..], &all["/d/hard"].1[..]].concat();
        assert_eq!(contents, b"space");
        assert_eq!(all["/d/hard"].0.stat.size, 5);
        // Through a link on the way, and without anything below.
        assert_eq!(walk(files, "/way/empty").len(), 0);
        let below = format!("/way/{}", "x".repeat(120));
        let below = walk(files, &below);
        assert_eq!(below.len(), 1);
        assert!(below.keys().all(|path| path.starts_with("/way/xxx")));
    });
}

#[test]
fn a_walk_of_the_whole_image_agrees_too() {
    with_files(IMAGE, |files| {
        let all = walk(files, "/");
        assert!(all.len() > 1000, "{}", all.len());
        for path in [
            "/etc",
            "/etc/passwd",
            "/usr/bin/dash",
            "/bin",
            "/usr/bin/su",
        ] {
            agrees(files, &all[path].0);
        }
        for (entry, _) in all.values().step_by(25) {
            agrees(files, entry);
        }
        assert_eq!(
            all["/etc/passwd"].1,
            files.read("/etc/passwd", 1 << 20).unwrap()
        );
        let below = walk(files, "/etc/apt");
        let expected = all.keys().filter(|path| path.starts_with("/etc/apt/"));
        assert!(below.keys().eq(expected), "{:?}", below.keys());
    });
}

#[test]
fn a_walk_that_ends_early_or_can_not_begin() {
    let image = Made::import("short-walk", &odd_files());
    with_files(&image.0, |files| {
        let mut seen = 0;
        let stopped = files.walk("/d", &mut |_, _| {
            seen += 1;
            Err(EngineError::Configuration("enough".to_owned()))
        });
        assert_eq!(stopped.unwrap_err().to_string(), "enough");
        assert_eq!(seen, 1);
        let missing = files.walk("/no/such", &mut |_, _| Ok(()));
        assert!(
            matches!(missing, Err(EngineError::Failed { .. })),
            "{missing:?}"
        );
        // The next one is not disturbed.
        assert!(walk(files, "/d").contains_key("/d/large"));
        let mut seen = 0;
        files
            .walk("/d/a b", &mut |_, _| {
                seen += 1;
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, 0, "a file has nothing below it");
    });
}

#[test]
fn contents_of_any_size_come_whole() {
    let image = Made::import("content", &odd_files());
    with_files(&image.0, |files| {
        let (mut size, mut pieces) = (0, 0);
        let take = &mut |piece: &[u8]| {
            assert!(piece.iter().all(|byte| *byte == b'x'));
            size += piece.len();
            pieces += 1;
        };
        files.content("/d/large", take).unwrap();
        assert_eq!(size, 5 << 20);
        assert!(pieces > 1);
        let mut all = Vec::new();
        files
            .content("/way/hard", &mut |piece| all.extend_from_slice(piece))
            .unwrap();
        assert_eq!(all, b"space");
        files
            .content("/d/none", &mut |_| panic!("it is empty"))
            .unwrap();
        for path in ["/d", "/d/link", "/d/null", "/d/pipe", "/no/such"] {
            let read = files.content(path, &mut |_| panic!("{path} has no content"));
            assert!(read.is_err(), "{path}");
        }
        assert!(files.link_target("/d/a b").is_err());
    });
}

/// More than lies between the engine and a visitor that waits.
fn large_file() -> Vec<u8> {
    let mut tar = Archive::new();
    tar.folder("d", 0o755, (0, 0));
    tar.file("d/first", 0o644, (0, 0), b"first");
    tar.file("d/large", 0o644, (0, 0), &vec![b'x'; 64 << 20]);
    tar.finish()
}

#[test]
fn a_walk_is_in_nobodys_way() {
    let image = Made::import("apart", &large_file());
    with_files(&image.0, |files| {
        let mut seen = 0;
        let look = &mut |entry: &FileEntry, _: &mut dyn Read| {
            // An engine that still sends the archive would answer after minutes, with an error.
            assert_eq!(files.stat(&entry.path)?.unwrap().size, entry.stat.size);
            assert_eq!(files.read("/d/first", 10)?, b"first");
            assert_eq!(
                containers(&image.0),
                2,
                "one for single looks, one for the walk"
            );
            seen += 1;
            Ok(())
        };
        files.walk("/d", look).unwrap();
        assert_eq!(seen, 2);
        assert_eq!(containers(&image.0), 1, "the one for single looks");
    });
}

#[test]
fn a_walk_leaves_nothing_however_it_ends() {
    let image = Made::import("ends", &large_file());
    with_stop(&image.0, |files, stop| {
        files.walk("/d", &mut |_, _| Ok(())).unwrap();
        assert_eq!(containers(&image.0), 0, "after the last entry");
        let refused = EngineError::Configuration("enough".to_owned());
        let mut refused = Some(refused);
        let ended = files.walk("/d", &mut |_, _| refused.take().map_or(Ok(()), Err));
        assert_eq!(ended.unwrap_err().to_string(), "enough");
        assert_eq!(containers(&image.0), 0, "after a visitor's error");
        assert!(files.walk("/no/such", &mut |_, _| Ok(())).is_err());
        assert_eq!(containers(&image.0), 0, "after the engine's error");
        let ended = files.walk("/d", &mut |_, _| {
            stop.send_replace(true);
            Ok(())
        });
        assert!(matches!(ended, Err(EngineError::Interrupted)), "{ended:?}");
        assert_eq!(containers(&image.0), 0, "after the run was stopped");
    });
}
