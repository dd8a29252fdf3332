//! Report files: proven writable before the run, replaced as a whole after it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::mark::Mark;

/// How the names of unfinished files begin and end; between them is the mark of who writes.
const UNFINISHED: (&str, &str) = (".seatrial-", ".tmp");

/// A file that a report will be written to.
///
/// Opening it writes a placeholder in place of whatever an earlier run left there, so that a run
/// which is killed can't leave an old success behind, and so that a path that can't be written
/// stops the run before it begins.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    /// A pipe or a device such as `/dev/stdout`: it is written to and never replaced.
    stream: bool,
}

/// Why a report can't be written, with the way out.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The path names a folder.
    #[error("cannot write {}: it is a folder; name a file in it", .path.display())]
    IsFolder {
        /// The path.
        path: PathBuf,
    },
    /// The folder of the file is not there and can't be made.
    #[error(
        "cannot create the folder {}: {source}; create it, or name another path for {}",
        .folder.display(), .path.display()
    )]
    NoFolder {
        /// The file.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The file can't be written.
    #[error(
        "cannot write {}: {source}; name another path, or make room and make its folder writable",
        .path.display()
    )]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

impl OutputFile {
    /// Creates the folders above `path` and puts `placeholder` there.
    ///
    /// # Errors
    /// When the file could not be written after the run either.
    pub fn open(path: impl Into<PathBuf>, placeholder: &[u8]) -> Result<Self, FileError> {
        let path = path.into();
        let folder = folder_of(&path).to_path_buf();
        if let Err(source) = std::fs::create_dir_all(&folder) {
            return Err(FileError::NoFolder {
                path,
                folder,
                source,
            });
        }
        remove_dead(&folder);
        let kind = path.metadata().map(|found| found.file_type()).ok();
        if kind.is_some_and(|kind| kind.is_dir()) {
            return Err(FileError::IsFolder { path });
        }
        // `/dev/stdout` may lead to an ordinary file, which the shell holds open: never replace it.
        let stream = path.starts_with("/dev") || kind.is_some_and(|kind| !kind.is_file());
        let file = Self {
            // A link is followed: the file behind it is replaced, and the link stays.
            path: match path.canonicalize() {
                Ok(target) if !stream => target,
                _ => path,
            },
            stream,
        };
        if file.stream {
            file.on_error(file.open_stream().map(drop))?;
        } else {
            file.hold(placeholder)?;
        }
        Ok(file)
    }

    /// The path that is written to.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts `content` in place of what is there, so that readers see the old or the new whole.
    ///
    /// # Errors
    /// When the disk is full or the folder is gone.
    pub fn replace(&self, content: &[u8]) -> Result<(), FileError> {
        self.on_error(if self.stream {
            self.open_stream()
                .and_then(|mut stream| stream.write_all(content))
        } else {
            self.replace_file(content, true)
        })
    }

    /// Puts `placeholder` in place of what is there, until the end comes. A stream can't take
    /// anything back, and gets nothing. The disk is not waited for: a machine that fails is no end of
    /// a run that anybody reads of here.
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    pub fn hold(&self, placeholder: &[u8]) -> Result<(), FileError> {
        match self.stream {
            true => Ok(()),
            false => self.on_error(self.replace_file(placeholder, false)),
        }
    }

    fn open_stream(&self) -> io::Result<File> {
        OpenOptions::new().append(true).open(&self.path)
    }

    fn replace_file(&self, content: &[u8], is_synced: bool) -> io::Result<()> {
        let mut file = temporary_beside(&self.path)?;
        file.write_all(content)?;
        if is_synced {
            file.as_file().sync_all()?;
        }
        file.persist(&self.path)?;
        Ok(())
    }

    fn on_error(&self, result: io::Result<()>) -> Result<(), FileError> {
        result.map_err(|source| FileError::Unwritable {
            path: self.path.clone(),
            source,
        })
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// In the same folder, because a rename can't leave the file system; and with another ending, so
/// that no CI system takes half a report for a report.
pub(crate) fn temporary_beside(path: &Path) -> io::Result<NamedTempFile> {
    let prefix = format!("{}{}-", UNFINISHED.0, Mark::ours());
    let mut builder = Builder::new();
    builder.prefix(&prefix).suffix(UNFINISHED.1);
    // Reports are for others to read; what others may do is for the umask to say.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder_of(path))
}

/// Removes the unfinished files of processes that were killed while they wrote.
pub(crate) fn remove_dead(folder: &Path) {
    let Ok(entries) = folder.read_dir() else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_dead = name
            .to_str()
            .and_then(mark)
            .is_some_and(|mark| mark.fate(true).is_over());
        if is_dead && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            // They are in nobody's way.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Who writes an unfinished file.
fn mark(name: &str) -> Option<Mark> {
    let name = name.strip_prefix(UNFINISHED.0)?;
    let (mark, _random) = name.strip_suffix(UNFINISHED.1)?.rsplit_once('-')?;
    Mark::parse(mark)
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir, read_to_string};
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = folder.read_dir().unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn opening_replaces_an_old_report_and_the_end_replaces_the_placeholder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/junit.xml");
        OutputFile::open(&path, b"an old success").unwrap();

        let file = OutputFile::open(&path, b"not finished").unwrap();
        assert_eq!(read_to_string(&path).unwrap(), "not finished");
        file.replace(b"done").unwrap();
        assert_eq!(read_to_string(&path).unwrap(), "done");
        assert_eq!(
            names(path.parent().unwrap()),
            ["junit.xml"],
            "nothing else stays"
        );
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o600, 0o600);
        assert_eq!(mode & 0o111, 0);
    }

    #[test]
    fn unfinished_files_of_the_dead_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, mut dead) = (Mark::ours(), Mark::ours());
        dead.start = "1".to_owned();
        let kept = [
            format!(".seatrial-{ours}-aaaaaa.tmp"),
            format!(".seatrial-{dead}-aaaaaa.xml"),
            ".seatrial-aaaaaa.tmp".to_owned(),
        ];
        for name in &kept {
            File::create(folder.path().join(name)).unwrap();
        }
        File::create(folder.path().join(format!(".seatrial-{dead}-aaaaaa.tmp"))).unwrap();
        OutputFile::open(folder.path().join("junit.xml"), b"").unwrap();
        let mut found = names(folder.path());
        found.retain(|name| name != "junit.xml");
        found.sort();
        let mut kept = kept.to_vec();
        kept.sort();
        assert_eq!(found, kept);
    }

    #[test]
    fn a_link_stays_and_its_target_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("a.xml"), folder.path().join("b.xml"));
        OutputFile::open(&target, b"old").unwrap();
        symlink(&target, &link).unwrap();
        OutputFile::open(&link, b"new").unwrap();
        assert_eq!(read_to_string(&target).unwrap(), "new");
        assert!(link.symlink_metadata().unwrap().is_symlink());
    }

    #[test]
    fn a_device_is_written_to_and_not_replaced() {
        let file = OutputFile::open("/dev/null", b"placeholder").unwrap();
        file.replace(b"content").unwrap();
        let kind = Path::new("/dev/null").metadata().unwrap().file_type();
        assert!(kind.is_char_device());
    }

    #[test]
    fn what_can_not_be_written_is_refused_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let here = |name: &str| folder.path().join(name);
        OutputFile::open(here("file"), b"").unwrap();
        create_dir(here("folder")).unwrap();
        for (path, expected) in [
            ("folder", "it is a folder; name a file in it"),
            ("file/junit.xml", "cannot create the folder"),
            ("file/more/junit.xml", "cannot create the folder"),
        ] {
            let message = OutputFile::open(here(path), b"").unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
            assert!(
                message.contains(&*here(path).to_string_lossy()),
                "{message}"
            );
        }
    }

    #[test]
    fn a_folder_that_goes_away_is_an_error_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = OutputFile::open(folder.path().join("a.xml"), b"").unwrap();
        folder.close().unwrap();
        let message = file.replace(b"x").unwrap_err().to_string();
        assert!(message.contains("name another path"), "{message}");
    }
}
