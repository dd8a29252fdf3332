//! Containers in the background.

use std::time::{Duration, Instant};

use bollard::container::{AttachContainerResults, LogOutput};
use bollard::models::{ContainerInspectResponse, HealthStatusEnum};
use bollard::query_parameters::KillContainerOptionsBuilder;
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinHandle;

use super::connection::Connection;
use super::container::{Container, whole_frame};
use super::ending::cleared_up;
use super::engine::DockerEngine;
use super::hosts::ContainerFiles;
use super::reach;
use super::steps::{STEP_LIMIT, failure, status, steadily, step};
use super::view::View;
use crate::engine::background::{End, Logs};
use crate::engine::{
    Address, Captured, Ended, EngineError, Files, Health, Image, Network, Outcome, Process,
    Running, Stream, Tap, Waited, Work,
};

/// A container that goes on, and a task that reads what it writes.
pub(super) struct DockerRunning<'a> {
    engine: &'a DockerEngine,
    image: &'a Image,
    name: String,
    network: Network,
    logs: Logs,
    end: End,
    reader: Option<JoinHandle<()>>,
    /// Needed for as long as the container is there.
    _network_files: Option<ContainerFiles>,
    is_removed: bool,
}

impl<'a> DockerRunning<'a> {
    pub(super) fn start(
        engine: &'a DockerEngine,
        image: &'a Image,
        process: &Process,
        tap: Option<Tap>,
    ) -> Result<Self, EngineError> {
        let container = engine.container();
        let (sender, end) = End::to_come();
        // From here on, whatever happens, the container is removed when this is dropped.
        let mut running = Self {
            engine,
            image,
            name: container.name.clone(),
            network: process.network,
            logs: Logs::new(process, tap),
            end,
            reader: None,
            _network_files: None,
            is_removed: false,
        };
        let begun = engine.wait(async {
            running._network_files = engine.create(&container, image, process).await?;
            let (attached, _) = match container.begin(process.stdin.is_some()).await? {
                Ok(begun) => begun,
                Err(ended) => {
                    sender.send_replace(Some(Ok(ended)));
                    return Ok(());
                }
            };
            let reader = Reader {
                connection: engine.connection.clone(),
                name: container.name.clone(),
                logs: running.logs.clone(),
                limited: process.limits.memory.is_some(),
            };
            let stdin = process.stdin.clone();
            running.reader = Some(engine.waiter.runtime().spawn(async move {
                let ended = reader.follow(attached, stdin).await;
                sender.send_replace(Some(ended));
            }));
            Ok(())
        });
        begun.map(|()| running)
    }

    fn container(&self) -> Container<'_> {
        self.engine.container_of(self.name.clone())
    }

    async fn inspect(&self) -> Result<ContainerInspectResponse, EngineError> {
        let connection = &self.engine.connection;
        let docker = connection.docker();
        let request = || cleared_up(|| docker.inspect_container(&self.name, None));
        steadily(connection, "inspect a container", request).await
    }

    /// Sends a signal; one that has ended needs none.
    async fn signal(&self, signal: &str) -> Result<(), EngineError> {
        let connection = &self.engine.connection;
        let options = KillContainerOptionsBuilder::default()
            .signal(signal)
            .build();
        let request = async {
            let docker = connection.docker();
            connection.signalled(&self.name);
            match docker.kill_container(&self.name, Some(options)).await {
                Err(error) if matches!(status(&error), Some(404 | 409)) => Ok(()),
                result => result,
            }
        };
        step(connection, "send a signal to a container", request).await
    }

    async fn kill_and_wait(&self) -> Result<(), EngineError> {
        self.signal("SIGKILL").await?;
        match self.end.within(STEP_LIMIT).await {
            Some(ended) => ended.map(drop),
            None => Err(EngineError::TimedOut {
                step: "kill a container",
                limit: STEP_LIMIT,
            }),
        }
    }

    /// Removes the container once, outside of `wait`: what is stopped is removed all the same.
    fn clear(&mut self) -> Result<(), EngineError> {
        if self.is_removed {
            return Ok(());
        }
        self.is_removed = true;
        if let Some(reader) = &self.reader {
            reader.abort();
        }
        self.engine
            .waiter
            .runtime()
            .block_on(self.container().remove())
    }
}

impl Running for DockerRunning<'_> {
    fn exec(&self, process: &Process) -> Result<Outcome, EngineError> {
        self.engine.wait(self.container().exec(process))
    }

    fn ended(&self) -> Result<Option<Ended>, EngineError> {
        self.end.known()
    }

    fn logs(&self) -> (Captured, Captured) {
        self.logs.so_far()
    }

    fn during(&self, until: Instant, work: Work<'_>) -> Result<Waited, EngineError> {
        self.end.during(&self.engine.waiter, until, work)
    }

    fn address(&self, port: u16) -> Result<Address, EngineError> {
        let connection = &self.engine.connection;
        self.engine.wait(async {
            match self.network {
                Network::None => return Err(reach::no_way("it has no network")),
                Network::Host => {
                    return Ok(Address {
                        socket: reach::on_host(connection, port).await?,
                        is_direct: true,
                    });
                }
                Network::Bridge => {}
            }
            let network = self.inspect().await?.network_settings.unwrap_or_default();
            if let Some(direct) = reach::direct(connection, &network)
                && (!direct.by_gateway || self.engine.sees_our_files(self.image).await?)
            {
                return Ok(direct.port(port));
            }
            reach::published(connection, &network, port).await
        })
    }

    fn health(&self) -> Result<Option<Health>, EngineError> {
        let container = self.engine.wait(self.inspect())?;
        let health = container.state.and_then(|state| state.health);
        let Some(health) = health else {
            return Ok(None);
        };
        Ok(match health.status {
            Some(HealthStatusEnum::STARTING) => Some(Health::Starting),
            Some(HealthStatusEnum::HEALTHY) => Some(Health::Healthy),
            Some(HealthStatusEnum::UNHEALTHY) => {
                let last = health.log.and_then(|mut log| log.pop());
                Some(Health::Unhealthy {
                    output: last.and_then(|last| last.output).unwrap_or_default(),
                })
            }
            Some(HealthStatusEnum::EMPTY | HealthStatusEnum::NONE) | None => None,
        })
    }

    fn stop(&self, signal: Option<&str>, limit: Duration) -> Result<Ended, EngineError> {
        self.engine.wait(async {
            if let Some(ended) = self.end.known()? {
                return Ok(ended);
            }
            let signal = match signal {
                Some(signal) => signal.to_owned(),
                None => {
                    let config = self.inspect().await?.config;
                    let own = config.and_then(|config| config.stop_signal);
                    let own = own.filter(|signal| !signal.is_empty());
                    own.unwrap_or_else(|| "SIGTERM".to_owned())
                }
            };
            self.signal(&signal).await?;
            match self.end.within(limit).await {
                Some(ended) => ended,
                None => {
                    self.kill_and_wait().await?;
                    Ok(Ended::TimedOut)
                }
            }
        })
    }

    fn kill(&self) -> Result<(), EngineError> {
        if self.end.is_known() {
            return Ok(());
        }
        self.engine.wait(self.kill_and_wait())
    }

    fn files(&self) -> Box<dyn Files + '_> {
        Box::new(View::of_container(self.engine, &self.name))
    }

    fn remove(mut self: Box<Self>) -> Result<(), EngineError> {
        self.clear()
    }
}

impl Drop for DockerRunning<'_> {
    fn drop(&mut self) {
        // What stays is found by its label at the end of the run, and told then.
        let _ = self.clear();
    }
}

/// Reads what a container writes, to its end.
struct Reader {
    connection: Connection,
    name: String,
    logs: Logs,
    /// Whether its memory is.
    limited: bool,
}

impl Reader {
    async fn follow(
        &self,
        attached: AttachContainerResults,
        stdin: Option<Vec<u8>>,
    ) -> Result<Ended, EngineError> {
        let AttachContainerResults {
            mut output,
            mut input,
        } = attached;
        let write = async {
            // A process that does not read all of its input is not an error of the engine.
            if let Some(bytes) = stdin {
                let _ = input.write_all(&bytes).await;
                let _ = input.flush().await;
            }
            // The input stays open for as long as this is held.
            std::future::pending::<()>().await;
        };
        let read = async {
            while let Some(frame) = output.next().await {
                let frame =
                    frame.map_err(|error| failure(&self.connection, "read the output", &error))?;
                whole_frame(&self.connection, &frame)?;
                self.take(&frame);
            }
            Ok(())
        };
        tokio::select! {
            result = read => result?,
            () = write => {}
        }
        let container = Container {
            connection: &self.connection,
            name: self.name.clone(),
        };
        Ok(container.wait(false, self.limited).await?.0)
    }

    fn take(&self, frame: &LogOutput) {
        let (stream, bytes) = match frame {
            LogOutput::StdOut { message } | LogOutput::Console { message } => {
                (Stream::Stdout, message)
            }
            LogOutput::StdErr { message } => (Stream::Stderr, message),
            LogOutput::StdIn { .. } => return,
        };
        self.logs.take(stream, bytes);
    }
}
