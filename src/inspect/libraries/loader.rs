//! Which loader loads a program, and where it looks.

use super::super::elf::{Abi, Elf};
use super::super::path::{Real, name, real_path};
use super::cache::Cache;
use crate::engine::{EngineError, FileKind, Files};

/// As large as no cache is.
const MAX_CACHE: u64 = 64 << 20;

/// A dynamic loader with its own list of folders.
#[derive(Debug, Clone)]
pub(super) enum Loader {
    /// `ld-linux*.so`, `ld64.so`.
    Glibc {
        /// What ldconfig found, if it ever ran.
        cache: Option<Cache>,
        /// The folders compiled into the loader.
        folders: Vec<String>,
    },
    /// `ld-musl-ARCH.so.1`.
    Musl {
        /// The folders of `/etc/ld-musl-ARCH.path`, or those compiled into it.
        folders: Vec<String>,
    },
}

/// Processors: `e_machine` and whether it is 64 bits wide, the name that musl has for it, and
/// glibc's loader.
const MACHINES: [(u16, bool, &str, &str); 9] = [
    (62, true, "x86_64", "/lib64/ld-linux-x86-64.so.2"),
    (62, false, "x32", "/libx32/ld-linux-x32.so.2"),
    (3, false, "i386", "/lib/ld-linux.so.2"),
    (183, true, "aarch64", "/lib/ld-linux-aarch64.so.1"),
    (40, false, "armhf", "/lib/ld-linux-armhf.so.3"),
    (21, true, "powerpc64le", "/lib64/ld64.so.2"),
    (22, true, "s390x", "/lib/ld64.so.1"),
    (243, true, "riscv64", "/lib/ld-linux-riscv64-lp64d.so.1"),
    (
        258,
        true,
        "loongarch64",
        "/lib64/ld-linux-loongarch-lp64d.so.1",
    ),
];

impl Loader {
    /// The loader at `path`, whose content in brief is `elf`.
    pub(super) fn new(files: &dyn Files, path: &str, elf: &Elf) -> Result<Self, EngineError> {
        if let Some(arch) = musl_arch(path) {
            // Beside the folder of the loader: /lib/ld-musl-x86_64.so.1 → /etc.
            let prefix = path.rsplitn(3, '/').nth(2).unwrap_or_default();
            let list = format!("{prefix}/etc/ld-musl-{arch}.path");
            let text = match regular(files, &list)? {
                Some(list) => {
                    let text = files.read(&list, MAX_CACHE)?;
                    String::from_utf8_lossy(&text).into_owned()
                }
                None => "/lib:/usr/local/lib:/usr/lib".to_owned(),
            };
            let folders = text.split([':', '\n']).map(str::trim);
            let folders = folders.filter(|folder| !folder.is_empty());
            return Ok(Self::Musl {
                folders: folders.map(ToOwned::to_owned).collect(),
            });
        }
        let cache = match regular(files, "/etc/ld.so.cache")? {
            Some(path) => Cache::parse(&files.read(&path, MAX_CACHE)?),
            None => None,
        };
        let folders = if elf.default_folders.is_empty() {
            ["/lib64", "/usr/lib64", "/lib", "/usr/lib"]
                .map(str::to_owned)
                .to_vec()
        } else {
            elf.default_folders.clone()
        };
        Ok(Self::Glibc { cache, folders })
    }

    /// What `$LIB` is.
    pub(super) fn lib(&self) -> Option<&str> {
        match self {
            Self::Glibc { folders, .. } => {
                let lib = folders.iter().find(|folder| folder.starts_with("/lib"));
                lib.map(|folder| folder.trim_start_matches('/'))
            }
            Self::Musl { .. } => None,
        }
    }

    /// What `$PLATFORM` is on a processor.
    pub(super) fn platform(&self, abi: Abi) -> Option<&'static str> {
        match (self, abi.machine) {
            (Self::Glibc { .. }, 62) => Some("x86_64"),
            (Self::Glibc { .. }, 183) => Some("aarch64"),
            _ => None,
        }
    }
}

/// The processor in the name of musl's loader.
fn musl_arch(path: &str) -> Option<&str> {
    let rest = name(path).strip_prefix("ld-musl-")?;
    Some(rest.split_once(".so").map_or(rest, |(arch, _)| arch))
}

/// The loader that would load a library which names none itself; `None` if there is none for it.
pub(super) fn usual(files: &dyn Files, elf: &Elf) -> Result<Option<String>, EngineError> {
    let kinds = MACHINES
        .iter()
        .filter(|(machine, wide, ..)| *machine == elf.abi.machine && *wide == elf.abi.wide);
    for (_, _, arch, glibc) in kinds {
        let musl = format!("/lib/ld-musl-{arch}.so.1");
        let needs_musl = elf
            .needed
            .iter()
            .any(|name| name == "libc.so" || name.starts_with("libc.musl"));
        let both = if needs_musl {
            [musl.as_str(), glibc]
        } else {
            [glibc, musl.as_str()]
        };
        for path in both {
            if regular(files, path)?.is_some() {
                return Ok(Some(path.to_owned()));
            }
        }
    }
    Ok(None)
}

/// The real path of a regular file.
fn regular(files: &dyn Files, path: &str) -> Result<Option<String>, EngineError> {
    Ok(match real_path(files, path)? {
        Real::Found(path, stat) if stat.kind == FileKind::File => Some(path),
        _ => None,
    })
}
