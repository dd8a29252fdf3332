//! The bytes of a blob, to be read as often as they are sent.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;

use super::digest::Digest;

/// A blob and where its bytes are. Clones share them.
#[derive(Debug, Clone)]
pub struct Blob {
    digest: Digest,
    size: u64,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Bytes(Bytes),
    File { file: Arc<File>, offset: u64 },
}

impl Blob {
    /// One of these bytes.
    pub fn of_bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self {
            digest: Digest::of(&bytes),
            size: bytes.len() as u64,
            content: Content::Bytes(bytes),
        }
    }

    /// A part of a file that is known to have this digest. It must not change any more; a registry
    /// takes nothing else under a digest.
    pub(crate) fn of_file(digest: Digest, file: Arc<File>, offset: u64, size: u64) -> Self {
        Self {
            digest,
            size,
            content: Content::File { file, offset },
        }
    }

    /// Its digest.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// At most `most` bytes from `from` on; fewer only at the end.
    pub(super) fn read(&self, from: u64, most: usize) -> io::Result<Bytes> {
        let left = usize::try_from(self.size.saturating_sub(from)).unwrap_or(usize::MAX);
        let wanted = left.min(most);
        match &self.content {
            Content::Bytes(bytes) => {
                let from = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
                Ok(bytes.slice(from..from + wanted))
            }
            Content::File { file, offset } => {
                let mut bytes = vec![0; wanted];
                file.read_exact_at(&mut bytes, offset.saturating_add(from))?;
                Ok(bytes.into())
            }
        }
    }
}
