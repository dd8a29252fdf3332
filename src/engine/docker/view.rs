//! The files of an image or of a container, asked of the engine.

use std::io::{self, Read};

use bytes::{Buf, Bytes};
use tokio::sync::mpsc;

use super::archive::Entries;
use super::container::Container;
use super::engine::DockerEngine;
use super::files::unreadable;
use crate::engine::{Engine, EngineError, FileEntry, FileOwner, FileStat, Files, Image, Visit};

/// How many pieces of an archive may lie between the engine and whoever reads it.
const PIECES: usize = 16;
/// How much of a file is shown at once.
const BUFFER: usize = 64 << 10;

/// Where the pieces of an archive go.
type Sender = mpsc::Sender<Bytes>;

/// The files of an image, or those of a container that ended.
pub(super) struct View<'a> {
    engine: &'a DockerEngine,
    of: Of<'a>,
}

enum Of<'a> {
    Image(&'a Image),
    Container(&'a str),
}

impl<'a> View<'a> {
    pub(super) fn of_image(engine: &'a DockerEngine, image: &'a Image) -> Self {
        let of = Of::Image(image);
        Self { engine, of }
    }

    pub(super) fn of_container(engine: &'a DockerEngine, name: &'a str) -> Self {
        let of = Of::Container(name);
        Self { engine, of }
    }

    async fn container(&self) -> Result<Container<'a>, EngineError> {
        match self.of {
            Of::Image(image) => self.engine.reader(image).await,
            Of::Container(name) => Ok(self.engine.container_of(name.to_owned())),
        }
    }

    /// Sends the archive of a path, out of the container that single looks use too.
    fn send(&self, path: &str, sender: &Sender) -> Result<(), EngineError> {
        self.engine
            .wait(async { self.container().await?.archive(path, sender).await })
    }

    /// Sends the archive of a folder. An engine locks a container for as long as it sends one out
    /// of it, so that nothing else could look at the image meanwhile: a walk of an image has a
    /// container of its own.
    fn send_apart(&self, path: &str, sender: &Sender) -> Result<(), EngineError> {
        let Of::Image(image) = self.of else {
            return self.send(path, sender);
        };
        let container = self.engine.container();
        let sent = self.engine.wait(async {
            let body = self.engine.reader_body(image);
            self.engine.ask_for(&container, None, body).await?;
            container.archive(path, sender).await
        });
        // Also when the run is stopped. What can't be removed now goes with the rest in the end.
        let removed = self.engine.waiter.runtime().block_on(container.remove());
        sent.and(removed)
    }
}

impl View<'_> {
    /// In Podman's archives every file is root's.
    fn knows_owners(&self) -> bool {
        self.engine.info().kind != "podman"
    }
}

impl Files for View<'_> {
    fn stat(&self, path: &str) -> Result<Option<FileStat>, EngineError> {
        self.engine
            .wait(async { self.container().await?.stat(path).await })
    }

    fn owner(&self, path: &str) -> Result<FileOwner, EngineError> {
        if !self.knows_owners() {
            let what = format!("Podman does not tell whose {path} is");
            return Err(EngineError::Needs(format!("needs docker: {what}")));
        }
        self.engine
            .wait(async { self.container().await?.owner(path).await })
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, EngineError> {
        self.engine
            .wait(async { self.container().await?.read(path, limit).await })
    }

    fn content(&self, path: &str, take: &mut dyn FnMut(&[u8])) -> Result<(), EngineError> {
        let send = |sender: &Sender| self.send(path, sender);
        stream(self.engine, path, send, |pieces| {
            show_content(path, pieces, take)
        })
    }

    fn link_target(&self, path: &str) -> Result<String, EngineError> {
        self.engine
            .wait(async { self.container().await?.link_target(path).await })
    }

    fn walk(&self, folder: &str, visit: &mut Visit<'_>) -> Result<(), EngineError> {
        let knows_owners = self.knows_owners();
        let visit: &mut Visit<'_> = &mut |entry, content| {
            if knows_owners {
                return visit(entry, content);
            }
            let owner = None;
            visit(
                &FileEntry {
                    owner,
                    ..entry.clone()
                },
                content,
            )
        };
        let send = |sender: &Sender| self.send_apart(folder, sender);
        stream(self.engine, folder, send, |pieces| {
            Entries::new(folder, pieces).visit(visit)
        })
    }
}

/// Reads the archive of a path while it comes.
fn stream(
    engine: &DockerEngine,
    path: &str,
    send: impl FnOnce(&Sender) -> Result<(), EngineError> + Send,
    read: impl FnOnce(Pieces) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let (sender, receiver) = mpsc::channel(PIECES);
    // The archive is read while it comes, by this thread; another one fetches it.
    std::thread::scope(|scope| {
        let sent = scope.spawn(move || send(&sender));
        let read = read(Pieces::new(receiver));
        match (sent.join(), read) {
            // An archive that broke off may look like one that ended.
            (Ok(Err(error)), _) => Err(error),
            (Ok(Ok(())), Err(error @ EngineError::Failed { .. })) => {
                // What came is not what was to come: the next time it may be.
                engine.connection.faulted();
                Err(error)
            }
            (Ok(Ok(())), read) => read,
            (Err(_), _) => Err(unreadable(path, "its archive could not be fetched")),
        }
    })
}

/// Shows the content of the regular file that `archive` holds.
fn show_content(
    path: &str,
    archive: impl Read,
    take: &mut dyn FnMut(&[u8]),
) -> Result<(), EngineError> {
    let mut archive = tar::Archive::new(archive);
    let mut show = || -> io::Result<()> {
        let mut entries = archive.entries()?;
        let mut entry = entries.next().ok_or(io::ErrorKind::UnexpectedEof)??;
        if !entry.header().entry_type().is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let size = entry.size();
        let mut shown = 0;
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = entry.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            shown += count as u64;
            take(&buffer[..count]);
        }
        if shown == size {
            Ok(())
        } else {
            Err(io::Error::other("the engine sent less than the whole file"))
        }
    };
    show().map_err(|error| unreadable(path, &error.to_string()))
}

/// Pieces that come from elsewhere, as one stream.
struct Pieces {
    receiver: mpsc::Receiver<Bytes>,
    piece: Bytes,
}

impl Pieces {
    fn new(receiver: mpsc::Receiver<Bytes>) -> Self {
        Self {
            receiver,
            piece: Bytes::new(),
        }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let count = self.piece.len().min(buffer.len());
        self.piece.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
