//! The context of a build as a tar archive.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

use super::ignore::Ignore;

/// The name of the ignore file at the root of a context.
const IGNORE_FILE: &str = ".dockerignore";

/// A folder, what of it is sent, and the Dockerfile.
#[derive(Debug, Clone)]
pub struct BuildContext {
    root: PathBuf,
    ignore: Ignore,
    ignore_text: String,
    dockerfile: Dockerfile,
}

#[derive(Debug, Clone)]
struct Dockerfile {
    /// Where it is in the archive.
    name: PathBuf,
    /// Its text, if it is not a file of the context.
    outside: Option<Vec<u8>>,
}

/// Who unpacks the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    /// The classic builder: takes the Dockerfile and `.dockerignore` away before the first step,
    /// if `.dockerignore` says so.
    Classic,
    /// BuildKit: shows the steps all that is in the archive.
    BuildKit,
}

/// Why a context can't be sent.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// Something can't be read.
    #[error("can't read {}: {reason}; what the build does not need can stand in .dockerignore", .path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// The ignore file has a mistake.
    #[error("{}:{}: {error}", .file.display(), .error.line)]
    Ignore {
        /// The ignore file.
        file: PathBuf,
        /// What is wrong.
        error: super::ignore::IgnoreError,
    },
    /// A file became shorter while it was read.
    #[error("{} changed while it was read", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Something that is neither file, folder nor link.
    #[error("{} is a pipe or a device, which can't be sent; name it in .dockerignore", .path.display())]
    Special {
        /// The path.
        path: PathBuf,
    },
    /// The archive could not be passed on.
    #[error("can't send the context: {0}")]
    Send(io::Error),
}

impl BuildContext {
    /// Finds the ignore file and the place of the Dockerfile; reads no other file yet.
    ///
    /// # Errors
    /// When one of them can't be read or is not valid.
    pub fn open(root: &Path, dockerfile: &Path) -> Result<Self, ContextError> {
        let root = root.canonicalize().map_err(unreadable(root))?;
        // The ignore file of a Dockerfile goes before that of the context.
        let mut own = dockerfile.as_os_str().to_owned();
        own.push(IGNORE_FILE);
        let mut ignore_text = String::new();
        let mut ignore = Ignore::default();
        for file in [PathBuf::from(own), root.join(IGNORE_FILE)] {
            match fs::read_to_string(&file) {
                Ok(text) => {
                    ignore = Ignore::parse(&text)
                        .map_err(|error| ContextError::Ignore { file, error })?;
                    ignore_text = text;
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(unreadable(&file)(error)),
            }
        }
        let real = dockerfile.canonicalize().map_err(unreadable(dockerfile))?;
        let dockerfile = match real.strip_prefix(&root) {
            Ok(name) => Dockerfile {
                name: name.to_owned(),
                outside: None,
            },
            Err(_) => Dockerfile {
                name: free_name(&root),
                outside: Some(fs::read(&real).map_err(unreadable(&real))?),
            },
        };
        Ok(Self {
            root,
            ignore,
            ignore_text,
            dockerfile,
        })
    }

    /// Where the Dockerfile is in the archive.
    pub fn dockerfile(&self) -> &Path {
        &self.dockerfile.name
    }

    /// What is in the archive although no step may see it: the Dockerfile, where it is ignored or not
    /// of the folder.
    pub fn hidden(&self) -> Option<&Path> {
        self.must_hide_dockerfile()
            .then_some(self.dockerfile.name.as_path())
    }

    /// Writes the archive: sorted by name, owned by root, so that equal folders give equal
    /// archives up to the times of their files.
    ///
    /// The Dockerfile is sent even if it is ignored. From the classic builder it is then hidden
    /// with the means of an ignore file; BuildKit knows no such means for archives, so that a
    /// `COPY . .` sees it.
    ///
    /// # Errors
    /// The first file that can't be sent.
    pub fn write(&self, out: impl Write, recipient: Recipient) -> Result<(), ContextError> {
        let mut walk = Walk {
            context: self,
            tar: Builder::new(Gate(Some(out))),
            parents: Vec::new(),
        };
        let written = walk.whole(recipient);
        // Dropping an unfinished archive would end it properly, and half a context would look whole.
        walk.tar.get_mut().0 = None;
        written
    }

    fn must_hide_dockerfile(&self) -> bool {
        self.dockerfile.outside.is_some() || self.is_ignored(&self.dockerfile.name)
    }

    /// The ignore file, changed so that it names the Dockerfile.
    fn hiding_ignore_file(&self) -> String {
        let own = Path::new(IGNORE_FILE);
        let name = self.dockerfile.name.display();
        let mut text = format!("{}\n{name}\n", self.ignore_text);
        if !self.root.join(own).exists() || self.is_ignored(own) {
            text.push_str(IGNORE_FILE);
            text.push('\n');
        }
        text
    }

    fn is_ignored(&self, path: &Path) -> bool {
        self.ignore.is_ignored(&path.to_string_lossy())
    }
}

/// Lets bytes through until it is closed.
struct Gate<W>(Option<W>);

impl<W: Write> Write for Gate<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let out = self.0.as_mut();
        out.map_or(Err(io::ErrorKind::BrokenPipe.into()), |out| {
            out.write(bytes)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        let out = self.0.as_mut();
        out.map_or(Err(io::ErrorKind::BrokenPipe.into()), Write::flush)
    }
}

struct Walk<'a, W: Write> {
    context: &'a BuildContext,
    tar: Builder<Gate<W>>,
    /// The folders down to here, and whether they are in the archive yet.
    parents: Vec<(PathBuf, Metadata, bool)>,
}

impl<W: Write> Walk<'_, W> {
    fn whole(&mut self, recipient: Recipient) -> Result<(), ContextError> {
        let context = self.context;
        let hides = recipient == Recipient::Classic && context.must_hide_dockerfile();
        if hides {
            let text = context.hiding_ignore_file();
            self.made_up(Path::new(IGNORE_FILE), text.as_bytes())?;
        }
        if let Some(text) = &context.dockerfile.outside {
            self.made_up(&context.dockerfile.name, text)?;
        }
        self.folder(Path::new(""), hides)?;
        self.tar.finish().map_err(ContextError::Send)?;
        self.tar.get_mut().flush().map_err(ContextError::Send)
    }

    /// Adds what is in `folder`; `without_ignore_file` when another one was made up.
    fn folder(&mut self, folder: &Path, without_ignore_file: bool) -> Result<(), ContextError> {
        let full = self.context.root.join(folder);
        let entries = fs::read_dir(&full).map_err(unreadable(&full))?;
        let mut names = entries
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(unreadable(&full))?;
        names.sort_unstable();
        for name in names {
            if without_ignore_file && name == IGNORE_FILE {
                continue;
            }
            self.entry(&folder.join(name))?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path) -> Result<(), ContextError> {
        let context = self.context;
        let dockerfile = &context.dockerfile.name;
        let is_sent = !context.is_ignored(path) || path == dockerfile;
        let text = path.to_string_lossy();
        let enters = || {
            is_sent || dockerfile.starts_with(path) || context.ignore.has_exceptions_below(&text)
        };
        let full = context.root.join(path);
        let about = fs::symlink_metadata(&full).map_err(unreadable(&full))?;
        if about.is_dir() {
            if enters() {
                self.parents.push((path.to_owned(), about, false));
                if is_sent {
                    self.add_parents()?;
                }
                self.folder(path, false)?;
                self.parents.pop();
            }
            return Ok(());
        }
        // Like `docker`: a socket is of no use to a build and often lies about.
        if !is_sent || about.file_type().is_socket() {
            return Ok(());
        }
        self.add_parents()?;
        let mut header = header(&about);
        if about.is_symlink() {
            let target = fs::read_link(&full).map_err(unreadable(&full))?;
            header.set_entry_type(EntryType::Symlink);
            header.set_size(0);
            return self
                .tar
                .append_link(&mut header, path, target)
                .map_err(ContextError::Send);
        }
        if !about.is_file() {
            return Err(ContextError::Special { path: full });
        }
        let file = File::open(&full).map_err(unreadable(&full))?;
        let mut reader = Exactly {
            inner: file,
            left: about.len(),
            trouble: None,
        };
        let appended = self.tar.append_data(&mut header, path, &mut reader);
        match (appended, reader.trouble) {
            (_, Some(reason)) => Err(unreadable(&full)(reason)),
            (Err(error), None) => Err(ContextError::Send(error)),
            (Ok(()), None) if reader.left > 0 => Err(ContextError::Changed { path: full }),
            (Ok(()), None) => Ok(()),
        }
    }

    fn add_parents(&mut self) -> Result<(), ContextError> {
        for (path, about, is_added) in &mut self.parents {
            if !*is_added {
                let mut header = header(about);
                header.set_entry_type(EntryType::Directory);
                header.set_size(0);
                self.tar
                    .append_data(&mut header, path, io::empty())
                    .map_err(ContextError::Send)?;
                *is_added = true;
            }
        }
        Ok(())
    }

    fn made_up(&mut self, path: &Path, text: &[u8]) -> Result<(), ContextError> {
        let mut header = Header::new_gnu();
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_mode(0o644);
        header.set_size(text.len() as u64);
        self.tar
            .append_data(&mut header, path, text)
            .map_err(ContextError::Send)
    }
}

fn header(about: &Metadata) -> Header {
    let mut header = Header::new_gnu();
    header.set_uid(0);
    header.set_gid(0);
    header.set_mode(about.mode() & 0o7777);
    header.set_mtime(u64::try_from(about.mtime()).unwrap_or(0));
    header.set_size(about.len());
    header
}

/// Reads no more than was announced, and remembers why it could not read.
struct Exactly {
    inner: File,
    left: u64,
    trouble: Option<io::Error>,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (&mut self.inner).take(self.left).read(buffer) {
            Ok(count) => {
                self.left -= count as u64;
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.trouble = Some(error);
                Err(kind.into())
            }
        }
    }
}

/// A name that no file of the context has. Always the same, so that the cache knows it again.
fn free_name(root: &Path) -> PathBuf {
    let name = |count: u32| PathBuf::from(format!(".seatrial-dockerfile-{count}"));
    (0..)
        .map(name)
        .find(|name| !root.join(name).exists())
        .unwrap_or_default()
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> ContextError {
    let path = path.to_owned();
    move |reason| ContextError::Unreadable { path, reason }
}
