//! A layer of an image, as wherever the image comes from offers it.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::EngineError;
pub(crate) use crate::registry::{Digest, FilePart as Part};

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
