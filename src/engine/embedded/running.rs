//! Containers in the background.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Signal, pidfd_send_signal};

use super::client::failed;
use super::engine::EmbeddedEngine;
use super::files::View;
use super::follow::{Until, Why};
use super::health::Checker;
use super::helper::Place;
use super::inside::Inside;
use super::run::{self, Begun, FOLLOW};
use super::signals;
use crate::engine::background::{End, Logs};
use crate::engine::{
    Address, Captured, Ended, EngineError, Files, Health, Image, Network, Outcome, Process,
    Running, Stream, Tap, Waited, Waiter, Work,
};

/// A container that is killed has ended within this time.
const KILL_LIMIT: Duration = Duration::from_secs(30);

/// A container that goes on, and a thread that reads what it writes.
pub(super) struct EmbeddedRunning {
    waiter: Waiter,
    /// What threads share with this.
    inside: Option<Arc<Inside>>,
    stop_signal: String,
    network: Network,
    logs: Logs,
    end: End,
    reader: Option<thread::JoinHandle<()>>,
    health: Option<Checker>,
}

impl EmbeddedRunning {
    pub(super) fn start(
        engine: &EmbeddedEngine,
        image: &Image,
        process: &Process,
        tap: Option<Tap>,
    ) -> Result<Self, EngineError> {
        let (mut lease, container) = engine.describe(image, process, true)?;
        let host_name = container.host_name.clone();
        let begun = run::begin(&mut lease, container, process.stdin.is_some())?;
        let (sender, end) = End::to_come();
        // What is said of a process that never began, it has not written.
        let tap = tap.filter(|_| begun.is_ok());
        let mut running = Self {
            waiter: engine.waiter.clone(),
            inside: None,
            stop_signal: image.config.stop_signal.clone(),
            network: process.network,
            logs: Logs::new(process, tap),
            end,
            reader: None,
            health: None,
        };
        let begun = match begun {
            Ok(begun) => begun,
            Err(outcome) => {
                running.logs.take(Stream::Stderr, outcome.stderr.kept());
                sender.send_replace(Some(Ok(outcome.ended)));
                return Ok(running);
            }
        };
        let inside = Arc::new(Inside::new(
            engine, image, process, lease, &begun, host_name,
        )?);
        running.inside = Some(Arc::clone(&inside));
        let reader = Reader {
            inside: Arc::clone(&inside),
            logs: running.logs.clone(),
            input: process.stdin.clone(),
        };
        let name = "container".to_owned();
        let spawned = thread::Builder::new().name(name).spawn(move || {
            let ended = reader.follow(begun);
            sender.send_replace(Some(ended));
        });
        running.reader = Some(spawned.map_err(|error| failed(FOLLOW, error))?);
        if let Some(healthcheck) = &image.config.healthcheck {
            running.health = Some(Checker::start(inside, healthcheck.clone(), image)?);
        }
        Ok(running)
    }

    fn inside(&self) -> Result<&Arc<Inside>, EngineError> {
        let inside = self.inside.as_ref();
        inside.ok_or_else(|| failed(FOLLOW, "its process was never started"))
    }

    fn signal(&self, signal: Signal) -> Result<(), EngineError> {
        match pidfd_send_signal(&self.inside()?.process, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(failed("send a signal to a container", error)),
        }
    }

    fn ends_within(&self, limit: Duration) -> Result<Option<Ended>, EngineError> {
        self.waiter
            .wait(async { self.end.within(limit).await.transpose() })
    }

    /// Ends it and everything of it.
    fn clear(&mut self) {
        drop(self.health.take());
        if let Some(inside) = &self.inside {
            let _ = pidfd_send_signal(&inside.process, Signal::KILL);
        }
        if let Some(reader) = self.reader.take() {
            // It ends when the process does, which was killed.
            let _ = reader.join();
        }
        if let Some(inside) = self.inside.take() {
            inside.release();
        }
    }
}

impl Running for EmbeddedRunning {
    fn exec(&self, process: &Process) -> Result<Outcome, EngineError> {
        if self.waiter.is_stopped() {
            return Err(EngineError::Interrupted);
        }
        if self.end.is_known() {
            return Err(failed("run a command in a container", "it has ended"));
        }
        self.inside()?.exec(process)
    }

    fn ended(&self) -> Result<Option<Ended>, EngineError> {
        self.end.known()
    }

    fn logs(&self) -> (Captured, Captured) {
        self.logs.so_far()
    }

    fn during(&self, until: Instant, work: Work<'_>) -> Result<Waited, EngineError> {
        self.end.during(&self.waiter, until, work)
    }

    fn address(&self, port: u16) -> Result<Address, EngineError> {
        match self.network {
            Network::Host => Ok(Address {
                socket: (std::net::Ipv4Addr::LOCALHOST, port).into(),
                is_direct: true,
            }),
            Network::None | Network::Bridge => {
                Err(failed("reach a port of a container", "it has no network"))
            }
        }
    }

    fn health(&self) -> Result<Option<Health>, EngineError> {
        self.health.as_ref().map(Checker::health).transpose()
    }

    fn stop(&self, signal: Option<&str>, limit: Duration) -> Result<Ended, EngineError> {
        if let Some(ended) = self.ended()? {
            return Ok(ended);
        }
        let own = (!self.stop_signal.is_empty()).then_some(self.stop_signal.as_str());
        let name = signal.or(own).unwrap_or("SIGTERM");
        self.signal(signals::named(name)?)?;
        match self.ends_within(limit)? {
            Some(ended) => Ok(ended),
            None => {
                self.kill()?;
                Ok(Ended::TimedOut)
            }
        }
    }

    fn kill(&self) -> Result<(), EngineError> {
        if self.end.is_known() {
            return Ok(());
        }
        self.signal(Signal::KILL)?;
        match self.ends_within(KILL_LIMIT)? {
            Some(_) => Ok(()),
            None => Err(EngineError::TimedOut {
                step: "kill a container",
                limit: KILL_LIMIT,
            }),
        }
    }

    fn files(&self) -> Box<dyn Files + '_> {
        match &self.inside {
            Some(inside) => Box::new(View::new(&inside.lease, Place::Container)),
            None => {
                let error = failed("look at a file", "its process was never started");
                Box::new(super::files::Nothing(error))
            }
        }
    }

    fn remove(mut self: Box<Self>) -> Result<(), EngineError> {
        self.clear();
        Ok(())
    }
}

impl Drop for EmbeddedRunning {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Reads what a container writes, to its end.
struct Reader {
    inside: Arc<Inside>,
    logs: Logs,
    input: Option<Vec<u8>>,
}

impl Reader {
    fn follow(&self, mut begun: Begun) -> Result<Ended, EngineError> {
        let mut take = |stream, bytes: &[u8]| self.logs.take(stream, bytes);
        let input = self.input.as_deref().unwrap_or_default();
        let until = Until {
            end: begun.process.as_fd(),
            stop: self.inside.stopped.as_fd(),
            time: None,
            is_alone: false,
        };
        // What it reads stays open: a container in the background may wait for more.
        let why = begun
            .streams
            .follow(until, input, true, &mut take, &mut || false)
            .map_err(|error| failed(FOLLOW, error))?;
        match why {
            Why::Ended => run::reap(&self.inside.lease),
            Why::Stopped | Why::TimedOut => Err(EngineError::Interrupted),
        }
    }
}
