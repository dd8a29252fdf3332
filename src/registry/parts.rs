//! An image as wherever it comes from offers it to be pushed.

use std::fs::File;
use std::io::Read;
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
    /// Begins to read it as it is.
    pub open: Arc<OpenLayer>,
    /// The file that it is a part of, from which byte on and how many, if it is in one.
    pub file: Option<(Arc<File>, u64, u64)>,
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
