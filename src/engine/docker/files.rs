//! Files of an image, read from a container that is created and never started.

use std::io::Read;
use std::ops::ControlFlow::{self, Break, Continue};

use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, DownloadFromContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::container::Container;
use super::steps::{broken, failure, is_not_found, steadily, step};
use crate::engine::{EngineError, FileKind, FileOwner, FileStat};

const LOOK: &str = "look at a file";
const READ: &str = "read a file";

/// Enough for the header of an archive's first entry, with its extended header.
const HEADER_BYTES: u64 = 32 * 1024;

/// The bits of Go's `os.FileMode` that the engine sends.
mod go_mode {
    pub(super) const DIRECTORY: u32 = 1 << 31;
    pub(super) const SYMLINK: u32 = 1 << 27;
    pub(super) const DEVICE: u32 = 1 << 26;
    pub(super) const PIPE: u32 = 1 << 25;
    pub(super) const SOCKET: u32 = 1 << 24;
    pub(super) const SETUID: u32 = 1 << 23;
    pub(super) const SETGID: u32 = 1 << 22;
    pub(super) const CHAR_DEVICE: u32 = 1 << 21;
    pub(super) const IRREGULAR: u32 = 1 << 19;
    pub(super) const STICKY: u32 = 1 << 20;
}

impl Container<'_> {
    /// Looks at a path; the engine answers from its metadata, in about a millisecond.
    pub(super) async fn stat(&self, path: &str) -> Result<Option<FileStat>, EngineError> {
        let options = ContainerArchiveInfoOptionsBuilder::default()
            .path(path)
            .build();
        let docker = self.connection.docker();
        let request = || async {
            let options = Some(options.clone());
            match docker.get_container_archive_info(&self.name, options).await {
                Ok(stat) => Ok(Some(stat)),
                Err(error) if is_not_found(&error) => Ok(None),
                Err(error) => Err(error),
            }
        };
        let stat = steadily(self.connection, LOOK, request).await?;
        if stat.is_none() {
            self.confirm_missing(path).await?;
        }
        Ok(stat.map(|stat| FileStat {
            kind: kind(stat.file_mode),
            mode: permissions(stat.file_mode),
            size: u64::try_from(stat.size).unwrap_or(0),
            link_target: Some(stat.link_target).filter(|target| !target.is_empty()),
        }))
    }

    /// The answer that nothing is there has no words: the same is said of a container that is not
    /// there. So the question is put in another way, which is answered in words.
    async fn confirm_missing(&self, path: &str) -> Result<(), EngineError> {
        let docker = self.connection.docker();
        let request = || async {
            let options = DownloadFromContainerOptionsBuilder::default()
                .path(path)
                .build();
            let mut pieces = Box::pin(docker.download_from_container(&self.name, Some(options)));
            match pieces.next().await {
                Some(Err(error)) if is_not_found(&error) => Ok(Some(error.to_string())),
                Some(Err(error)) => Err(error),
                Some(Ok(_)) | None => Ok(None),
            }
        };
        match steadily(self.connection, LOOK, request).await? {
            Some(words) if words.to_ascii_lowercase().contains("no such container") => {
                self.connection.went_away(&self.name);
                Err(self.unclear("the container that shows it was removed by somebody else"))
            }
            Some(_) => Ok(()),
            None => Err(self.unclear(&format!("{path} is there and is not"))),
        }
    }

    /// What came is not what was to come: the next time it may be.
    fn unreadable(&self, path: &str, reason: &str) -> EngineError {
        self.connection.faulted();
        unreadable(path, reason)
    }

    fn unclear(&self, reason: &str) -> EngineError {
        broken(self.connection, LOOK, reason)
    }

    /// The owner of a path: only an archive tells it, so its first bytes are fetched.
    pub(super) async fn owner(&self, path: &str) -> Result<FileOwner, EngineError> {
        self.first_entry(path, |entry| {
            Ok(FileOwner {
                uid: entry.header().uid()?,
                gid: entry.header().gid()?,
            })
        })
        .await
    }

    /// Where a link leads: what the engine's own metadata say is followed to the end.
    pub(super) async fn link_target(&self, path: &str) -> Result<String, EngineError> {
        self.first_entry(path, |entry| {
            let is_link = entry.header().entry_type() == tar::EntryType::Symlink;
            let target = entry.link_name_bytes().filter(|_| is_link);
            let target = target.ok_or_else(|| std::io::Error::other("it is no link"))?;
            Ok(String::from_utf8_lossy(&target).into_owned())
        })
        .await
    }

    async fn first_entry<T>(
        &self,
        path: &str,
        look: impl FnOnce(&tar::Entry<'_, &[u8]>) -> std::io::Result<T>,
    ) -> Result<T, EngineError> {
        let bytes = self.download(path, HEADER_BYTES).await?;
        let mut archive = tar::Archive::new(&bytes[..]);
        let entries = archive.entries();
        let first = entries.and_then(|mut entries| {
            let end = std::io::ErrorKind::UnexpectedEof;
            entries.next().unwrap_or(Err(end.into()))
        });
        let looked = first.and_then(|entry| look(&entry));
        looked.map_err(|error| self.unreadable(path, &error.to_string()))
    }

    /// The content of a regular file.
    pub(super) async fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, EngineError> {
        // The archive is the file, its headers and the end of the archive.
        let bytes = self
            .download(path, limit.saturating_add(HEADER_BYTES))
            .await?;
        let mut archive = tar::Archive::new(&bytes[..]);
        let read = || -> std::io::Result<(u64, Vec<u8>)> {
            let mut entry = archive
                .entries()?
                .next()
                .ok_or(std::io::ErrorKind::UnexpectedEof)??;
            if !entry.header().entry_type().is_file() {
                return Err(std::io::Error::other("it is not a regular file"));
            }
            let size = entry.size();
            let mut content = Vec::new();
            if size <= limit {
                entry.read_to_end(&mut content)?;
            }
            Ok((size, content))
        };
        let mut read = read;
        let (size, content) = read().map_err(|error| self.unreadable(path, &error.to_string()))?;
        if size > limit {
            return Err(EngineError::TooLarge {
                path: path.to_owned(),
                limit,
            });
        }
        if content.len() as u64 != size {
            return Err(self.unreadable(path, "the engine sent less than the whole file"));
        }
        Ok(content)
    }

    /// The first `limit` bytes of the archive of a path.
    async fn download(&self, path: &str, limit: u64) -> Result<Vec<u8>, EngineError> {
        let mut bytes = Vec::new();
        let mut take = async |piece: Bytes| {
            bytes.extend_from_slice(&piece);
            if bytes.len() as u64 >= limit {
                Break(())
            } else {
                Continue(())
            }
        };
        self.pieces(path, &mut take).await?;
        Ok(bytes)
    }

    /// Sends the archive of a folder, until it ends or nobody takes it any more.
    pub(super) async fn archive(
        &self,
        path: &str,
        sender: &mpsc::Sender<Bytes>,
    ) -> Result<(), EngineError> {
        let mut take = async |piece: Bytes| match sender.send(piece).await {
            Ok(()) => Continue(()),
            Err(_) => Break(()),
        };
        self.pieces(path, &mut take).await
    }

    async fn pieces(
        &self,
        path: &str,
        take: &mut impl AsyncFnMut(Bytes) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        let options = DownloadFromContainerOptionsBuilder::default()
            .path(path)
            .build();
        let docker = self.connection.docker();
        let mut pieces = Box::pin(docker.download_from_container(&self.name, Some(options)));
        // The deadline is for each piece: a large folder takes as long as it takes.
        loop {
            let next = async { Ok(pieces.next().await) };
            match step(self.connection, READ, next).await? {
                Some(Ok(piece)) => {
                    if take(piece).await.is_break() {
                        return Ok(());
                    }
                }
                Some(Err(error)) => {
                    if is_not_found(&error) && error.to_string().contains("o such container") {
                        self.connection.went_away(&self.name);
                    }
                    return Err(failure(self.connection, READ, &error));
                }
                None => return Ok(()),
            }
        }
    }
}

pub(super) fn unreadable(path: &str, reason: &str) -> EngineError {
    EngineError::Failed {
        step: READ,
        reason: format!("{path}: {reason}"),
    }
}

fn kind(mode: u32) -> FileKind {
    match mode {
        mode if mode & go_mode::DIRECTORY != 0 => FileKind::Directory,
        mode if mode & go_mode::SYMLINK != 0 => FileKind::Symlink,
        mode if mode & go_mode::CHAR_DEVICE != 0 => FileKind::CharDevice,
        mode if mode & go_mode::DEVICE != 0 => FileKind::BlockDevice,
        mode if mode & go_mode::PIPE != 0 => FileKind::Fifo,
        mode if mode & go_mode::SOCKET != 0 => FileKind::Socket,
        mode if mode & go_mode::IRREGULAR != 0 => FileKind::Other,
        _ => FileKind::File,
    }
}

fn permissions(mode: u32) -> u32 {
    let special = [
        (go_mode::SETUID, 0o4000),
        (go_mode::SETGID, 0o2000),
        (go_mode::STICKY, 0o1000),
    ];
    let special = special.iter().filter(|(go, _)| mode & go != 0);
    special.fold(mode & 0o777, |bits, (_, unix)| bits | unix)
}
