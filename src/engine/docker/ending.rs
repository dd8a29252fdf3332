//! How a container ended, and whether that was the doing of the process in it.
//!
//! What the engine says of the container counts, not the end of a connection: a connection that
//! breaks looks just like one that has come to its end.

use std::time::{Duration, SystemTime};

use bollard::models::{ContainerState, ContainerStateStatusEnum};
use bollard::query_parameters::{EventsOptionsBuilder, WaitContainerOptionsBuilder};
use futures_util::StreamExt;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::container::Container;
use super::steps::{broken, failure, step};
use crate::engine::{Ended, EngineError};

const FOLLOW: &str = "follow a container to its end";

/// The engine's clock is ours, but for corrections.
const CLOCK_SLACK: Duration = Duration::from_millis(20);
/// On another machine, whose clock is another one: the end is told this soon after the end of the
/// output.
const REMOTE_SLACK: Duration = Duration::from_secs(1);

impl Container<'_> {
    /// How the process ended, asked when its output has: for that is the same moment, unless the
    /// connection broke. Also how long it ran, if that is to be told.
    pub(super) async fn wait(&self, exact: bool) -> Result<(Ended, Option<Duration>), EngineError> {
        let at_end = SystemTime::now();
        let mut state = self.state().await?;
        if goes_on(&state) {
            self.wait_until_not_running().await?;
            let waited = at_end.elapsed().unwrap_or_default();
            state = self.state().await?;
            if goes_on(&state) {
                return Err(self.broken("its end was told, but it goes on"));
            }
            let came_late = if self.connection.is_local() {
                time(&state.finished_at).is_none_or(|ended| ended > at_end + CLOCK_SLACK)
            } else {
                waited > REMOTE_SLACK
            };
            if came_late {
                return Err(self.broken("its output broke off while it went on"));
            }
        }
        let code = self.exit_code(&state)?;
        if code != 0 && self.was_signalled(&state).await? {
            return Err(self.broken(&format!(
                "somebody else stopped or killed it (exit code {code})"
            )));
        }
        let ended = Ended::Exited {
            code,
            out_of_memory: state.oom_killed.unwrap_or(false),
        };
        Ok((ended, lasted(&state).filter(|_| exact)))
    }

    /// Makes sure that a process whose time is up has really not ended in time: the engine may
    /// only have failed to say so.
    pub(super) async fn overdue(&self, limit: Duration) -> Result<(), EngineError> {
        let state = self.state().await?;
        eprintln!("OVERDUE {state:?}");
        match state.status {
            Some(ContainerStateStatusEnum::RUNNING) => Ok(()),
            Some(ContainerStateStatusEnum::PAUSED) => Err(self.broken("somebody paused it")),
            Some(ContainerStateStatusEnum::EXITED) => {
                // What ended at the last moment is not told apart from what ended too late.
                let in_time = lasted(&state).is_some_and(|lasted| lasted < limit);
                if in_time {
                    Err(self.broken("it ended, but its output did not"))
                } else {
                    Ok(())
                }
            }
            _ => Err(self.broken("it is neither running nor ended")),
        }
    }

    /// Whether it runs, as far as the engine can tell.
    pub(super) async fn is_running(&self) -> Result<bool, EngineError> {
        Ok(self.state().await?.running == Some(true))
    }

    fn exit_code(&self, state: &ContainerState) -> Result<i64, EngineError> {
        let is_ended = matches!(
            state.status,
            Some(ContainerStateStatusEnum::EXITED | ContainerStateStatusEnum::STOPPING)
        );
        match state.exit_code {
            Some(code) if is_ended => Ok(code),
            _ => {
                let status = state.status.map(|status| status.to_string());
                let status = status.unwrap_or_else(|| "nothing".to_owned());
                Err(self.broken(&format!(
                    "its exit code is not to be had, its state is `{status}`"
                )))
            }
        }
    }

    /// Asked once: over a pause of the engine, which stops containers when it stops, the state
    /// would say how the engine ended the container, not how the process did.
    pub(super) async fn state(&self) -> Result<ContainerState, EngineError> {
        let request = self.connection.docker().inspect_container(&self.name, None);
        let container = step(self.connection, "inspect a container", request).await;
        let container = container.inspect_err(|_| self.connection.faulted())?;
        Ok(container.state.unwrap_or_default())
    }

    /// Waits until the engine says that it has ended. What else it says then, its state says too.
    async fn wait_until_not_running(&self) -> Result<(), EngineError> {
        let options = WaitContainerOptionsBuilder::default()
            .condition("not-running")
            .build();
        let docker = self.connection.docker();
        let mut answers = Box::pin(docker.wait_container(&self.name, Some(options)));
        match answers.next().await {
            // This is how bollard hands on any code but 0.
            Some(Ok(_) | Err(bollard::errors::Error::DockerContainerWaitError { .. })) => Ok(()),
            Some(Err(error)) => Err(failure(self.connection, "wait for a container", &error)),
            None => Err(self.broken("the answer ended without an exit code")),
        }
    }

    /// Whether somebody else has asked the engine to stop or kill it: the engine notes who is sent
    /// a signal by it. One that the process sends itself it knows nothing of.
    async fn was_signalled(&self, state: &ContainerState) -> Result<bool, EngineError> {
        let (Some(began), Some(ended)) = (time(&state.started_at), time(&state.finished_at)) else {
            return Ok(false);
        };
        if self.connection.has_signalled(&self.name) {
            return Ok(false);
        }
        // The note follows the signal, so perhaps the end. The engine's own notes end at once when
        // the time asked for is over.
        let until = if self.connection.is_local() {
            SystemTime::now()
        } else {
            ended + REMOTE_SLACK
        };
        let options = EventsOptionsBuilder::default()
            .since(&seconds(began))
            .until(&seconds(until))
            .filters(&std::collections::HashMap::from([
                ("container", vec![self.name.clone()]),
                ("event", vec!["kill".to_owned()]),
            ]))
            .build();
        let request = async {
            let mut events = Box::pin(self.connection.docker().events(Some(options)));
            events.next().await.transpose()
        };
        match step(self.connection, "tell what became of a container", request).await {
            Ok(event) => Ok(event.is_some()),
            // An engine that keeps no notes: nothing speaks against the process then.
            Err(EngineError::Failed { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn broken(&self, reason: &str) -> EngineError {
        broken(self.connection, FOLLOW, reason)
    }
}

/// Whether there is an end still to come.
fn goes_on(state: &ContainerState) -> bool {
    matches!(
        state.status,
        Some(
            ContainerStateStatusEnum::RUNNING
                | ContainerStateStatusEnum::PAUSED
                | ContainerStateStatusEnum::RESTARTING
        )
    )
}

/// From the start of the process to its end, as the engine saw it.
fn lasted(state: &ContainerState) -> Option<Duration> {
    let (began, ended) = (time(&state.started_at)?, time(&state.finished_at)?);
    ended.duration_since(began).ok()
}

fn time(text: &Option<String>) -> Option<SystemTime> {
    let time = OffsetDateTime::parse(text.as_deref()?, &Rfc3339).ok()?;
    Some(time.into()).filter(|time| *time > SystemTime::UNIX_EPOCH)
}

/// A time as the engine's filters take it.
fn seconds(time: SystemTime) -> String {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    format!("{}.{:09}", since.as_secs(), since.subsec_nanos())
}
