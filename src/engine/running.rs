//! A process that goes on in the background, in a container of its own.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::{Duration, Instant};

use super::capture::Captured;
use super::image::Image;
use super::process::{Ended, Outcome, Process};
use super::traits::{EngineError, Files};

/// A container whose process goes on while other things are done.
///
/// Every call has a deadline and comes back at once when the run is stopped. The container is
/// removed when this is dropped; [`remove`](Self::remove) also says whether that went well.
pub trait Running: Send + Sync {
    /// Runs a further process in the container: its `argv`, `env`, `user`, `workdir`, `stdin`,
    /// `timeout` and `output_limit` count, all else is the container's. What it says nothing of is
    /// as for the container's own process.
    ///
    /// No engine can end such a process: after [`Ended::TimedOut`] it is still there, and the
    /// container is no longer what it was. Throw it away, or [`kill`](Self::kill) it.
    ///
    /// # Errors
    /// What leaves the question open; also when the container has ended.
    fn exec(&self, process: &Process) -> Result<Outcome, EngineError>;

    /// How its process ended, or `None` while it runs.
    ///
    /// # Errors
    /// When its output or its end could not be followed any more.
    fn ended(&self) -> Result<Option<Ended>, EngineError>;

    /// What it has written so far on its standard output and error.
    fn logs(&self) -> (Captured, Captured);

    /// Does `work` while the process runs, at most until `until`: whatever waits for something of
    /// the process waits here. The work may use tokio's time and network.
    ///
    /// # Errors
    /// When the run is stopped, or the process can't be followed any more.
    fn during(&self, until: Instant, work: Work<'_>) -> Result<Waited, EngineError>;

    /// Where a TCP port of it is reached from here. It must be one of [`Process::ports`], unless
    /// the container is on the host's network.
    ///
    /// # Errors
    /// When no way leads there: it has no network, or the port is not published.
    fn address(&self, port: u16) -> Result<Address, EngineError>;

    /// What the image's health check says; `None` if the image has none.
    ///
    /// # Errors
    /// When the engine can't tell.
    fn health(&self) -> Result<Option<Health>, EngineError>;

    /// Sends a signal, by default the image's stop signal, and waits for the end.
    /// [`Ended::TimedOut`] when that did not come within `limit` and it had to be killed.
    ///
    /// # Errors
    /// When the engine can't do so.
    fn stop(&self, signal: Option<&str>, limit: Duration) -> Result<Ended, EngineError>;

    /// Kills all that runs in the container and waits for the end.
    ///
    /// # Errors
    /// When the engine can't do so.
    fn kill(&self) -> Result<(), EngineError>;

    /// The files of the container, as they are now.
    fn files(&self) -> Box<dyn Files + '_>;

    /// Removes the container, whatever it does.
    ///
    /// # Errors
    /// When it is still there.
    fn remove(self: Box<Self>) -> Result<(), EngineError>;
}

/// Something to be done while a process runs.
pub type Work<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Is told of the output of a process as it flows, before any of it is cut away.
pub type Tap = Box<dyn FnMut(Stream, &[u8]) + Send>;

/// An output of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// The standard output.
    Stdout,
    /// The standard error.
    Stderr,
}

/// What ended a wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waited {
    /// The work is done.
    Done,
    /// The process ended before.
    Ended(Ended),
    /// The time was up.
    TimedOut,
}

/// Where a port of a container is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// The address to connect to.
    pub socket: SocketAddr,
    /// Whether the container itself answers there. If not, a forwarder of the engine may accept
    /// connections although nothing in the container does, and close them right after.
    pub is_direct: bool,
}

/// What a health check of the image says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Nothing yet.
    Starting,
    /// All is well.
    Healthy,
    /// It failed as often as the image allows.
    Unhealthy {
        /// What it wrote the last time.
        output: String,
    },
}

/// A process that keeps the container of `process` there without doing anything, for others to be
/// executed in it. It needs `/bin/sh`, and ends by itself when whoever started it goes away.
pub fn holder(process: &Process) -> Process {
    Process {
        argv: ["/bin/sh", "-c", "read -r _"].map(str::to_owned).to_vec(),
        // Nothing is written, and it stays open: the shell reads for ever.
        stdin: Some(Vec::new()),
        ..process.clone()
    }
}

/// What processes must agree in to share a container.
pub fn sharing_key(image: &Image, process: &Process) -> String {
    format!(
        "{} {:?}",
        image.id,
        (
            &process.mounts,
            &process.tmpfs,
            process.network,
            process.limits,
            &process.cap_add,
            &process.cap_drop,
            process.read_only,
            &process.platform,
        )
    )
}
