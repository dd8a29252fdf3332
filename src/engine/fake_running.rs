//! Containers in the background of the scripted engine.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::capture::Captured;
use super::fake::FakeEngine;
use super::process::{Ended, Outcome, Process};
use super::running::{Address, Health, Running, Stream, Tap, Waited, Work};
use super::traits::{EngineError, Files};

/// How closely it looks whether something has come to pass.
const TICK: Duration = Duration::from_millis(5);

/// What a process in the background does.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Background {
    /// Part of its command line.
    pub(super) when: String,
    /// What it writes at once.
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    stderr: String,
    /// After how many milliseconds it ends by itself.
    #[serde(default)]
    ends_after: Option<u64>,
    /// Its exit code, by itself or after a signal.
    #[serde(default)]
    exit: i64,
    /// Whether it passes over the stop signal.
    #[serde(default)]
    ignores_stop: bool,
    /// What the engine says when it is asked to start it.
    #[serde(default)]
    pub(super) error: Option<String>,
}

/// A process of a script.
pub(super) struct FakeRunning<'a> {
    engine: &'a FakeEngine,
    script: Background,
    begun: Instant,
}

impl<'a> FakeRunning<'a> {
    pub(super) fn start(engine: &'a FakeEngine, script: Background, tap: Option<Tap>) -> Self {
        if let Some(mut tap) = tap {
            tap(Stream::Stdout, script.stdout.as_bytes());
            tap(Stream::Stderr, script.stderr.as_bytes());
        }
        Self {
            engine,
            script,
            begun: Instant::now(),
        }
    }

    fn exited(&self) -> Ended {
        Ended::Exited {
            code: self.script.exit,
            out_of_memory: false,
        }
    }

    /// Comes back when something is to end the wait.
    async fn interrupted_or_ended(&self) -> Result<Waited, EngineError> {
        loop {
            if self.engine.is_stopped() {
                return Err(EngineError::Interrupted);
            }
            if let Some(ended) = self.ended()? {
                return Ok(Waited::Ended(ended));
            }
            tokio::time::sleep(TICK).await;
        }
    }
}

impl Running for FakeRunning<'_> {
    fn exec(&self, process: &Process) -> Result<Outcome, EngineError> {
        self.engine.answer(process)
    }

    fn ended(&self) -> Result<Option<Ended>, EngineError> {
        let after = self.script.ends_after.map(Duration::from_millis);
        let has_ended = after.is_some_and(|after| self.begun.elapsed() >= after);
        Ok(has_ended.then(|| self.exited()))
    }

    fn logs(&self) -> (Captured, Captured) {
        (
            Captured::whole(self.script.stdout.as_bytes()),
            Captured::whole(self.script.stderr.as_bytes()),
        )
    }

    fn during(&self, until: Instant, work: Work<'_>) -> Result<Waited, EngineError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| EngineError::Failed {
            step: "wait",
            reason: error.to_string(),
        })?;
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = work => Ok(Waited::Done),
                other = self.interrupted_or_ended() => other,
                () = tokio::time::sleep_until(until.into()) => Ok(Waited::TimedOut),
            }
        })
    }

    fn address(&self, port: u16) -> Result<Address, EngineError> {
        Ok(Address {
            socket: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            is_direct: true,
        })
    }

    fn health(&self) -> Result<Option<Health>, EngineError> {
        Ok(None)
    }

    fn stop(&self, _: Option<&str>, limit: Duration) -> Result<Ended, EngineError> {
        if let Some(ended) = self.ended()? {
            return Ok(ended);
        }
        if self.script.ignores_stop {
            self.engine.sleep(limit)?;
            return Ok(Ended::TimedOut);
        }
        Ok(self.exited())
    }

    fn kill(&self) -> Result<(), EngineError> {
        Ok(())
    }

    fn files(&self) -> Box<dyn Files + '_> {
        self.engine.script_files()
    }

    fn remove(self: Box<Self>) -> Result<(), EngineError> {
        Ok(())
    }
}
