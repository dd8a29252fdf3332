//! One walk through a whole image that notes what any check may ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::LazyLock;

use globset::GlobSet;

use super::binary::{Binary, MAX_BINARY};
use super::elf;
use super::facts::path_folders;
use super::packages::{Metadata, Package};
use super::path::{self, Real, real_path};
use super::secrets::{self, MAX_SECRET};
use crate::engine::{EngineError, FileEntry, FileKind, FileStat, Files, variable};

/// Of each kind no more is kept; an image that has more is refused.
const MOST: usize = 100_000;

/// As much as tells what a file is, with the first line of a script.
const HEAD: u64 = 256;

/// What package managers leave behind and no program needs.
static LEFTOVERS: LazyLock<GlobSet> = LazyLock::new(|| {
    secrets::globs([
        "/var/lib/apt/lists/**",
        "/var/cache/apt/**/*.{deb,bin}",
        "/var/cache/apk/**",
        "/etc/apk/cache/**",
        "/var/cache/{dnf,yum,libdnf5,zypp}/**",
        "/{root,home/*}/.cache/pip/**",
        "/{root,home/*}/.npm/_cacache/**",
        "/**/pkgs/*.{conda,tar.bz2}",
    ])
});

/// What a walk through an image showed.
#[derive(Debug, Default)]
pub struct Survey {
    /// All that is there.
    pub(super) index: BTreeMap<Box<str>, FileStat>,
    /// Regular files that passed without content, or are too large to be a program: what they are
    /// is not known. All others are known or no programs.
    pub(super) unread: BTreeSet<String>,
    /// Regular files with setuid or setgid, and their permissions.
    pub(super) setuid: Found<(String, u32)>,
    /// Regular files, and folders that are not sticky, that everybody can write to.
    pub(super) world_writable: Found<(String, u32)>,
    /// Files with private keys in them.
    pub(super) private_keys: Found<String>,
    /// Files with credentials in them.
    pub(super) credentials: Found<String>,
    /// Lists and caches of package managers.
    pub(super) leftovers: Found<String>,
    /// What is in the folders for temporary files.
    pub(super) temporary: Found<String>,
    /// Links in the folders of PATH.
    pub(super) links: Found<String>,
    /// Packages of pip, conda and R.
    pub(super) packages: Found<Package>,
    /// Folders that packages can be installed to: site-packages, conda prefixes, R libraries.
    pub(super) environments: BTreeSet<(&'static str, String)>,
}

/// Things of one kind, within bounds.
#[derive(Debug)]
pub(super) struct Found<T> {
    pub(super) items: Vec<T>,
    /// Whether there were more than are kept.
    pub(super) is_cut: bool,
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            is_cut: false,
        }
    }
}

impl<T> Found<T> {
    fn push(&mut self, item: T) {
        if self.items.len() < MOST {
            self.items.push(item);
        } else {
            self.is_cut = true;
        }
    }
}

/// The folders that entries are compared with, without links in them.
struct Folders {
    path: Vec<String>,
    temporary: Vec<String>,
    r_libraries: Vec<String>,
}

impl Survey {
    /// Takes the walk; `env` is the image's. Programs that were seen are handed to `note` in the
    /// end: whoever waits during a walk, for somebody who asks the engine, may wait for ever,
    /// because engines lock a container while they send its files.
    pub(super) fn take(
        files: &dyn Files,
        env: &[(String, String)],
        note: &dyn Fn(&str, Binary),
    ) -> Result<Self, EngineError> {
        let folders = Folders {
            path: real_folders(files, path_folders(env))?,
            temporary: real_folders(files, ["/tmp", "/var/tmp"])?,
            r_libraries: r_libraries(files, env)?,
        };
        let mut survey = Self::default();
        let mut later = Vec::new();
        let mut programs = Vec::new();
        files.walk("/", &mut |entry, content| {
            survey.attributes(entry, &folders);
            if entry.stat.kind != FileKind::File || entry.stat.size == 0 {
                return Ok(());
            }
            let wanted = Wanted::of(entry, &folders);
            let mut bytes = Vec::new();
            read(entry, content, HEAD, &mut bytes)?;
            if bytes.is_empty() {
                // A second name of a file passes without content.
                survey.unread.insert(entry.path.clone());
                later.extend(wanted.map(|wanted| (entry.clone(), wanted)));
                return Ok(());
            }
            let is_program = elf::is_elf(&bytes) && entry.stat.size <= MAX_BINARY;
            if is_program {
                read(entry, content, MAX_BINARY, &mut bytes)?;
            }
            if elf::is_elf(&bytes) && !is_program {
                survey.unread.insert(entry.path.clone());
            }
            if is_program || bytes.starts_with(b"#!") {
                programs.push((entry.path.clone(), Binary::of(&bytes)));
            }
            if let Some(wanted) = wanted {
                let limit = wanted.limit().saturating_sub(bytes.len() as u64);
                read(entry, content, limit, &mut bytes)?;
                survey.content(&entry.path, &wanted, &bytes);
            }
            Ok(())
        })?;
        for (path, program) in programs {
            note(&path, program);
        }
        for (entry, wanted) in later {
            let bytes = files.read(&entry.path, wanted.limit().max(entry.stat.size))?;
            survey.content(&entry.path, &wanted, &bytes);
        }
        Ok(survey)
    }

    fn attributes(&mut self, entry: &FileEntry, folders: &Folders) {
        let (path, stat) = (&entry.path, &entry.stat);
        self.index.insert(path.as_str().into(), stat.clone());
        let folder = path::folder(path);
        if stat.kind == FileKind::File && stat.mode & 0o6000 != 0 {
            self.setuid.push((path.clone(), stat.mode));
        }
        let writable = match stat.kind {
            FileKind::File => stat.mode & 0o2 != 0,
            FileKind::Directory => stat.mode & 0o1002 == 0o2,
            // Links have no mode of their own, and devices belong to whoever opens them.
            _ => false,
        };
        if writable {
            self.world_writable.push((path.clone(), stat.mode));
        }
        let is_idle = matches!(path::name(path), "lock" | "last_update" | "tempfiles.json");
        if stat.kind == FileKind::File && !is_idle && LEFTOVERS.is_match(path) {
            self.leftovers.push(path.clone());
        }
        if folders.temporary.iter().any(|known| known == folder) {
            self.temporary.push(path.clone());
        }
        if stat.kind == FileKind::Symlink && folders.path.iter().any(|known| known == folder) {
            self.links.push(path.clone());
        }
        if stat.kind == FileKind::Directory
            && let Some(manager) = Metadata::environment(path, &folders.r_libraries)
        {
            self.environments.insert((manager, path.clone()));
        }
    }

    fn content(&mut self, path: &str, wanted: &Wanted, bytes: &[u8]) {
        match wanted {
            Wanted::Metadata(metadata) => self.packages.push(metadata.read(path, bytes)),
            Wanted::Secret => {
                if secrets::has_private_key(bytes) {
                    self.private_keys.push(path.to_owned());
                } else if secrets::has_credentials(path, bytes) {
                    self.credentials.push(path.to_owned());
                }
            }
        }
    }
}

/// Why the content of a file is of interest.
enum Wanted {
    Metadata(Metadata),
    Secret,
}

impl Wanted {
    fn of(entry: &FileEntry, folders: &Folders) -> Option<Self> {
        if let Some(metadata) = Metadata::at(&entry.path, &folders.r_libraries) {
            return Some(Self::Metadata(metadata));
        }
        let size = entry.stat.size;
        let may_be_secret = size > 0 && size <= MAX_SECRET;
        (may_be_secret || secrets::is_credential_file(&entry.path)).then_some(Self::Secret)
    }

    /// How much is read, in bytes.
    fn limit(&self) -> u64 {
        match self {
            Self::Metadata(metadata) => metadata.limit(),
            Self::Secret => MAX_SECRET,
        }
    }
}

/// The folders of R packages that the variables of an image name.
pub(super) fn r_libraries(
    files: &dyn Files,
    env: &[(String, String)],
) -> Result<Vec<String>, EngineError> {
    let libraries = ["R_LIBS", "R_LIBS_SITE", "R_LIBS_USER"];
    let libraries = libraries.iter().filter_map(|name| variable(env, name));
    real_folders(files, libraries.flat_map(|value| value.split(':')))
}

fn real_folders<'a>(
    files: &dyn Files,
    folders: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<String>, EngineError> {
    let mut found = Vec::new();
    for folder in folders.into_iter().filter(|folder| folder.starts_with('/')) {
        if let Real::Found(path, _) = real_path(files, folder)? {
            found.push(path);
        }
    }
    Ok(found)
}

/// Reads on, at most `limit` bytes.
fn read(
    entry: &FileEntry,
    content: &mut dyn Read,
    limit: u64,
    bytes: &mut Vec<u8>,
) -> Result<(), EngineError> {
    let read = content.take(limit).read_to_end(bytes);
    let read = read.map_err(|error| EngineError::Failed {
        step: "read a file",
        reason: format!("{}: {error}", entry.path),
    });
    read.map(|_| ())
}
