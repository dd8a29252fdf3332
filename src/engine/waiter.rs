//! Waits that end when the run is stopped.

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::traits::EngineError;

/// Waits for something in a runtime, on threads that may wait.
#[derive(Debug, Clone)]
pub(crate) struct Waiter {
    runtime: Handle,
    stop: watch::Receiver<bool>,
}

impl Waiter {
    /// `true` in `stop` ends what is waited for.
    pub(crate) fn new(runtime: Handle, stop: watch::Receiver<bool>) -> Self {
        Self { runtime, stop }
    }

    /// Where work is done that goes on when the run is stopped.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// What says that the run is to stop.
    pub(crate) fn stop(&self) -> watch::Receiver<bool> {
        self.stop.clone()
    }

    /// Whether the run is to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits for work, unless the run is stopped meanwhile.
    ///
    /// # Errors
    /// Those of the work, and [`EngineError::Interrupted`].
    pub(crate) fn wait<T>(
        &self,
        work: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, EngineError> {
        let result = self.unless_stopped(work);
        result.unwrap_or(Err(EngineError::Interrupted))
    }

    /// Waits for work; `None` if the run is stopped meanwhile.
    pub(crate) fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut stop = self.stop();
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = stopped(&mut stop) => None,
                result = work => Some(result),
            }
        })
    }
}

/// Comes back when the run is to stop, and never if nobody can say so any more.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}
