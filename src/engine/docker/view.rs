//! The files of an image or of a container, asked of the engine.

use std::io::{self, Read};

use bytes::{Buf, Bytes};
use tokio::sync::mpsc;

use super::archive::Entries;
use super::container::Container;
use super::engine::DockerEngine;
use super::files::unreadable;
use crate::engine::{EngineError, FileOwner, FileStat, Files, Image, Visit};

/// How many pieces of an archive may lie between the engine and whoever reads it.
const PIECES: usize = 16;

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
}

impl Files for View<'_> {
    fn stat(&self, path: &str) -> Result<Option<FileStat>, EngineError> {
        self.engine
            .wait(async { self.container().await?.stat(path).await })
    }

    fn owner(&self, path: &str) -> Result<FileOwner, EngineError> {
        self.engine
            .wait(async { self.container().await?.owner(path).await })
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, EngineError> {
        self.engine
            .wait(async { self.container().await?.read(path, limit).await })
    }

    fn walk(&self, folder: &str, visit: &mut Visit<'_>) -> Result<(), EngineError> {
        let (sender, receiver) = mpsc::channel(PIECES);
        let fetch = move || {
            self.engine.wait(async {
                let container = self.container().await?;
                container.archive(folder, &sender).await
            })
        };
        // The archive is read while it comes, by this thread; another one fetches it.
        std::thread::scope(|scope| {
            let fetched = scope.spawn(fetch);
            let walked = Entries::new(folder, Pieces::new(receiver)).visit(visit);
            match (fetched.join(), walked) {
                // An archive that broke off may look like one that ended.
                (Ok(Err(error)), _) => Err(error),
                (Ok(Ok(())), walked) => walked,
                (Err(_), _) => Err(unreadable(folder, "its archive could not be fetched")),
            }
        })
    }
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
