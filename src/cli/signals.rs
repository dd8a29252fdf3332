//! SIGINT, SIGTERM and SIGHUP, turned into something that work can wait for.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::exit::Exit;

/// Whether a signal has asked for the end.
#[derive(Debug, Clone)]
pub struct Signals {
    stop: watch::Receiver<bool>,
    number: Arc<AtomicI32>,
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
        let (sender, stop) = watch::channel(false);
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
        Ok(Self { stop, number })
    }

    /// Becomes `true` with the first signal.
    pub fn stop(&self) -> watch::Receiver<bool> {
        self.stop.clone()
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
