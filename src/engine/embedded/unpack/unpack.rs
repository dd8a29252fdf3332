//! The way in: a layer and a folder, and what became of it.

use std::io::Read;
use std::os::fd::BorrowedFd;
use std::sync::mpsc::{channel, sync_channel};
use std::thread::{Builder, ScopedJoinHandle};

use serde::{Deserialize, Serialize};

use super::super::layer::Digest;
use super::entry::Entries;
use super::error::{Fault, UnpackError};
use super::pump::{self, Input, QUEUE, Source};
use super::stream::Stream;
use super::write::Writer;

/// The digests that a layer must have.
#[derive(Debug, Clone)]
pub(crate) struct Expect {
    /// That of its bytes as they come, if anybody says so.
    pub(crate) blob: Option<Digest>,
    /// That of its uncompressed tar.
    pub(crate) diff_id: Digest,
}

/// How overlayfs is mounted over the layer, which decides how it is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    /// By real root: `trusted.overlay.*`, and devices can be made.
    Trusted,
    /// In a user namespace, with `userxattr`: `user.overlay.*`, and no devices.
    User,
}

/// Who owns the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Owners {
    /// Whom the archive names.
    AsGiven,
    /// Whoever unpacks: the user namespace has no other id. Setuid bits are kept.
    Single,
}

/// What a layer may have at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Entries of the archive.
    pub(crate) entries: u64,
    /// Bytes of the uncompressed tar.
    pub(crate) bytes: u64,
    /// Names in a path. Each costs a file descriptor while the layer is unpacked.
    pub(crate) depth: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            entries: 4_000_000,
            bytes: 256 << 30,
            depth: 250,
        }
    }
}

/// How a layer is unpacked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// How it is marked.
    pub(crate) form: Form,
    /// Who owns the files.
    pub(crate) owners: Owners,
    /// What it may have at most.
    pub(crate) bounds: Bounds,
}

/// What an unpacked layer is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unpacked {
    /// The lengths of its regular files together, in bytes, as Docker counts the size of a layer.
    /// A further hard link counts nothing, a sparse file as much as it seems to have.
    pub(crate) size: u64,
    /// The bytes that its regular files took from the archive; holes are none.
    pub(crate) written: u64,
    /// Entries of the archive.
    pub(crate) entries: u64,
    /// Devices that could not be made: only real root makes them.
    pub(crate) skipped_devices: u64,
    /// Whether the layer hides all layers below it (an opaque root). overlayfs looks for no such
    /// mark on the root of a layer, so whoever mounts it must leave out those below.
    pub(crate) hides_lower: bool,
}

/// Unpacks the tar that `input` gives, plain or compressed with gzip or zstd, to `target`: an empty
/// folder that nobody else writes to. Nothing outside is touched, whatever the archive says.
///
/// # Errors
/// [`UnpackError`], also for a layer whose digests are not those expected. What is in `target` is
/// then worth nothing. When the fault is of `target`, `input` may have to give its next bytes before
/// this returns.
pub(crate) fn unpack(
    input: impl Read + Send,
    expect: &Expect,
    target: BorrowedFd<'_>,
    rules: &Rules,
) -> Result<Unpacked, UnpackError> {
    unpack_all(input, expect, target, rules).map_err(|fault| UnpackError {
        layer: expect.diff_id.clone(),
        fault,
    })
}

fn unpack_all(
    input: impl Read + Send,
    expect: &Expect,
    target: BorrowedFd<'_>,
    rules: &Rules,
) -> Result<Unpacked, Fault> {
    let (chunks, to_write) = sync_channel(QUEUE);
    let (copies, to_hash) = sync_channel(QUEUE);
    let (spent, spare) = channel();
    let source = Source {
        chunks,
        copies,
        spare,
        limit: rules.bounds.bytes,
        is_hashed: expect.blob.is_some(),
    };
    let hash_spent = spent.clone();
    std::thread::scope(|scope| {
        let reader = Builder::new().spawn_scoped(scope, move || pump::read(input, &source));
        let reader = reader.map_err(Fault::Read)?;
        let hasher = Builder::new().spawn_scoped(scope, move || pump::hash(&to_hash, &hash_spent));
        let hasher = hasher.map_err(Fault::Read)?;
        let written = write(Stream::new(to_write, spent), target, rules);
        let read = join(reader);
        let found = join(hasher);
        // Why the bytes ended explains best what is wrong with them, then whether they are those.
        if let Input::Whole { blob } = read? {
            check(expect, blob, found)?;
        }
        written
    })
}

fn write(mut stream: Stream, target: BorrowedFd<'_>, rules: &Rules) -> Result<Unpacked, Fault> {
    let mut writer = Writer::new(target, rules)?;
    let mut entries = Entries::new(&mut stream, rules.bounds.entries);
    while let Some(entry) = entries.next_entry()? {
        writer.add(&entry, &mut entries)?;
    }
    let read = entries.count();
    stream.drain();
    writer.finish(read)
}

/// `blob` is none if the bytes came uncompressed.
fn check(expect: &Expect, blob: Option<String>, found: String) -> Result<(), Fault> {
    if let Some(expected) = &expect.blob {
        let blob = blob.unwrap_or_else(|| found.clone());
        if blob != expected.to_string() {
            return Err(Fault::Blob {
                expected: expected.clone(),
                found: blob,
            });
        }
    }
    if found == expect.diff_id.to_string() {
        Ok(())
    } else {
        Err(Fault::DiffId { found })
    }
}

fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
