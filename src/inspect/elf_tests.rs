//! What is read of ELF files, and that nothing in one does harm.

use proptest::prelude::*;

use super::super::testing_elf::Made;
use super::*;

#[test]
fn all_that_a_loader_reads() {
    let made = Made {
        interpreter: Some("/lib64/ld.so"),
        soname: Some("libx.so.1"),
        needed: &["liba.so.1", "libb.so.2"],
        rpath: Some("/r"),
        runpath: Some("$ORIGIN"),
        no_default_folders: true,
        needs: &[("liba.so.1", "A_1"), ("libb.so.2", "B_2.3")],
        versions: &["libx.so.1", "X_1"],
        ..Made::default()
    };
    let elf = parse(&made.bytes()).unwrap();
    let need = |library: &str, version: &str| NeededVersion {
        library: library.to_owned(),
        version: version.to_owned(),
        weak: false,
    };
    let expected = Elf {
        abi: Abi {
            wide: true,
            little: true,
            machine: 62,
        },
        is_shared: true,
        interpreter: Some("/lib64/ld.so".to_owned()),
        soname: Some("libx.so.1".to_owned()),
        needed: vec!["liba.so.1".to_owned(), "libb.so.2".to_owned()],
        rpath: Some("/r".to_owned()),
        runpath: Some("$ORIGIN".to_owned()),
        no_default_folders: true,
        needs: vec![need("liba.so.1", "A_1"), need("libb.so.2", "B_2.3")],
        versions: Some(["X_1", "libx.so.1"].map(str::to_owned).into()),
        default_folders: Vec::new(),
    };
    assert_eq!(elf, expected);
}

#[test]
fn a_program_of_this_machine() {
    let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let elf = parse(&bytes).unwrap();
    assert_eq!(elf.abi.wide, cfg!(target_pointer_width = "64"));
    if cfg!(target_env = "gnu") {
        assert!(elf.needed.iter().any(|name| name == "libc.so.6"), "{elf:?}");
        assert!(
            elf.needs
                .iter()
                .any(|need| need.version.starts_with("GLIBC_2.")),
            "{elf:?}"
        );
        let loader = std::fs::read(elf.interpreter.unwrap()).unwrap();
        let loader = parse(&loader).unwrap();
        assert!(
            loader
                .versions
                .unwrap()
                .iter()
                .any(|name| name.starts_with("GLIBC_"))
        );
        let folders = loader.default_folders;
        assert!(
            folders.iter().any(|folder| folder.starts_with("/lib")),
            "{folders:?}"
        );
    }
}

#[test]
fn the_default_folders_are_the_longest_row_of_folders() {
    let made = Made {
        soname: Some("ld-linux-x86-64.so.2"),
        data:
            b"/etc/\0x\0/lib/x86_64-linux-gnu/\0/usr/lib/x86_64-linux-gnu/\0/lib/\0/usr/lib/\0y\0",
        ..Made::default()
    };
    let folders = parse(&made.bytes()).unwrap().default_folders;
    let expected = [
        "/lib/x86_64-linux-gnu",
        "/usr/lib/x86_64-linux-gnu",
        "/lib",
        "/usr/lib",
    ];
    assert_eq!(folders, expected);
}

#[test]
fn a_file_that_is_cut_short_is_no_program() {
    let bytes = Made {
        needs: &[("liba.so.1", "A_1")],
        versions: &["X_1"],
        ..Made::program(&["liba.so.1"])
    }
    .bytes();
    for end in 0..bytes.len() - 1 {
        assert!(parse(&bytes[..end]).is_err(), "{end} of {}", bytes.len());
    }
    parse(&bytes).unwrap();
}

#[test]
fn tables_that_lead_back_to_themselves_come_to_an_end() {
    // All of the names overlap, so that little data claims to be much.
    let long = "x".repeat(1 << 16);
    let needed = vec![long.as_str(); 1];
    let mut bytes = Made {
        needed: &needed,
        ..Made::default()
    }
    .bytes();
    let name = bytes
        .windows(8)
        .position(|window| window == b"xxxxxxxx")
        .unwrap();
    let dynamic = bytes.len() - 1 - 4 * 16;
    let entry = bytes[dynamic..dynamic + 16].to_vec();
    assert_eq!(entry[..8], 1_u64.to_le_bytes());
    assert!(name < dynamic);
    // A dynamic table of 100 000 entries, each of which needs the long name.
    let at = bytes.len();
    for _ in 0..100_000 {
        bytes.extend(&entry);
    }
    let rest = bytes[dynamic + 16..dynamic + 64].to_vec();
    bytes.extend(rest);
    let size = (bytes.len() - at) as u64;
    let header = 64 + 56;
    bytes[header + 8..header + 16].copy_from_slice(&(at as u64).to_le_bytes());
    bytes[header + 32..header + 40].copy_from_slice(&size.to_le_bytes());
    assert!(parse(&bytes).is_err());
}

fn real() -> Vec<u8> {
    let path = ["/bin/ls", "/bin/busybox"]
        .iter()
        .find_map(|path| std::fs::read(path).ok());
    path.unwrap_or_else(|| Made::program(&["libc.so.6"]).bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_change_of_a_real_file_does_harm(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        head in prop::collection::vec((0_usize..1024, any::<u8>()), 0..20),
        end in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = real();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        for (at, byte) in head {
            bytes[at] = byte;
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        let _ = parse(&bytes);
    }

    #[test]
    fn no_change_of_a_small_file_does_harm(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
    ) {
        let mut bytes = Made {
            needs: &[("liba.so.1", "A_1"), ("liba.so.1", "A_2")],
            versions: &["X_1", "X_2"],
            ..Made::program(&["liba.so.1"])
        }
        .bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = parse(&bytes);
    }
}
