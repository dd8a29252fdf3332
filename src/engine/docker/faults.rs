//! What is known of an engine's faults: whether it still answers, and how long it is waited for.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::connection::Connection;
use crate::engine::EngineError;

/// How long an engine that went away is waited for, in the whole of a run: enough for a restart
/// that stops containers first, which by default takes ten seconds of it.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// An engine that is there says so at once.
const PING_LIMIT: Duration = Duration::from_secs(5);
const PING_PAUSE: Duration = Duration::from_millis(100);

/// The faults of one engine in one run.
#[derive(Debug, Default)]
pub(super) struct Faults {
    count: AtomicU64,
    /// Whether it was given up.
    is_lost: AtomicBool,
    /// How long it was waited for so far; held by whoever waits, for all others.
    waited: tokio::sync::Mutex<Duration>,
    /// Containers that we sent a signal ourselves.
    signalled: Names,
    /// Containers that went away though nobody of us removed them.
    gone: Names,
}

#[derive(Debug, Default)]
struct Names(Mutex<HashSet<String>>);

impl Names {
    fn add(&self, name: &str) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(name.to_owned());
    }

    fn has(&self, name: &str) -> bool {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.contains(name)
    }
}

impl Connection {
    /// Notes a fault that may not come up again.
    pub(super) fn faulted(&self) {
        self.faults.count.fetch_add(1, Ordering::SeqCst);
    }

    /// How many such faults there were.
    pub(super) fn fault_count(&self) -> u64 {
        self.faults.count.load(Ordering::SeqCst)
    }

    /// Whether the engine is not waited for any more.
    pub(super) fn is_lost(&self) -> bool {
        self.faults.is_lost.load(Ordering::SeqCst)
    }

    /// Says that we sent a signal to a container: what becomes of it is our doing.
    pub(super) fn signalled(&self, container: &str) {
        self.faults.signalled.add(container);
    }

    pub(super) fn has_signalled(&self, container: &str) -> bool {
        self.faults.signalled.has(container)
    }

    /// Says that a container of ours is not there any more.
    pub(super) fn went_away(&self, container: &str) {
        self.faults.gone.add(container);
    }

    pub(super) fn has_gone(&self, container: &str) -> bool {
        self.faults.gone.has(container)
    }

    /// Waits until the engine answers again after it did not, for as long as it is given. One
    /// asks, and all others wait for what that one learns.
    ///
    /// # Errors
    /// When it is given up.
    pub(super) async fn returned(&self) -> Result<(), EngineError> {
        let mut waited = self.faults.waited.lock().await;
        let begun = Instant::now();
        while !self.is_lost() {
            if self.answers().await {
                *waited += begun.elapsed();
                return Ok(());
            }
            if *waited + begun.elapsed() >= PATIENCE {
                self.faults.is_lost.store(true, Ordering::SeqCst);
            } else {
                tokio::time::sleep(PING_PAUSE).await;
            }
        }
        Err(self.lost())
    }

    /// Tries once more with an engine that was given up.
    pub(super) async fn forgive(&self) {
        if self.is_lost() && self.answers().await {
            self.faults.is_lost.store(false, Ordering::SeqCst);
        }
    }

    /// What is said without asking when the engine was given up.
    pub(super) fn lost(&self) -> EngineError {
        EngineError::Unreachable {
            endpoint: self.endpoint().to_string(),
            reason: format!(
                "it went away during the run and did not answer again in the {} s it was given",
                PATIENCE.as_secs()
            ),
        }
    }

    async fn answers(&self) -> bool {
        let ping = tokio::time::timeout(PING_LIMIT, self.docker().ping()).await;
        // Any answer counts: what it is busy with shows elsewhere.
        match ping {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => super::steps::status(&error).is_some(),
            Err(_) => false,
        }
    }
}
