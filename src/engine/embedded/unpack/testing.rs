//! Archives and folders for the tests beside this.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::super::layer::Digest;
use super::{Bounds, Expect, Form, Owners, Rules, UnpackError, Unpacked, unpack};

pub(super) const ROOT: Rules = Rules {
    form: Form::Trusted,
    owners: Owners::AsGiven,
    bounds: BOUNDS,
};

const BOUNDS: Bounds = Bounds {
    entries: 1000,
    bytes: 64 << 20,
    depth: 20,
};

/// A folder to unpack to, with a sentinel beside it.
pub(super) struct Room {
    pub(super) folder: TempDir,
}

impl Room {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("layer")).unwrap();
        std::fs::create_dir(folder.path().join("outside")).unwrap();
        let mut file = File::create(folder.path().join("outside/file")).unwrap();
        file.write_all(b"untouched").unwrap();
        Self { folder }
    }

    pub(super) fn layer(&self) -> PathBuf {
        self.folder.path().join("layer")
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.layer().join(name)
    }

    pub(super) fn outside(&self) -> Vec<String> {
        tree(&self.folder.path().join("outside"))
    }

    pub(super) fn unpack(&self, tar: &[u8]) -> Result<Unpacked, UnpackError> {
        self.unpack_with(tar, &ROOT)
    }

    pub(super) fn unpack_with(&self, tar: &[u8], rules: &Rules) -> Result<Unpacked, UnpackError> {
        let expect = Expect {
            blob: Some(digest(tar)),
            diff_id: digest(tar),
        };
        self.unpack_as(tar, &expect, rules)
    }

    pub(super) fn unpack_as(
        &self,
        input: impl Read + Send,
        expect: &Expect,
        rules: &Rules,
    ) -> Result<Unpacked, UnpackError> {
        let target = File::open(self.layer()).unwrap();
        unpack(input, expect, target.as_fd(), rules)
    }
}

pub(super) fn digest(bytes: &[u8]) -> Digest {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Digest::parse(&format!("sha256:{hex}")).unwrap()
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// Builds an archive entry by entry; the names go in as they are, also hostile ones.
pub(super) struct Tar(pub(super) Vec<u8>);

impl Tar {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }

    pub(super) fn file(self, path: &str, content: &str) -> Self {
        self.entry(path, b'0', 0o644, content.as_bytes())
    }

    pub(super) fn folder(self, path: &str) -> Self {
        self.entry(path, b'5', 0o755, b"")
    }

    pub(super) fn link(self, kind: u8, path: &str, target: &str) -> Self {
        self.header(path.as_bytes(), kind, 0o644, 0, |header| {
            header[157..157 + target.len()].copy_from_slice(target.as_bytes());
        })
    }

    pub(super) fn device(self, path: &str, kind: u8, major: u32, minor: u32) -> Self {
        self.header(path.as_bytes(), kind, 0o660, 0, |header| {
            octal(&mut header[329..337], major.into());
            octal(&mut header[337..345], minor.into());
        })
    }

    pub(super) fn entry(self, path: &str, kind: u8, mode: u32, content: &[u8]) -> Self {
        let size = content.len() as u64;
        self.header(path.as_bytes(), kind, mode, size, |_| ())
            .data(content)
    }

    pub(super) fn pax(self, records: &[(&str, &[u8])]) -> Self {
        let mut data = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let mut length = rest + 1;
            while length != rest + length.to_string().len() {
                length += 1;
            }
            data.extend(format!("{length} {key}=").as_bytes());
            data.extend(*value);
            data.push(b'\n');
        }
        self.entry("pax", b'x', 0o644, &data)
    }

    /// A header alone. 1000:1001, and a time that shows.
    pub(super) fn header(
        mut self,
        path: &[u8],
        kind: u8,
        mode: u32,
        size: u64,
        change: impl FnOnce(&mut [u8; 512]),
    ) -> Self {
        let mut header = [0; 512];
        header[..path.len()].copy_from_slice(path);
        octal(&mut header[100..108], mode.into());
        octal(&mut header[108..116], 1000);
        octal(&mut header[116..124], 1001);
        octal(&mut header[124..136], size);
        octal(&mut header[136..148], 1_600_000_000);
        header[156] = kind;
        header[257..265].copy_from_slice(b"ustar\x0000");
        change(&mut header);
        seal(&mut header);
        self.0.extend(header);
        self
    }

    pub(super) fn data(mut self, content: &[u8]) -> Self {
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }
}

pub(super) fn octal(field: &mut [u8], value: u64) {
    let width = field.len() - 1;
    let text = format!("{value:0width$o}");
    field[..width].copy_from_slice(text.as_bytes());
}

/// Puts the checksum right.
pub(super) fn seal(header: &mut [u8; 512]) {
    header[148..156].fill(b' ');
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    octal(&mut header[148..155], sum);
}

/// All that is in a folder, with all that can be compared, in order of paths. Hard links are named
/// by the first path of their file.
pub(super) fn tree(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut first = BTreeMap::new();
    visit(root, root, &mut first, &mut lines);
    lines
}

fn visit(root: &Path, path: &Path, first: &mut BTreeMap<u64, String>, lines: &mut Vec<String>) {
    let stat = path.symlink_metadata().unwrap();
    let name = path.strip_prefix(root).unwrap().as_os_str();
    let name = name.as_bytes().escape_ascii().to_string();
    let content = if stat.is_symlink() {
        format!("-> {}", path.read_link().unwrap().display())
    } else if stat.is_file() && stat.len() < 1 << 30 {
        digest(&std::fs::read(path).unwrap()).hex()[..12].to_owned()
    } else {
        String::new()
    };
    let linked = if stat.nlink() > 1 && !stat.is_dir() {
        first
            .entry(stat.ino())
            .or_insert_with(|| name.clone())
            .clone()
    } else {
        String::new()
    };
    let size = if stat.is_dir() { 0 } else { stat.len() };
    lines.push(format!(
        "{name} {:o} {}:{} dev={} size={size} mtime={}.{:09} {content} {linked} {}",
        stat.mode(),
        stat.uid(),
        stat.gid(),
        stat.rdev(),
        stat.mtime(),
        stat.mtime_nsec(),
        xattrs(path).join(" "),
    ));
    if stat.is_dir() {
        let entries = std::fs::read_dir(path).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        for name in names {
            visit(root, &path.join(name), first, lines);
        }
    }
}

/// The extended attributes of a path, as `name=value`.
pub(super) fn xattrs(path: &Path) -> Vec<String> {
    let mut names = vec![0; 1 << 16];
    let length = rustix::fs::llistxattr(path, names.as_mut_slice()).unwrap();
    let names = names[..length].split(|byte| *byte == 0);
    let mut found: Vec<_> = names
        .filter(|name| !name.is_empty())
        .map(|name| {
            let mut value = vec![0; 1 << 16];
            let length = rustix::fs::lgetxattr(path, name, value.as_mut_slice()).unwrap();
            format!("{}={}", name.escape_ascii(), value[..length].escape_ascii())
        })
        .collect();
    found.sort();
    found
}
