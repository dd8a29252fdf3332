//! Layers as they should be.

use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use super::testing::{ROOT, Room, Tar, digest, gzip, tree, xattrs};
use super::{Expect, Form, Owners, Rules};

/// What each row looks at: path, type and mode in octal, owner, size.
type Row = (&'static str, &'static str);

fn short(room: &Room) -> Vec<String> {
    let of = |line: &String| {
        let fields: Vec<_> = line.split(' ').collect();
        format!("{} {} {}", fields[0], fields[1], fields[2])
    };
    tree(&room.layer()).iter().skip(1).map(of).collect()
}

#[test]
fn entries_become_what_they_say() {
    let tar = Tar::new()
        .folder("./")
        .entry("./d", b'5', 0o1777, b"")
        .file("d/file", "content")
        .entry("/abs/setuid", b'0', 0o6755, b"x")
        .link(b'2', "d/link", "../../../etc/passwd")
        .link(b'1', "hard", "./d/file")
        .device("null", b'3', 1, 3)
        .device("loop", b'4', 7, 0)
        .entry("fifo", b'6', 0o620, b"")
        .entry("old/", 0, 0o700, b"")
        .entry("contiguous", b'7', 0o600, b"c")
        .end();
    let room = Room::new();
    let done = room.unpack(&tar).unwrap();
    assert_eq!((done.size, done.written, done.entries), (9, 9, 11));
    assert_eq!((done.skipped_devices, done.hides_lower), (0, false));
    assert_eq!(
        short(&room),
        [
            "abs 40755 0:0",
            "abs/setuid 106755 1000:1001",
            "contiguous 100600 1000:1001",
            "d 41777 1000:1001",
            "d/file 100644 1000:1001",
            "d/link 120777 1000:1001",
            "fifo 10620 1000:1001",
            "hard 100644 1000:1001",
            "loop 60660 1000:1001",
            "null 20660 1000:1001",
            "old 40700 1000:1001",
        ]
    );
    let stat = |name: &str| room.path(name).symlink_metadata().unwrap();
    for name in ["", "d", "d/file", "d/link", "null", "fifo", "old", "hard"] {
        assert_eq!(stat(name).mtime(), 1_600_000_000, "{name}");
    }
    assert_eq!(stat("abs").mtime(), 0, "the archive does not have it");
    assert_eq!(stat("").uid(), 1000);
    assert_eq!(stat("hard").ino(), stat("d/file").ino());
    assert_eq!(stat("null").rdev(), rustix::fs::makedev(1, 3));
    let target = room.path("d/link").read_link().unwrap();
    assert_eq!(target.as_os_str(), "../../../etc/passwd");
}

#[test]
fn what_is_missing_is_made_and_the_root_is_open_to_all() {
    let room = Room::new();
    room.unpack(&Tar::new().file("a/b/c", "").end()).unwrap();
    assert_eq!(
        short(&room),
        ["a 40755 0:0", "a/b 40755 0:0", "a/b/c 100644 1000:1001"]
    );
    let root = room.layer().metadata().unwrap();
    assert_eq!(
        (root.mode() & 0o7777, root.uid(), root.mtime()),
        (0o755, 0, 0)
    );
}

#[test]
fn later_entries_win_whatever_stood_there() {
    let table: [(Tar, &[Row]); 7] = [
        (
            Tar::new().file("a", "1").file("a", "22"),
            &[("a", "100644")],
        ),
        (
            Tar::new().file("a", "1").folder("a").file("a/b", ""),
            &[("a", "40755"), ("a/b", "100644")],
        ),
        (
            Tar::new()
                .file("a/b/c/d", "1")
                .folder("a/b")
                .file("a", "22"),
            &[("a", "100644")],
        ),
        (
            Tar::new()
                .folder("a")
                .file("a/b", "")
                .entry("a", b'5', 0o700, b""),
            &[("a", "40700"), ("a/b", "100644")],
        ),
        (
            Tar::new()
                .link(b'2', "a", "/outside")
                .folder("a")
                .file("a/b", ""),
            &[("a", "40755"), ("a/b", "100644")],
        ),
        (
            Tar::new()
                .file("t", "x")
                .link(b'2', "a", "t")
                .link(b'1', "a", "t"),
            &[("a", "100644"), ("t", "100644")],
        ),
        (
            Tar::new()
                .file("a/b/c", "")
                .file("a/b", "")
                .file("a/bc/d", "")
                .folder("a/b"),
            &[
                ("a", "40755"),
                ("a/b", "40755"),
                ("a/bc", "40755"),
                ("a/bc/d", "100644"),
            ],
        ),
    ];
    for (at, (tar, expected)) in table.into_iter().enumerate() {
        let room = Room::new();
        room.unpack(&tar.end()).unwrap();
        let found = short(&room);
        let found: Vec<_> = found
            .iter()
            .map(|line| line.rsplit_once(' ').unwrap().0)
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(path, mode)| format!("{path} {mode}"))
            .collect();
        assert_eq!(found, expected, "row {at}");
    }
}

#[test]
fn whiteouts_take_the_form_of_overlayfs() {
    for (form, opaque) in [
        (Form::Trusted, "trusted.overlay.opaque=y"),
        (Form::User, "user.overlay.opaque=y"),
    ] {
        let tar = Tar::new()
            .file("d/.wh.gone", "")
            .file("d/.wh.gone", "")
            .file("o/.wh..wh..opq", "")
            .file("o/kept", "")
            // What the layer has itself stays, whatever comes first.
            .file("before", "")
            .file(".wh.before", "")
            .file(".wh.after", "")
            .file("after", "")
            .folder("folder-before")
            .file("folder-before/f", "")
            .file(".wh.folder-before", "")
            .file(".wh.folder-after", "")
            .folder("folder-after")
            .file(".wh.implied", "")
            .file("implied/f", "")
            .file(".wh..wh.aufs", "")
            .file(".wh..wh.plnk/1.2", "")
            .file(".wh.wh.x", "")
            .end();
        let room = Room::new();
        let done = room.unpack_with(&tar, &Rules { form, ..ROOT }).unwrap();
        assert!(!done.hides_lower && done.entries == 18);
        assert_eq!(
            short(&room),
            [
                "after 100644 1000:1001",
                "before 100644 1000:1001",
                "d 40755 0:0",
                "d/gone 20000 0:0",
                "folder-after 40755 1000:1001",
                "folder-before 40755 1000:1001",
                "folder-before/f 100644 1000:1001",
                "implied 40755 0:0",
                "implied/f 100644 1000:1001",
                "o 40755 0:0",
                "o/kept 100644 1000:1001",
                "wh.x 20000 0:0",
            ]
        );
        assert_eq!(room.path("d/gone").symlink_metadata().unwrap().rdev(), 0);
        for name in ["o", "folder-before", "folder-after", "implied"] {
            assert_eq!(xattrs(&room.path(name)), [opaque], "{name}");
        }
        assert!(xattrs(&room.path("d")).is_empty());
    }
}

#[test]
fn an_opaque_root_is_told_to_the_caller() {
    let room = Room::new();
    let tar = Tar::new().file(".wh..wh..opq", "").file("a", "").end();
    assert!(room.unpack(&tar).unwrap().hides_lower);
    assert_eq!(short(&room), ["a 100644 1000:1001"]);
}

#[test]
fn pax_records_say_what_headers_cannot() {
    let long = format!("{}/{}", "p".repeat(200), "n".repeat(255));
    let capability = b"\x01\0\0\x02\0\x20\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let tar = Tar::new()
        .pax(&[
            ("path", long.as_bytes()),
            ("uid", b"3000000"),
            ("gid", b"3000001"),
            ("mtime", b"1500000000.123456789"),
            ("size", b"4"),
            ("atime", b"1.5"),
            ("comment", b"line\nfeed"),
        ])
        .header(b"short", b'0', 0o644, 0, |_| ())
        .data(b"four")
        .pax(&[
            ("SCHILY.xattr.security.capability", capability),
            ("SCHILY.xattr.user.nul", b"a\0b\nc=d"),
            ("SCHILY.xattr.trusted.overlay.opaque", b"y"),
            ("SCHILY.xattr.user.overlay.redirect", b"/etc"),
            ("SCHILY.xattr.trusted.other", b"1"),
            ("SCHILY.xattr.security.selinux", b"label"),
        ])
        .entry("cap", b'0', 0o4755, b"#!")
        // A hard link that says the same leaves the capability.
        .link(b'1', "other", "cap")
        .pax(&[("SCHILY.xattr.trusted.overlay.opaque", b"y")])
        .folder("d")
        .pax(&[("linkpath", "t".repeat(300).as_bytes()), ("mtime", b"-1.5")])
        .link(b'2', "link", "short")
        .end();
    let room = Room::new();
    // The link says another mode, so the same one here.
    let done = room.unpack(&tar).unwrap();
    assert_eq!(done.size, 6);
    let stat = room.path(&long).symlink_metadata().unwrap();
    assert_eq!(
        (stat.uid(), stat.gid(), stat.len()),
        (3_000_000, 3_000_001, 4)
    );
    assert_eq!(
        (stat.mtime(), stat.mtime_nsec()),
        (1_500_000_000, 123_456_789)
    );
    assert!(xattrs(&room.path("d")).is_empty());
    let link = room.path("link");
    assert_eq!(link.read_link().unwrap().as_os_str().len(), 300);
    let stat = link.symlink_metadata().unwrap();
    assert_eq!((stat.mtime(), stat.mtime_nsec()), (-2, 500_000_000));
    let found = xattrs(&room.path("cap"));
    // The last link to it had mode 0644 and no attributes; owner and mode were set anew.
    assert_eq!(found, ["user.nul=a\\x00b\\nc=d"]);

    let tar = Tar::new()
        .pax(&[("SCHILY.xattr.security.capability", capability)])
        .entry("cap", b'0', 0o4755, b"#!")
        .header(b"other", b'1', 0o4755, 0, |header| {
            header[157..160].copy_from_slice(b"cap");
        })
        .end();
    let room = Room::new();
    room.unpack(&tar).unwrap();
    let [found] = xattrs(&room.path("other")).try_into().unwrap();
    assert!(found.starts_with("security.capability="), "{found}");
    assert_eq!(room.path("cap").metadata().unwrap().mode() & 0o7777, 0o4755);
}

#[test]
fn gnu_names_are_long_too_and_names_are_bytes() {
    let long = "g/".repeat(8) + &"n".repeat(250);
    let tar = Tar::new()
        .entry("././@LongLink", b'L', 0o644, format!("{long}\0").as_bytes())
        .file("short", "1")
        .entry("././@LongLink", b'K', 0o644, &[b't'; 200])
        .link(b'2', "link", "short")
        .header(b"line\nfeed\xff\xfe", b'0', 0o644, 0, |_| ())
        .header(b"name", b'0', 0o644, 0, |header| {
            header[345..351].copy_from_slice(b"prefix");
        })
        .header(b"gnu", b'0', 0o644, 0, |header| {
            header[257..265].copy_from_slice(b"ustar  \0");
            header[345..351].copy_from_slice(b"123456");
        })
        .entry("global", b'g', 0o644, b"11 path=zz\n")
        .file("after-global", "")
        .end();
    let room = Room::new();
    room.unpack(&tar).unwrap();
    assert!(room.path(&long).is_file());
    assert!(room.path("prefix/name").is_file());
    assert!(room.path("gnu").is_file());
    assert!(room.path("after-global").is_file());
    assert_eq!(
        room.path("link").read_link().unwrap().as_os_str().len(),
        200
    );
    let odd = std::ffi::OsStr::from_bytes(b"line\nfeed\xff\xfe");
    assert!(room.layer().join(odd).is_file());
}

#[test]
fn in_a_namespace_with_one_id_nothing_changes_hands_and_devices_are_counted() {
    let rules = Rules {
        form: Form::User,
        owners: Owners::Single,
        ..ROOT
    };
    let tar = Tar::new()
        .entry("setuid", b'0', 0o6755, b"")
        .folder("d")
        .link(b'1', "hard", "setuid")
        .link(b'2', "link", "setuid")
        .file("null", "before")
        .device("null", b'3', 1, 3)
        .device("sda", b'4', 8, 0)
        .entry("fifo", b'6', 0o600, b"")
        .end();
    let room = Room::new();
    let done = room.unpack_with(&tar, &rules).unwrap();
    assert_eq!(done.skipped_devices, 2);
    assert_eq!(
        short(&room),
        [
            "d 40755 0:0",
            "fifo 10600 0:0",
            "hard 100644 0:0",
            "link 120777 0:0",
            "setuid 100644 0:0",
        ]
    );
}

#[test]
fn compression_is_told_by_the_bytes_and_both_digests_count() {
    let tar = Tar::new().file("a", &"content".repeat(100_000)).end();
    let (front, back) = tar.split_at(tar.len() / 3);
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    let skipped = [b"\x50\x2a\x4d\x18\x03\0\0\0abc".as_slice(), &zstd(&tar)].concat();
    let table: [(&str, Vec<u8>); 6] = [
        ("plain", tar.clone()),
        ("gzip", gzip(&tar)),
        ("gzip, two members", [gzip(front), gzip(back)].concat()),
        ("zstd", zstd(&tar)),
        ("zstd, two frames", [zstd(front), zstd(back)].concat()),
        ("zstd, a skipped frame", skipped),
    ];
    let other = digest(b"other");
    for (name, blob) in table {
        let right = Expect {
            blob: Some(digest(&blob)),
            diff_id: digest(&tar),
        };
        let room = Room::new();
        let done = room.unpack_as(blob.as_slice(), &right, &ROOT).unwrap();
        assert_eq!(done.size, 700_000, "{name}");
        let unknown = Expect {
            blob: None,
            ..right.clone()
        };
        Room::new()
            .unpack_as(blob.as_slice(), &unknown, &ROOT)
            .unwrap();
        let wrong_blob = Expect {
            blob: Some(other.clone()),
            ..right.clone()
        };
        let error = Room::new().unpack_as(blob.as_slice(), &wrong_blob, &ROOT);
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("its bytes have the digest"),
            "{name}: {error}"
        );
        let wrong_tar = Expect {
            diff_id: other.clone(),
            ..right.clone()
        };
        let error = Room::new().unpack_as(blob.as_slice(), &wrong_tar, &ROOT);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("its tar has the digest"), "{name}: {error}");
        assert!(error.contains(&other.to_string()), "{name}: {error}");
        for cut in [1, 9, blob.len() / 2] {
            let cut = &blob[..blob.len() - cut];
            let error = Room::new().unpack_as(cut, &unknown, &ROOT);
            assert!(error.is_err(), "{name}: cut");
        }
    }
}

#[test]
fn what_follows_the_end_counts_for_the_digest_and_for_nothing_else() {
    let mut tar = Tar::new().file("a", "1").end();
    tar.write_all(&Tar::new().file("b", "2").end()).unwrap();
    tar.write_all(&vec![7; 3 << 20]).unwrap();
    let room = Room::new();
    room.unpack(&tar).unwrap();
    assert_eq!(short(&room), ["a 100644 1000:1001"]);
    let found = Room::new().unpack_as(
        tar.as_slice(),
        &Expect {
            blob: None,
            diff_id: digest(&tar[..2048]),
        },
        &ROOT,
    );
    assert!(found.is_err());
    // An archive without its last blocks, and an empty one, are whole for Go.
    let bare = Tar::new().file("a", "1").0;
    Room::new().unpack(&bare).unwrap();
    Room::new().unpack(b"").unwrap();
}

#[test]
fn the_crate_tar_is_understood() {
    let mut builder = tar::Builder::new(Vec::new());
    let long = "long/".repeat(15) + &"n".repeat(120);
    let mut header = tar::Header::new_gnu();
    header.set_size(3);
    header.set_mode(0o640);
    header.set_uid(5_000_000);
    header.set_gid(7);
    header.set_mtime(99);
    builder
        .append_data(&mut header, &long, &b"abc"[..])
        .unwrap();
    let tar = builder.into_inner().unwrap();
    let room = Room::new();
    room.unpack(&tar).unwrap();
    let stat = room.path(&long).metadata().unwrap();
    assert_eq!((stat.uid(), stat.gid(), stat.mtime()), (5_000_000, 7, 99));
}
