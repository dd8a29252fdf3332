//! A layer of an image, as wherever the image comes from offers it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::engine::EngineError;

/// The digest of something, as `sha256:` and 64 hexadecimal digits in lower case
/// (OCI image spec, "Digests"). No other algorithm is in use for layers and images.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Digest(String);

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is no sha256 digest"))
    }
}

impl Digest {
    /// Reads a digest; `None` if it is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("sha256:")?;
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (hex.len() == 64 && hex.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// The 64 digits alone.
    pub(crate) fn hex(&self) -> &str {
        &self.0["sha256:".len()..]
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One layer of an image.
#[derive(Clone)]
pub(crate) struct Layer {
    /// The digest of its uncompressed tar (OCI image spec, "Layer `DiffID`").
    pub(crate) diff_id: Digest,
    /// Where its content is.
    pub(crate) content: Content,
}

/// Where the content of a layer is.
#[derive(Clone)]
pub(crate) enum Content {
    /// A part of a file of this host: a tar, plain or compressed with gzip or zstd.
    File {
        /// The file.
        file: Arc<File>,
        /// Where the part begins, in bytes.
        offset: u64,
        /// How many bytes it has.
        length: u64,
        /// The digest of these very bytes, if anybody says so.
        digest: Option<Digest>,
    },
    /// Something that must be fetched: a tar, plain or compressed.
    Remote {
        /// Begins to fetch it; each call from the beginning.
        open: Arc<Open>,
        /// The digest of the bytes as they come.
        digest: Option<Digest>,
    },
    /// A folder that has the form of a layer of overlayfs already, and is only read.
    Folder(PathBuf),
}

/// Begins to read a layer.
pub(crate) type Open = dyn Fn() -> Result<Box<dyn Read + Send>, EngineError> + Send + Sync;

/// Reads a part of a file that others read too, so without a position of its own.
#[derive(Debug)]
pub(crate) struct Part {
    file: Arc<File>,
    next: u64,
    end: u64,
}

impl Part {
    /// `length` bytes from `offset` on.
    pub(crate) fn new(file: Arc<File>, offset: u64, length: u64) -> Self {
        Self {
            file,
            next: offset,
            end: offset.saturating_add(length),
        }
    }
}

impl Read for Part {
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
