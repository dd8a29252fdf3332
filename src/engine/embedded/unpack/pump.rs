//! Where the bytes come from: read, decompressed and hashed on threads of their own, so that this
//! goes on while files are written.

use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender};

use sha2::{Digest as _, Sha256};

use super::error::Fault;
use crate::registry::decompress::{self, Compression};

/// How many chunks wait for the writer, and for the hasher, at most.
pub(super) const QUEUE: usize = 6;

/// The bytes of a chunk; the last one has fewer.
const CHUNK: usize = 512 << 10;

/// A piece of the uncompressed tar.
pub(super) type Chunk = Arc<Vec<u8>>;

/// What became of reading.
pub(super) enum Input {
    /// The writer stopped before the end.
    Stopped,
    /// All was read.
    Whole {
        /// The digest of the bytes as they came, if it was asked for and they were compressed.
        blob: Option<String>,
    },
}

/// Where the reader's chunks go to, and where it gets its buffers from.
pub(super) struct Source {
    /// To the writer.
    pub(super) chunks: SyncSender<Chunk>,
    /// To the hasher.
    pub(super) copies: SyncSender<Chunk>,
    /// Buffers that are used again: fresh memory costs a page fault for every 4 KiB.
    pub(super) spare: Receiver<Vec<u8>>,
    /// How many bytes it gives at most.
    pub(super) limit: u64,
    /// Whether the digest of the bytes as they come is asked for.
    pub(super) is_hashed: bool,
}

/// Reads all of `input`.
pub(super) fn read(mut input: impl Read, source: &Source) -> Result<Input, Fault> {
    let mut start = Vec::new();
    let mut magic = input.by_ref().take(decompress::MAGIC as u64);
    magic.read_to_end(&mut start).map_err(Fault::Read)?;
    let compression = Compression::of(&start);
    let is_hashed = source.is_hashed && compression != Compression::None;
    let mut tee = Tee {
        input: std::io::Cursor::new(start).chain(input),
        hash: is_hashed.then(Sha256::new),
    };
    {
        let mut tar = decompress::reader(&mut tee, compression).map_err(Fault::Read)?;
        if !pass_on(&mut *tar, source)? {
            return Ok(Input::Stopped);
        }
    }
    // A decompressor may stop where its data does.
    std::io::copy(&mut tee, &mut std::io::sink()).map_err(Fault::Read)?;
    Ok(Input::Whole {
        blob: tee.hash.map(digest),
    })
}

/// Whether all was passed on; else the writer stopped.
fn pass_on(tar: &mut dyn Read, source: &Source) -> Result<bool, Fault> {
    let mut left = source.limit;
    loop {
        let mut buffer = source.spare.try_recv().unwrap_or_default();
        buffer.resize(CHUNK, 0);
        let length = fill(tar, &mut buffer).map_err(Fault::Read)?;
        buffer.truncate(length);
        left = left.checked_sub(length as u64).ok_or(Fault::TooLarge {
            what: "bytes",
            limit: source.limit,
        })?;
        if length == 0 {
            return Ok(true);
        }
        let chunk = Arc::new(buffer);
        let is_taken =
            source.copies.send(Arc::clone(&chunk)).is_ok() && source.chunks.send(chunk).is_ok();
        if !is_taken {
            return Ok(false);
        }
    }
}

/// Reads until `buffer` is full or nothing comes any more.
fn fill(input: &mut dyn Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match input.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// The digest of all chunks.
pub(super) fn hash(chunks: &Receiver<Chunk>, spent: &Sender<Vec<u8>>) -> String {
    let mut hash = Sha256::new();
    for chunk in chunks {
        hash.update(chunk.as_slice());
        give_back(chunk, spent);
    }
    digest(hash)
}

/// Gives a buffer back that nobody else reads any more.
pub(super) fn give_back(chunk: Chunk, spent: &Sender<Vec<u8>>) {
    if let Some(buffer) = Arc::into_inner(chunk) {
        // The reader has ended: no buffer is needed again.
        let _ = spent.send(buffer);
    }
}

/// As a [`Digest`](super::super::layer::Digest) is written.
fn digest(hash: Sha256) -> String {
    let bytes: [u8; 32] = hash.finalize().into();
    let hex = bytes.iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", hex.collect::<String>())
}

/// Hashes what is read.
struct Tee<R> {
    input: R,
    hash: Option<Sha256>,
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.input.read(buffer)?;
        if let Some(hash) = &mut self.hash {
            hash.update(&buffer[..count]);
        }
        Ok(count)
    }
}
