//! SIGINT, SIGTERM and SIGHUP, turned into something that work can wait for.

use std::io;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::exit::Exit;
use crate::event::Stopped;

/// Whether a signal has asked for the end.
#[derive(Debug, Clone)]
pub struct Signals {
    stop: watch::Sender<bool>,
    number: Arc<AtomicI32>,
    /// The deadline that is over, once it is.
    over: Arc<OnceLock<Duration>>,
}

impl Signals {
    /// Begins to listen. From now on a signal does not end the program by itself.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn listen(runtime: &Handle) -> io::Result<Self> {
        let _guard = runtime.enter();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let stop = watch::Sender::new(false);
        let sender = stop.clone();
        let number = Arc::new(AtomicI32::new(0));
        let received = Arc::clone(&number);
        runtime.spawn(async move {
            let mut next = async || {
                let kind = tokio::select! {
                    _ = interrupt.recv() => SignalKind::interrupt(),
                    _ = terminate.recv() => SignalKind::terminate(),
                    _ = hang_up.recv() => SignalKind::hangup(),
                };
                kind.as_raw_value()
            };
            let first = next().await;
            received.store(first, Ordering::SeqCst);
            sender.send_replace(true);
            // Whoever asks again does not want to wait for the clean-up.
            let second = next().await;
            end_at_once(Exit::Signal(second));
        });
        Ok(Self {
            stop,
            number,
            over: Arc::default(),
        })
    }

    /// Becomes `true` with the first signal, or when the deadline is over.
    pub fn stop(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// From now on all has to end within `limit`.
    pub fn limit(&self, runtime: &Handle, limit: Duration) {
        let signals = self.clone();
        runtime.spawn(async move {
            tokio::time::sleep(limit).await;
            let _ = signals.over.set(limit);
            signals.stop.send_replace(true);
        });
    }

    /// What has asked for the end, if something has. A signal counts more than a deadline: whoever
    /// sent it wants to be told so.
    pub fn why(&self) -> Option<Stopped> {
        let over = || self.over.get().copied().map(Stopped::Deadline);
        self.received().map(Stopped::Signal).or_else(over)
    }

    /// The signal that came first, if one came.
    pub fn received(&self) -> Option<i32> {
        Some(self.number.load(Ordering::SeqCst)).filter(|number| *number != 0)
    }
}

/// Leaves everything as it is; the labels on what stays behind tell whose it was.
#[expect(
    clippy::disallowed_methods,
    reason = "destructors are what is not to be waited for"
)]
fn end_at_once(exit: Exit) {
    std::process::exit(exit.code().into());
}
