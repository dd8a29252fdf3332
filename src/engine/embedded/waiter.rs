//! Waits that end when the run is stopped.

use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::engine::EngineError;

/// Waits for something in the runtime.
#[derive(Debug, Clone)]
pub(super) struct Waiter {
    runtime: Handle,
    stop: watch::Receiver<bool>,
}

impl Waiter {
    pub(super) fn new(runtime: Handle, stop: watch::Receiver<bool>) -> Self {
        Self { runtime, stop }
    }

    pub(super) fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits for work, unless the run is stopped meanwhile.
    pub(super) fn wait<T>(
        &self,
        work: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, EngineError> {
        let mut stop = self.stop.clone();
        self.runtime.block_on(async {
            let stopped = async {
                if stop.wait_for(|stop| *stop).await.is_err() {
                    // Nobody can stop the run any more.
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                biased;
                () = stopped => Err(EngineError::Interrupted),
                result = work => result,
            }
        })
    }
}
