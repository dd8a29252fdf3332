//! The uncompressed tar as its reader takes it.

use std::sync::mpsc::{Receiver, Sender};

use super::error::Fault;
use super::pump::{Chunk, give_back};

/// The uncompressed tar, piece by piece.
pub(super) struct Stream {
    chunks: Receiver<Chunk>,
    spent: Sender<Vec<u8>>,
    chunk: Option<Chunk>,
    /// What has been taken of the chunk.
    taken: usize,
    /// How many bytes were taken in all.
    position: u64,
}

impl Stream {
    pub(super) fn new(chunks: Receiver<Chunk>, spent: Sender<Vec<u8>>) -> Self {
        Self {
            chunks,
            spent,
            chunk: None,
            taken: 0,
            position: 0,
        }
    }

    /// What can be taken now; nothing at the end.
    pub(super) fn peek(&mut self) -> &[u8] {
        let is_spent = |chunk: &Chunk| self.taken >= chunk.len();
        if self.chunk.as_ref().is_none_or(is_spent) {
            if let Some(chunk) = self.chunk.take() {
                give_back(chunk, &self.spent);
            }
            self.chunk = self.chunks.recv().ok();
            self.taken = 0;
        }
        self.chunk
            .as_ref()
            .map_or(&[], |chunk| &chunk[self.taken..])
    }

    /// Takes as many bytes of what was peeked.
    pub(super) fn take(&mut self, count: usize) {
        self.taken += count;
        self.position += count as u64;
    }

    /// Fills `buffer`; false if nothing at all comes any more.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<bool, Fault> {
        let mut filled = 0;
        while filled < buffer.len() {
            let offered = self.peek();
            if offered.is_empty() {
                return if filled == 0 {
                    Ok(false)
                } else {
                    Err(self.ended())
                };
            }
            let count = offered.len().min(buffer.len() - filled);
            buffer[filled..filled + count].copy_from_slice(&offered[..count]);
            self.take(count);
            filled += count;
        }
        Ok(true)
    }

    /// Passes over bytes.
    pub(super) fn skip(&mut self, mut count: u64) -> Result<(), Fault> {
        while count > 0 {
            let offered = self.peek().len();
            if offered == 0 {
                return Err(self.ended());
            }
            let step = usize::try_from(count).map_or(offered, |count| count.min(offered));
            self.take(step);
            count -= step as u64;
        }
        Ok(())
    }

    /// Takes all that is left.
    pub(super) fn drain(mut self) {
        loop {
            let offered = self.peek().len();
            if offered == 0 {
                return;
            }
            self.take(offered);
        }
    }

    /// It ends in the middle of something.
    pub(super) fn ended(&self) -> Fault {
        self.malformed("it ends in the middle of an entry")
    }

    pub(super) fn malformed(&self, what: &'static str) -> Fault {
        Fault::Malformed {
            what,
            at: self.position,
        }
    }
}
