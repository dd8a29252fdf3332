//! Where a report goes.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use super::file::{FileError, OutputFile};

/// The names of the standard output.
const STDOUT: [&str; 4] = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// What was named as the place for a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The standard output.
    Stdout,
    /// A file.
    File(PathBuf),
}

impl From<PathBuf> for Target {
    fn from(path: PathBuf) -> Self {
        if STDOUT.iter().any(|name| Path::new(name) == path) {
            return Self::Stdout;
        }
        Self::File(path)
    }
}

impl Target {
    /// Whether two reports can't both go to these.
    pub fn collides(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Stdout, Self::Stdout) => true,
            (Self::File(one), Self::File(other)) => {
                // What is written to a device such as /dev/null is gone anyway.
                !one.starts_with("/dev") && identity(one) == identity(other)
            }
            _ => false,
        }
    }
}

/// One name for one file: links are followed as far as there are any.
fn identity(path: &Path) -> PathBuf {
    let mut found = PathBuf::new();
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for part in path.components() {
        if part == Component::ParentDir {
            found.pop();
        } else {
            found.push(part);
        }
        found = found.canonicalize().unwrap_or(found);
    }
    found
}

/// Where a report is written as a whole.
#[derive(Debug)]
pub(super) enum Whole {
    /// On the standard output, once, in the end.
    Stdout,
    /// In place of the file.
    File(OutputFile),
}

impl Whole {
    pub(super) fn open(target: &Target, placeholder: &str) -> Result<Self, FileError> {
        Ok(match target {
            Target::Stdout => Self::Stdout,
            Target::File(path) => Self::File(OutputFile::open(path, placeholder.as_bytes())?),
        })
    }

    /// What is there until the end comes, for those who look before.
    pub(super) fn hold(&self, placeholder: &str) -> Result<(), FileError> {
        match self {
            Self::Stdout => Ok(()),
            Self::File(file) => file.hold(placeholder.as_bytes()),
        }
    }

    pub(super) fn write(&self, content: &str) -> Result<(), FileError> {
        match self {
            Self::Stdout => on_stdout(content.as_bytes()).map_err(at_stdout),
            Self::File(file) => file.replace(content.as_bytes()),
        }
    }
}

/// Where a report is written line by line.
#[derive(Debug)]
pub(super) enum Growing {
    /// On the standard output.
    Stdout,
    /// In this file.
    File(PathBuf, File),
}

impl Growing {
    /// Empties the file.
    pub(super) fn open(target: &Target) -> Result<Self, FileError> {
        let Target::File(path) = target else {
            return Ok(Self::Stdout);
        };
        // Opening it in the way of whole files makes its folder and tells what is wrong with it.
        let file = OutputFile::open(path, b"")?;
        let opened = File::options().append(true).open(file.path());
        let path = file.path().to_owned();
        match opened {
            Ok(file) => Ok(Self::File(path, file)),
            Err(source) => Err(FileError::Unwritable { path, source }),
        }
    }

    /// Hands the bytes to the system at once: they outlive this process.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        match self {
            Self::Stdout => on_stdout(bytes).map_err(at_stdout),
            Self::File(path, file) => {
                file.write_all(bytes)
                    .map_err(|source| FileError::Unwritable {
                        path: path.clone(),
                        source,
                    })
            }
        }
    }
}

fn on_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

fn at_stdout(source: io::Error) -> FileError {
    FileError::Unwritable {
        path: "the standard output".into(),
        source,
    }
}
