//! The smallest program: it ends with a code, and needs no file beside itself.

/// What it ends with.
pub(super) const CODE: i64 = 42;
/// Where it is loaded.
const BASE: u64 = 0x0040_0000;
/// How long the headers are in front of its code.
const HEADERS: u64 = 64 + 56;

/// A program for this machine; `None` where nobody has written one.
pub(super) fn program() -> Option<Vec<u8>> {
    // exit(42), and for arm64 the same.
    let (machine, code): (u16, &[u8]) = match std::env::consts::ARCH {
        "x86_64" => (62, &[0xb8, 60, 0, 0, 0, 0xbf, 42, 0, 0, 0, 0x0f, 0x05]),
        "aarch64" => (
            183,
            &[
                0x40, 0x05, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 0x01, 0, 0, 0xd4,
            ],
        ),
        _ => return None,
    };
    let length = HEADERS + code.len() as u64;
    // ELF, 64 bits, little-endian, version 1; an executable with one program header.
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    file.extend(2_u16.to_le_bytes());
    file.extend(machine.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    for word in [BASE + HEADERS, 64, 0] {
        file.extend(word.to_le_bytes());
    }
    file.extend(0_u32.to_le_bytes());
    for half in [64_u16, 56, 1, 0, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    // All of the file is loaded, to be read and executed.
    file.extend(1_u32.to_le_bytes());
    file.extend(5_u32.to_le_bytes());
    for word in [0, BASE, BASE, length, length, 0x1000] {
        file.extend(word.to_le_bytes());
    }
    file.extend(code);
    Some(file)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_runs_here_and_ends_with_its_code() {
        let Some(program) = program() else { return };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(&program).unwrap();
        let mode = PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).unwrap();
        drop(file);
        let status = std::process::Command::new(&path).status().unwrap();
        assert_eq!(status.code().map(i64::from), Some(CODE));
    }
}
