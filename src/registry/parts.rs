//! An image as wherever it comes from offers it to be pushed.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::descriptor::Manifest;
use super::digest::Digest;
use super::error::RegistryError;

/// Begins to read a layer; each call from the beginning.
pub type OpenLayer = dyn Fn() -> Result<Box<dyn Read + Send>, RegistryError> + Send + Sync;

/// An image that is to be pushed. Nothing of it is believed.
pub struct ImageParts {
    /// What messages call it.
    pub place: String,
    /// Its configuration, byte for byte.
    pub config: Vec<u8>,
    /// Its layers, the lowest first.
    pub layers: Vec<LayerPart>,
    /// Its manifest, where there is one that others may know it by.
    pub manifest: Option<Manifest>,
}

/// One layer: a tar, plain or compressed with gzip or zstd.
pub struct LayerPart {
    /// What the digest of its uncompressed tar must be.
    pub diff_id: Digest,
    /// Where it is.
    pub content: LayerContent,
}

/// Where the bytes of a layer are.
#[derive(Clone)]
pub enum LayerContent {
    /// In a file that does not change.
    File {
        /// The file.
        file: Arc<File>,
        /// Where it begins in the file, in bytes.
        offset: u64,
        /// How many bytes it has.
        length: u64,
    },
    /// Wherever this reads it from.
    Open(Arc<OpenLayer>),
}

impl LayerPart {
    /// Begins to read it as it is.
    pub(super) fn open(&self) -> Result<Box<dyn Read + Send>, RegistryError> {
        match &self.content {
            LayerContent::File {
                file,
                offset,
                length,
            } => Ok(Box::new(FilePart::new(Arc::clone(file), *offset, *length))),
            LayerContent::Open(open) => open(),
        }
    }
}

/// Reads a part of a file that others read too, so without a position of its own.
#[derive(Debug)]
pub(crate) struct FilePart {
    file: Arc<File>,
    next: u64,
    end: u64,
}

impl FilePart {
    /// `length` bytes from `offset` on.
    pub(crate) fn new(file: Arc<File>, offset: u64, length: u64) -> Self {
        Self {
            file,
            next: offset,
            end: offset.saturating_add(length),
        }
    }
}

impl Read for FilePart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.next).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        match self.file.read_at(&mut buffer[..wanted], self.next)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.next += count as u64;
                Ok(count)
            }
        }
    }
}

impl std::fmt::Debug for ImageParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ImageParts").field(&self.place).finish()
    }
}

impl std::fmt::Debug for LayerPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LayerPart").field(&self.diff_id).finish()
    }
}
