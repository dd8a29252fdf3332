//! Layers that mean harm: each is refused, or does none.

use std::io::Read;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;

use super::testing::{ROOT, Room, Tar, digest, gzip, seal, tree};
use super::{Bounds, Expect, Form, Rules};

const KINDS: [u8; 5] = *b"01235";

const PATHS: [&str; 14] = [
    "a",
    "a/b",
    "a/b/c",
    "l",
    "l/file",
    "l/../a",
    "../outside",
    "../outside/file",
    "/",
    ".wh.a",
    "a/.wh.b",
    "a/.wh..wh..opq",
    "l/.wh.file",
    "/outside/file",
];

/// Unpacks and says what was wrong; nothing outside may have changed.
fn refused(tar: &[u8]) -> String {
    refused_with(tar, &ROOT)
}

fn refused_with(tar: &[u8], rules: &Rules) -> String {
    let room = Room::new();
    let before = room.outside();
    let error = room.unpack_with(tar, rules).unwrap_err();
    assert_eq!(room.outside(), before);
    error.to_string()
}

#[test]
fn nothing_is_written_through_links_or_beyond_the_root() {
    let outside = "../outside";
    let table: [(&str, Tar, &str); 27] = [
        ("dots", Tar::new().file("../outside/file", "x"), "with `..`"),
        (
            "dots inside",
            Tar::new().file("a/../../outside/file", "x"),
            "with `..`",
        ),
        (
            "dots that stay",
            Tar::new().file("a/../b", "x"),
            "with `..`",
        ),
        (
            "a link to a folder",
            Tar::new().link(b'2', "l", outside).file("l/file", "x"),
            "below a symbolic link",
        ),
        (
            "a link in the middle",
            Tar::new()
                .link(b'2', "a/l", "../../outside")
                .file("a/l/d/file", "x"),
            "below a symbolic link",
        ),
        (
            "a link inside the layer",
            Tar::new()
                .folder("usr/lib")
                .link(b'2', "lib", "usr/lib")
                .file("lib/file", "x"),
            "below a symbolic link",
        ),
        (
            "a folder that becomes a link",
            Tar::new()
                .file("d/file", "")
                .link(b'2', "d", outside)
                .file("d/file", "x"),
            "below a symbolic link",
        ),
        (
            "a whiteout below a link",
            Tar::new().link(b'2', "l", outside).file("l/.wh.file", ""),
            "below a symbolic link",
        ),
        (
            "opaque through a link",
            Tar::new()
                .link(b'2', "l", outside)
                .file("l/.wh..wh..opq", ""),
            "below a symbolic link",
        ),
        (
            "below a file",
            Tar::new().file("f", "").file("f/g", ""),
            "below something",
        ),
        (
            "a hard link out",
            Tar::new().link(b'1', "h", "../outside/file"),
            "with `..`",
        ),
        (
            "a hard link to an absolute path",
            Tar::new().link(b'1', "h", "/etc/passwd"),
            "not in this layer",
        ),
        (
            "a hard link through a link",
            Tar::new()
                .link(b'2', "l", outside)
                .link(b'1', "h", "l/file"),
            "not in this layer",
        ),
        (
            "a hard link to a file of the layers below",
            Tar::new().folder("etc").link(b'1', "h", "etc/passwd"),
            "not in this layer",
        ),
        (
            "a hard link to a whiteout",
            Tar::new().file(".wh.a", "").link(b'1', "h", "a"),
            "not in this layer",
        ),
        (
            "a hard link to a folder",
            Tar::new().folder("d").link(b'1', "h", "d"),
            "to a folder",
        ),
        (
            "a hard link to itself",
            Tar::new().file("h", "").link(b'1', "h", "./h"),
            "to itself",
        ),
        (
            "a hard link to the root",
            Tar::new().link(b'1', "h", "/"),
            "to a folder",
        ),
        (
            "a hard link to the folder it replaces",
            Tar::new().file("d/f", "").link(b'1', "d", "d/f"),
            "would not create",
        ),
        (
            "a root that is a link",
            Tar::new().link(b'2', "/", "/etc"),
            "other than a folder",
        ),
        (
            "a root that is a file",
            Tar::new().file("./", ""),
            "other than a folder",
        ),
        (
            "a forged whiteout",
            Tar::new().device("a", b'3', 0, 0),
            "character device 0/0",
        ),
        (
            "a device of no number",
            Tar::new().device("a", b'4', 4096, 0),
            "no valid device",
        ),
        (
            "whiteout of nothing",
            Tar::new().file("d/.wh.", ""),
            "whiteout of nothing",
        ),
        (
            "whiteout of .",
            Tar::new().file(".wh..", ""),
            "whiteout of nothing",
        ),
        (
            "whiteout of ..",
            Tar::new().file("d/.wh...", ""),
            "whiteout of nothing",
        ),
        (
            "below a whiteout",
            Tar::new().file(".wh.d/f", ""),
            "below a whiteout",
        ),
    ];
    for (name, tar, expected) in table {
        let error = refused(&tar.end());
        assert!(error.contains(expected), "{name}: {error}");
        assert!(error.contains("layer sha256:"), "{name}: {error}");
    }
}

#[test]
fn what_no_linux_can_open_is_refused() {
    let name = "n".repeat(256);
    let path = "p/".repeat(2048);
    let deep = "d/".repeat(21);
    let table: [(&str, Vec<u8>, &str); 10] = [
        ("name", name.into_bytes(), "too long"),
        ("path", path.into_bytes(), "too long"),
        ("depth", deep.into_bytes(), "too many folders"),
        ("a NUL", b"a\0b".to_vec(), "PAX header is malformed"),
        ("line feed", b"\n/../a".to_vec(), "`\\n/../a`"),
        ("escape", b"\x1b[2J/../a".to_vec(), "`\\u{1b}[2J/../a`"),
        ("no text", b"\xff\xfe/../a".to_vec(), "/../a`"),
        ("dots", b"..".to_vec(), "`..`"),
        ("dots at the end", b"a/..".to_vec(), "`a/..`"),
        ("many dots", b"../../../../..".to_vec(), "`..`"),
    ];
    for (what, path, expected) in table {
        let tar = Tar::new().pax(&[("path", &path)]).file("a", "").end();
        let error = refused(&tar);
        assert!(error.contains(expected), "{what}: {error}");
        assert!(!error.contains(['\n', '\x1b']), "{what}: {error}");
    }
    let empty = refused(&Tar::new().link(b'2', "l", "").end());
    assert!(empty.contains("without a target"), "{empty}");
    for id in ["4294967295", "4294967296", "99999999999"] {
        let tar = Tar::new().pax(&[("uid", id.as_bytes())]).file("a", "");
        let error = refused(&tar.end());
        assert!(error.contains("no valid id"), "{id}: {error}");
    }
}

#[test]
fn streams_that_lie_or_break_off_are_no_layers() {
    let sound = Tar::new().file("a", "content").end();
    let mut sum = sound.clone();
    sum[0] = b'b';
    let mut gap = vec![0; 512];
    gap.extend(&sound);
    let long = |size| {
        Tar::new()
            .header(b"a", b'0', 0o644, size, |_| ())
            .data(b"short")
            .0
    };
    let field = |at: usize, text: &'static [u8]| {
        Tar::new()
            .header(b"a", b'0', 0o644, 0, |header| {
                header[at..at + text.len()].copy_from_slice(text);
            })
            .end()
    };
    let table: [(&str, Vec<u8>, &str); 14] = [
        ("in a header", sound[..100].to_vec(), "ends in the middle"),
        ("in the data", sound[..515].to_vec(), "ends in the middle"),
        (
            "in the padding",
            sound[..600].to_vec(),
            "ends in the middle",
        ),
        ("a size too large", long(1 << 30), "ends in the middle"),
        (
            "the largest size",
            long((1 << 33) - 1),
            "ends in the middle",
        ),
        ("a checksum", sum, "checksum"),
        ("no tar", b"hello".repeat(200), "checksum"),
        ("an entry behind the end", gap, "empty block"),
        (
            "a size that is none",
            field(124, b"zzz"),
            "size of an entry",
        ),
        (
            "a mode that is none",
            field(100, b"zzz"),
            "mode of an entry",
        ),
        (
            "a time that is none",
            field(136, b"zzz"),
            "time of an entry",
        ),
        (
            "a negative size",
            field(124, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
            "size of an entry",
        ),
        (
            "a PAX header for nothing",
            Tar::new().pax(&[("path", b"a")]).end(),
            "without its entry",
        ),
        (
            "an unknown kind",
            Tar::new().entry("a", b'D', 0o644, b"").end(),
            "kind that is not known",
        ),
    ];
    for (name, tar, expected) in table {
        let error = refused(&tar);
        assert!(error.contains(expected), "{name}: {error}");
    }
    let huge = Tar::new()
        .header(b"pax", b'x', 0o644, 1 << 32, |_| ())
        .end();
    let error = refused(&huge);
    assert!(error.contains("larger than 1 MiB"), "{error}");
}

#[test]
fn bounds_hold_before_the_disk_is_full() {
    let bounds = Bounds {
        entries: 5,
        bytes: 1 << 20,
        depth: 3,
    };
    let rules = Rules { bounds, ..ROOT };
    let many = (0..6).fold(Tar::new(), |tar, at| tar.file(&format!("{at}"), ""));
    let error = refused_with(&many.end(), &rules);
    assert!(error.contains("more than 5 entries"), "{error}");
    // A thousand to one.
    let bomb = gzip(&Tar::new().file("zeros", &"\0".repeat(32 << 20)).end());
    assert!(bomb.len() < 1 << 20);
    let room = Room::new();
    let expect = Expect {
        blob: None,
        diff_id: digest(b""),
    };
    let error = room
        .unpack_as(bomb.as_slice(), &expect, &rules)
        .unwrap_err();
    let error = error.to_string();
    assert!(error.contains("more than 1048576 bytes"), "{error}");
    let written = room.path("zeros").metadata().map_or(0, |stat| stat.len());
    assert!(written <= 1 << 20);
}

#[test]
fn a_writer_that_stops_ends_an_endless_layer() {
    let start = Tar::new().file("../a", "").0;
    let input = start.as_slice().chain(std::io::repeat(b'a'));
    let expect = Expect {
        blob: None,
        diff_id: digest(b""),
    };
    let began = Instant::now();
    let bounds = Bounds {
        bytes: u64::MAX,
        ..ROOT.bounds
    };
    let rules = Rules { bounds, ..ROOT };
    let error = Room::new().unpack_as(input, &expect, &rules).unwrap_err();
    assert!(error.to_string().contains("`..`"));
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn reading_that_fails_says_why() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the line went dead"))
        }
    }
    let tar = Tar::new().file("a", &"x".repeat(5000)).0;
    let input = tar[..3000].chain(Broken);
    let expect = Expect {
        blob: None,
        diff_id: digest(&tar),
    };
    let error = Room::new().unpack_as(input, &expect, &ROOT).unwrap_err();
    assert!(error.to_string().contains("the line went dead"), "{error}");
}

#[test]
fn harmless_oddities_stay_inside() {
    let tar = Tar::new()
        .file("/etc/passwd", "inside")
        .link(b'2', "out", "/outside")
        // A link is what is linked, and not where it leads.
        .link(b'1', "out-again", "out")
        .device("sda", b'4', 8, 0)
        .end();
    let room = Room::new();
    let before = room.outside();
    room.unpack(&tar).unwrap();
    assert_eq!(room.outside(), before);
    assert!(room.path("etc/passwd").is_file());
    assert!(room.path("out-again").is_symlink());
    let form = Form::User;
    let room = Room::new();
    room.unpack_with(&tar, &Rules { form, ..ROOT }).unwrap();
    assert!(
        tree(&room.layer())
            .iter()
            .all(|line| !line.starts_with("sda"))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever comes in whatever order, nothing outside changes and nothing panics.
    #[test]
    fn no_order_of_entries_leads_out(
        entries in vec((0..KINDS.len(), 0..PATHS.len(), 0..PATHS.len()), 1..12)
    ) {
        let mut tar = Tar::new();
        for (kind, path, target) in entries {
            let (kind, path, target) = (KINDS[kind], PATHS[path], PATHS[target]);
            tar = match kind {
                b'0' => tar.file(path, "content"),
                b'3' => tar.device(path, kind, 1, 3),
                b'5' => tar.folder(path),
                _ => tar.link(kind, path, target),
            };
        }
        let room = Room::new();
        let before = room.outside();
        if let Ok(done) = room.unpack(&tar.end()) {
            let files = tree(&room.layer()).into_iter().filter(|line| line.contains(" 100"));
            prop_assert!(files.count() <= 12 && done.entries > 0);
        }
        prop_assert_eq!(room.outside(), before);
    }

    /// So too with bytes that are damaged anywhere, where the digests do not tell first.
    #[test]
    fn no_damage_leads_out(damage in vec((0..5000_usize, any::<u8>()), 1..40)) {
        let mut tar = Tar::new()
            .pax(&[("path", b"outside/file"), ("SCHILY.xattr.user.a", b"b")])
            .file("a", "content")
            .link(b'2', "l", "../outside")
            .link(b'1', "h", "outside/file")
            .entry("s", b'S', 0o644, b"")
            .end();
        let length = tar.len();
        for (at, byte) in damage {
            tar[at % length] = byte;
        }
        // Headers that are sound again.
        for block in tar.as_chunks_mut::<512>().0 {
            if &block[257..262] == b"ustar" {
                seal(block);
            }
        }
        let room = Room::new();
        let before = room.outside();
        let _ = room.unpack(&tar);
        prop_assert_eq!(room.outside(), before);
    }
}

#[test]
fn a_full_disk_is_said_to_be_full() {
    use std::process::Command;
    let room = Room::new();
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(room.layer())
        .status();
    assert!(mount.unwrap().success());
    let tar = Tar::new().file("large", &"x".repeat(1 << 20)).end();
    let error = room.unpack(&tar).unwrap_err().to_string();
    let unmount = Command::new("umount").arg(room.layer()).status();
    assert!(unmount.unwrap().success());
    assert!(
        error.contains("no space is left") && error.contains("`large`"),
        "{error}"
    );
}
