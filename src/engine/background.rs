//! What every back-end keeps of a container in the background: what it has written so far, and how
//! it ended.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::capture::{Capture, Captured};
use super::process::{Ended, Process};
use super::running::{Stream, Tap, Waited, Work};
use super::traits::EngineError;
use super::waiter::Waiter;

/// How it ended, once it has.
pub(super) type State = Option<Result<Ended, EngineError>>;

/// What it has written so far, as whoever reads it and whoever asks for it share it.
#[derive(Clone)]
pub(super) struct Logs(Arc<Mutex<Written>>);

struct Written {
    stdout: Capture,
    stderr: Capture,
    tap: Option<Tap>,
}

impl Logs {
    /// Nothing yet; as much is kept as the process says.
    pub(super) fn new(process: &Process, tap: Option<Tap>) -> Self {
        Self(Arc::new(Mutex::new(Written {
            stdout: Capture::new(process.output_limit),
            stderr: Capture::new(process.output_limit),
            tap,
        })))
    }

    /// Takes what it has written next.
    pub(super) fn take(&self, stream: Stream, bytes: &[u8]) {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match stream {
            Stream::Stdout => written.stdout.push(bytes),
            Stream::Stderr => written.stderr.push(bytes),
        }
        if let Some(tap) = &mut written.tap {
            tap(stream, bytes);
        }
    }

    /// What was kept of its standard output and error.
    pub(super) fn so_far(&self) -> (Captured, Captured) {
        let written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (written.stdout.so_far(), written.stderr.so_far())
    }
}

/// The end of a container, which somebody else tells.
#[derive(Clone)]
pub(super) struct End(watch::Receiver<State>);

impl End {
    /// An end that is still to come, and what tells it.
    pub(super) fn to_come() -> (watch::Sender<State>, Self) {
        let (sender, state) = watch::channel(None);
        (sender, Self(state))
    }

    /// Whether it is known.
    pub(super) fn is_known(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When it can't be followed any more.
    pub(super) fn known(&self) -> Result<Option<Ended>, EngineError> {
        self.0.borrow().clone().transpose()
    }

    /// Waits until it has ended.
    pub(super) async fn wait(&self) -> Result<Ended, EngineError> {
        let lost = || EngineError::Failed {
            step: "follow a container",
            reason: "nobody reads its output any more".to_owned(),
        };
        match self.0.clone().wait_for(Option::is_some).await {
            Ok(state) => state.clone().unwrap_or_else(|| Err(lost())),
            Err(_) => Err(lost()),
        }
    }

    /// Waits for so long at most.
    pub(super) async fn within(&self, limit: Duration) -> Option<Result<Ended, EngineError>> {
        tokio::time::timeout(limit, self.wait()).await.ok()
    }

    /// Does `work` meanwhile, at most until `until`.
    pub(super) fn during(
        &self,
        waiter: &Waiter,
        until: Instant,
        work: Work<'_>,
    ) -> Result<Waited, EngineError> {
        waiter.wait(async {
            tokio::select! {
                biased;
                () = work => Ok(Waited::Done),
                ended = self.wait() => ended.map(Waited::Ended),
                () = tokio::time::sleep_until(until.into()) => Ok(Waited::TimedOut),
            }
        })
    }
}
