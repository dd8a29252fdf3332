//! A context as a stream of bytes, made while it is sent.

use std::io::{self, BufWriter, Write};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;

use super::context::{BuildContext, ContextError, Recipient};

const CHUNK: usize = 64 * 1024;
/// Chunks that wait to be sent: enough to keep both sides busy.
const WAITING: usize = 8;

/// The archive of a context. A thread writes it as fast as it is read, so that its size does not
/// matter.
#[derive(Debug)]
pub struct ContextStream {
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    failure: Arc<Mutex<Option<ContextError>>>,
}

/// What went wrong in the context, once the engine has complained.
#[derive(Debug, Clone)]
pub struct ContextFailure(Arc<Mutex<Option<ContextError>>>);

impl ContextFailure {
    /// Takes the reason, if the context was the reason.
    pub fn take(&self) -> Option<ContextError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ContextStream {
    /// Begins to write the archive. To be called in a tokio runtime.
    pub fn new(context: BuildContext, recipient: Recipient) -> Self {
        let (sender, chunks) = mpsc::channel(WAITING);
        let failure = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&failure);
        tokio::task::spawn_blocking(move || {
            let pipe = Pipe(sender.clone());
            let written = context.write(BufWriter::with_capacity(CHUNK, pipe), recipient);
            if let Err(error) = written {
                let reason = error.to_string();
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                // Breaks the request off: an archive cut short must not look like a whole one.
                let _ = sender.blocking_send(Err(io::Error::other(reason)));
            }
        });
        Self { chunks, failure }
    }

    /// Where to ask why the stream broke off.
    pub fn failure(&self) -> ContextFailure {
        ContextFailure(Arc::clone(&self.failure))
    }

    /// The chunks of the archive.
    pub fn into_chunks(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        futures_util::stream::unfold(self.chunks, |mut chunks| async {
            chunks.recv().await.map(|chunk| (chunk, chunks))
        })
    }
}

struct Pipe(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let chunk = Bytes::copy_from_slice(bytes);
        match self.0.blocking_send(Ok(chunk)) {
            Ok(()) => Ok(bytes.len()),
            Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
