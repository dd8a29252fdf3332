//! Files with holes, in all forms that GNU tar writes.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::testing::{Room, Tar, octal};

/// 100 GB with a few bytes in it.
const LARGE: u64 = 100_000_000_000;

fn check(room: &Room, name: &str) {
    let file = File::open(room.path(name)).unwrap();
    let stat = file.metadata().unwrap();
    assert_eq!(stat.len(), LARGE, "{name}");
    assert!(
        stat.blocks() < 1000,
        "{name} takes {} blocks",
        stat.blocks()
    );
    for (offset, expected) in [(0, b"begin"), (1 << 20, b"inner"), (LARGE - 5, b"\0\0end")] {
        let mut found = [0; 5];
        file.read_exact_at(&mut found, offset).unwrap();
        assert_eq!(&found, expected, "{name} at {offset}");
    }
}

#[test]
fn large_holes_take_neither_room_nor_time_in_any_form() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = File::create(folder.path().join("large")).unwrap();
    file.set_len(LARGE).unwrap();
    file.write_all_at(b"begin", 0).unwrap();
    file.write_all_at(b"inner", 1 << 20).unwrap();
    file.write_all_at(b"end", LARGE - 3).unwrap();
    drop(file);
    for form in ["gnu", "0.0", "0.1", "1.0"] {
        let tar = packed(folder.path(), form);
        assert!(tar.len() < 1 << 20, "{form}: {}", tar.len());
        let began = Instant::now();
        let room = Room::new();
        let done = room.unpack(&tar).unwrap();
        check(&room, "large");
        assert_eq!(done.size, LARGE, "{form}");
        assert!(done.written < 1 << 20, "{form}: {}", done.written);
        assert!(began.elapsed() < Duration::from_secs(5), "{form}");
    }
}

fn packed(folder: &Path, form: &str) -> Vec<u8> {
    let mut tar = Command::new("tar");
    if form == "gnu" {
        tar.arg("--format=gnu");
    } else {
        tar.args(["--format=pax", "--sparse-version", form]);
    }
    let tar = tar
        .args(["--sparse", "-cf", "-", "-C"])
        .arg(folder)
        .arg("large");
    let output = tar.output().unwrap();
    assert!(output.status.success(), "{form}: {output:?}");
    output.stdout
}

#[test]
fn many_parts_need_further_headers() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = File::create(folder.path().join("large")).unwrap();
    file.set_len(8 << 20).unwrap();
    for at in 0..60 {
        file.write_all_at(&[at; 100], u64::from(at) << 17).unwrap();
    }
    drop(file);
    let expected = std::fs::read(folder.path().join("large")).unwrap();
    for form in ["gnu", "0.0", "0.1", "1.0"] {
        let room = Room::new();
        room.unpack(&packed(folder.path(), form)).unwrap();
        let found = std::fs::read(room.path("large")).unwrap();
        assert!(found == expected, "{form}");
    }
}

/// A header of the old form with these parts.
fn old(parts: &[(u64, u64)], size: u64, data: &[u8]) -> Vec<u8> {
    Tar::new()
        .header(b"s", b'S', 0o644, data.len() as u64, |header| {
            header[257..265].copy_from_slice(b"ustar  \0");
            for (at, (offset, length)) in parts.iter().enumerate() {
                let at = 386 + at * 24;
                octal(&mut header[at..at + 12], *offset);
                octal(&mut header[at + 12..at + 24], *length);
            }
            octal(&mut header[483..495], size);
        })
        .data(data)
        .end()
}

#[test]
fn maps_that_lie_are_refused() {
    let pax = |records: &[(&str, &[u8])], data: &[u8]| {
        Tar::new().pax(records).entry("s", b'0', 0o644, data).end()
    };
    let v1: [(&str, &[u8]); 3] = [
        ("GNU.sparse.major", b"1"),
        ("GNU.sparse.minor", b"0"),
        ("GNU.sparse.realsize", b"10"),
    ];
    let map = |text: &[u8]| {
        let mut block = text.to_vec();
        block.resize(512, 0);
        [block.as_slice(), b"12345"].concat()
    };
    let unknown: [(&str, &[u8]); 2] = [("GNU.sparse.major", b"2"), ("GNU.sparse.minor", b"0")];
    let table: [(&str, Vec<u8>); 14] = [
        ("overlapping", old(&[(0, 3), (2, 2)], 10, b"12345")),
        ("backwards", old(&[(5, 3), (0, 2)], 10, b"12345")),
        ("beyond the end", old(&[(0, 2), (8, 3)], 10, b"12345")),
        ("less than the data", old(&[(0, 4)], 10, b"12345")),
        ("more than the data", old(&[(0, 6)], 10, b"12345")),
        ("1.0: overlapping", pax(&v1, &map(b"2\n0\n3\n2\n2\n"))),
        ("1.0: too long", pax(&v1, &map(b"1\n0\n50\n"))),
        ("1.0: no numbers", pax(&v1, &map(b"x\n"))),
        ("1.0: a count that lies", pax(&v1, &map(b"99999999999\n"))),
        ("1.0: no end", pax(&v1, &[b'1'; 2048])),
        ("1.0: no map", pax(&v1, b"short")),
        (
            "0.1: odd",
            pax(
                &[("GNU.sparse.map", b"0,1,2"), ("GNU.sparse.size", b"10")],
                b"12345",
            ),
        ),
        ("0.1: no size", pax(&[("GNU.sparse.map", b"0,5")], b"12345")),
        ("a later version", pax(&unknown, b"12345")),
    ];
    for (name, tar) in table {
        let error = Room::new().unpack(&tar).unwrap_err().to_string();
        assert!(error.contains("map of parts"), "{name}: {error}");
    }
    let room = Room::new();
    room.unpack(&old(&[(1, 2), (5, 3), (10, 0)], 10, b"12345"))
        .unwrap();
    let found = std::fs::read(room.path("s")).unwrap();
    assert_eq!(found, b"\x0012\x00\x00345\x00\x00");
    let room = Room::new();
    room.unpack(&pax(&v1, &map(b"1\n5\n5\n"))).unwrap();
    assert_eq!(
        std::fs::read(room.path("s")).unwrap(),
        b"\x00\x00\x00\x00\x0012345"
    );
}
