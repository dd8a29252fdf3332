//! Compresses with gzip on all processors: in blocks, each of which begins with what the one before ended
//! with, so that together they are one stream as any other. The same bytes always become the same bytes,
//! however many processors there are and however the input comes.

use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use flate2::{Compress, Compression, Crc, FlushCompress};

use super::digest::{Digest, Hasher};

/// One of these is compressed at once, in bytes.
const BLOCK: usize = 1 << 20;
/// More would only need more memory: few disks are as fast.
const MOST_THREADS: usize = 8;
/// How far back deflate can point, in bytes.
const WINDOW: usize = 32 << 10;
/// Measured (docs/decisions/registries.md): higher ones save little, and lower ones waste much.
const LEVEL: u32 = 3;
/// No name, no time, no system: RFC 1952.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Names what this makes of the same bytes: another where that changes.
pub(super) const KIND: &str = "gzip-3-1";

/// What was compressed.
pub(super) struct Compressed {
    /// The digest of what came.
    pub(super) input: Digest,
    /// The digest of what it became.
    pub(super) output: Digest,
    /// How many bytes it became.
    pub(super) size: u64,
}

struct Job {
    block: Vec<u8>,
    dictionary: Vec<u8>,
    is_last: bool,
    done: SyncSender<io::Result<Block>>,
}

struct Block {
    bytes: Vec<u8>,
    crc: Crc,
}

/// Compresses all of `input`. `go_on` is asked now and then, and ends it with its error.
pub(super) fn compress(
    input: &mut dyn Read,
    output: &mut (dyn Write + Send),
    go_on: &dyn Fn() -> io::Result<()>,
) -> io::Result<Compressed> {
    let threads = thread::available_parallelism().map_or(2, usize::from);
    let threads = threads.min(MOST_THREADS);
    let (jobs, waiting) = sync_channel::<Job>(threads);
    let waiting = Mutex::new(waiting);
    // In the order in which they are written; its bound is that of the memory.
    let (order, results) = sync_channel::<Receiver<io::Result<Block>>>(2 * threads);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(&waiting));
        }
        let writer = scope.spawn(move || write(&results, output));
        let read = feed(input, &jobs, &order, go_on);
        drop((jobs, order));
        let written = writer
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("it broke off")));
        // Who can't write stops who reads, and knows why.
        let written = match (read, written) {
            (Ok(input), Ok(written)) => Ok((input, written)),
            (_, Err(error)) | (Err(error), _) => Err(error),
        };
        let (input, (output, size)) = written?;
        Ok(Compressed {
            input,
            output,
            size,
        })
    })
}

fn feed(
    input: &mut dyn Read,
    jobs: &SyncSender<Job>,
    order: &SyncSender<Receiver<io::Result<Block>>>,
    go_on: &dyn Fn() -> io::Result<()>,
) -> io::Result<Digest> {
    let mut hasher = Hasher::default();
    let mut dictionary = Vec::new();
    let mut block = fill(input)?;
    loop {
        go_on()?;
        hasher.update(&block);
        let next = if block.len() == BLOCK {
            fill(input)?
        } else {
            Vec::new()
        };
        let is_last = next.is_empty();
        let end = block[block.len().saturating_sub(WINDOW)..].to_vec();
        let (done, result) = sync_channel(1);
        let job = Job {
            block,
            dictionary: std::mem::replace(&mut dictionary, end),
            is_last,
            done,
        };
        let gone = || io::Error::other("nobody writes any more");
        order.send(result).map_err(|_| gone())?;
        jobs.send(job).map_err(|_| gone())?;
        if is_last {
            return Ok(hasher.finish());
        }
        block = next;
    }
}

/// Reads a whole block, or all that is left.
fn fill(input: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut block = Vec::with_capacity(BLOCK);
    input.take(BLOCK as u64).read_to_end(&mut block)?;
    Ok(block)
}

fn work(waiting: &Mutex<Receiver<Job>>) {
    let mut state = Compress::new(Compression::new(LEVEL), false);
    loop {
        let job = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(job) = job else {
            return;
        };
        // The writer may be gone, and then nobody wants it.
        let _ = job.done.send(deflate(&mut state, &job));
    }
}

fn deflate(state: &mut Compress, job: &Job) -> io::Result<Block> {
    state.reset();
    if !job.dictionary.is_empty() {
        state
            .set_dictionary(&job.dictionary)
            .map_err(io::Error::other)?;
    }
    let mut crc = Crc::new();
    crc.update(&job.block);
    let flush = if job.is_last {
        FlushCompress::Finish
    } else {
        FlushCompress::Sync
    };
    let mut bytes = Vec::with_capacity(job.block.len() / 2 + 1024);
    loop {
        let taken = usize::try_from(state.total_in()).unwrap_or(usize::MAX);
        let status = state
            .compress_vec(&job.block[taken..], &mut bytes, flush)
            .map_err(io::Error::other)?;
        let has_room = bytes.len() < bytes.capacity();
        let is_all = state.total_in() == job.block.len() as u64;
        if status == flate2::Status::StreamEnd || (!job.is_last && is_all && has_room) {
            return Ok(Block { bytes, crc });
        }
        bytes.reserve(job.block.len() / 2 + 1024);
    }
}

fn write(
    results: &Receiver<Receiver<io::Result<Block>>>,
    output: &mut dyn Write,
) -> io::Result<(Digest, u64)> {
    let mut hasher = Hasher::default();
    let mut size = 0;
    let mut put = |bytes: &[u8]| {
        hasher.update(bytes);
        size += bytes.len() as u64;
        output.write_all(bytes)
    };
    let mut crc = Crc::new();
    put(&HEADER)?;
    for result in results {
        let broken = |_| io::Error::other("it broke off");
        let block = result.recv().map_err(broken)??;
        crc.combine(&block.crc);
        put(&block.bytes)?;
    }
    put(&crc.sum().to_le_bytes())?;
    put(&crc.amount().to_le_bytes())?;
    output.flush()?;
    Ok((hasher.finish(), size))
}

#[cfg(test)]
mod tests {
    use flate2::read::GzDecoder;

    use super::*;

    /// Gives one byte, and then as many as are wanted.
    struct Drips<'a>(&'a [u8], bool);

    impl Read for Drips<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            let most = if self.1 { 1 } else { buffer.len() };
            let count = most.min(buffer.len()).min(self.0.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn made(bytes: &[u8]) -> (Vec<u8>, Compressed) {
        let mut output = Vec::new();
        let done = compress(&mut Drips(bytes, false), &mut output, &|| Ok(()));
        (output, done.unwrap())
    }

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Some of it repeats.
            (state >> if state & 0x10_0000 == 0 { 24 } else { 30 }) as u8
        };
        (0..length).map(next).collect()
    }

    #[test]
    fn all_of_it_comes_back_whatever_its_length() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 5 * BLOCK / 2] {
            let input = noise(length);
            let (output, done) = made(&input);
            let mut back = Vec::new();
            GzDecoder::new(&output[..]).read_to_end(&mut back).unwrap();
            assert!(back == input, "{length}");
            assert_eq!(done.input, Digest::of(&input));
            assert_eq!(done.output, Digest::of(&output));
            assert_eq!(done.size, output.len() as u64);
            assert_eq!(made(&input).0, output, "{length}");
            assert_eq!(output[..10], HEADER);
        }
    }

    #[test]
    fn blocks_know_what_was_before_them() {
        let block = noise(BLOCK);
        let long = [&block[..], &block[BLOCK - 20_000..]].concat();
        let more = made(&long).0.len() - made(&block).0.len();
        assert!(more < 2000, "{more}");
    }

    #[test]
    fn what_breaks_ends_it() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let input = noise(20 * BLOCK);
        let error = compress(&mut &input[..], &mut Full, &|| Ok(()))
            .err()
            .unwrap();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        let stop = || Err(io::ErrorKind::Interrupted.into());
        let error = compress(&mut &input[..], &mut Vec::new(), &stop)
            .err()
            .unwrap();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
    }
}
