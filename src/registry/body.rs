//! The body of a long upload: read piece by piece while it is sent.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::mpsc;

use super::content::Blob;

/// How much is read at once, in bytes.
const PIECE: usize = 128 << 10;
/// How many pieces wait to be sent.
const WAITING: usize = 4;

/// Is told how many bytes were given to the connection, each time anew.
pub(super) type Tell = dyn Fn(u64) + Send + Sync;

/// What is known of a body while it is sent.
#[derive(Clone, Default)]
pub(super) struct Progress {
    given: Arc<AtomicU64>,
    trouble: Arc<Mutex<Option<String>>>,
}

impl Progress {
    /// How many bytes of this body were given to the connection.
    pub(super) fn given(&self) -> u64 {
        self.given.load(Ordering::Relaxed)
    }

    /// Why the blob itself can't be read.
    pub(super) fn trouble(&self) -> Option<String> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.clone()
    }
}

struct Pieces {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    left: u64,
    progress: Progress,
    tell: Arc<Tell>,
}

/// A blob from a byte on. In a runtime.
pub(super) fn body(blob: &Blob, from: u64, tell: &Arc<Tell>) -> (reqwest::Body, Progress) {
    let (sender, pieces) = mpsc::channel(WAITING);
    let progress = Progress::default();
    let source = blob.clone();
    tokio::task::spawn_blocking(move || {
        let mut next = from;
        while next < source.size() {
            let piece = source.read(next, PIECE);
            let is_broken = piece.is_err();
            next += piece.as_ref().map_or(0, Bytes::len) as u64;
            // Nobody takes them any more when the connection broke.
            if sender.blocking_send(piece).is_err() || is_broken {
                return;
            }
        }
    });
    let body = Pieces {
        pieces,
        left: blob.size().saturating_sub(from),
        progress: progress.clone(),
        tell: Arc::clone(tell),
    };
    (reqwest::Body::wrap(body), progress)
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        this.pieces.poll_recv(context).map(|piece| match piece? {
            Ok(piece) => {
                let count = piece.len() as u64;
                this.left = this.left.saturating_sub(count);
                this.progress.given.fetch_add(count, Ordering::Relaxed);
                (this.tell)(count);
                Some(Ok(Frame::data(piece)))
            }
            Err(error) => {
                let trouble = &this.progress.trouble;
                *trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
                Some(Err(error))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
