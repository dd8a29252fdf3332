//! How a container ended, and whether that was the doing of the process in it.
//!
//! What the engine says of the container counts, not the end of a connection: a connection that
//! breaks looks just like one that has come to its end.

use std::future::Future;
use std::time::{Duration, Instant, SystemTime};

use bollard::errors::Error;
use bollard::models::{ContainerState, ContainerStateStatusEnum};
use bollard::query_parameters::{EventsOptionsBuilder, WaitContainerOptionsBuilder};
use futures_util::StreamExt;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::container::Container;
use super::steps::{STEP_LIMIT, broken, failure, status, step};
use crate::engine::{Ended, EngineError};

const FOLLOW: &str = "follow a container to its end";

/// The engine's clock is ours, but for corrections.
const CLOCK_SLACK: Duration = Duration::from_millis(20);
/// The engine may be so far behind the end of the output when it is asked for the state; on another
/// machine, whose clock is another one, this is all there is to go by.
const LONGEST_LAG: Duration = Duration::from_secs(1);
/// Podman clears up with a process of its own, which a loaded machine may delay.
const LONGEST_CLEARING: Duration = Duration::from_secs(20);
const STILL_CLEARING: Duration = Duration::from_millis(10);
/// That something was killed for want of memory comes by a way of its own.
const LATE_NEWS: Duration = Duration::from_millis(500);

impl Container<'_> {
    /// How the process ended, asked when its output has: for that is the same moment, unless the
    /// connection broke. Also how long it ran, if that is to be told.
    ///
    /// `limited`: whether its memory is, so that something may have been killed for want of it.
    pub(super) async fn wait(
        &self,
        exact: bool,
        limited: bool,
    ) -> Result<(Ended, Option<Duration>), EngineError> {
        let at_end = SystemTime::now();
        let mut state = self.state().await?;
        if goes_on(&state) {
            let lag = tokio::time::timeout(LONGEST_LAG, self.wait_until_not_running());
            if let Ok(ended) = lag.await {
                ended?;
            }
            state = self.state().await?;
            let came_late = self.connection.is_local()
                && time(&state.finished_at).is_none_or(|ended| ended > at_end + CLOCK_SLACK);
            if came_late || goes_on(&state) {
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
            out_of_memory: self.is_out_of_memory(&state, limited && code != 0).await?,
        };
        Ok((ended, lasted(&state).filter(|_| exact)))
    }

    /// Whether something was killed for want of memory. The engine may hear of that only after it has
    /// heard of the end.
    async fn is_out_of_memory(
        &self,
        state: &ContainerState,
        may_be: bool,
    ) -> Result<bool, EngineError> {
        let mut is_out = state.oom_killed.unwrap_or(false);
        let until = Instant::now() + LATE_NEWS;
        while may_be && !is_out && Instant::now() < until {
            tokio::time::sleep(STILL_CLEARING).await;
            is_out = self.state().await?.oom_killed.unwrap_or(false);
        }
        Ok(is_out)
    }

    /// Kills a process whose time is up, and makes sure that it had really not ended in time: the
    /// engine may only have failed to say so.
    pub(super) async fn overdue(&self, limit: Duration) -> Result<(), EngineError> {
        let mut state = self.state().await?;
        self.refuse_paused(&state)?;
        if goes_on(&state) {
            self.kill().await?;
            state = self.state().await?;
        }
        self.exit_code(&state)?;
        // It was started before our time began to run. (One that ends at once may seem to have ended
        // before it began.)
        if lasted(&state).is_none_or(|lasted| lasted < limit) {
            return Err(self.broken("it ended in time, but its output did not"));
        }
        Ok(())
    }

    fn refuse_paused(&self, state: &ContainerState) -> Result<(), EngineError> {
        match state.status {
            Some(ContainerStateStatusEnum::PAUSED) => Err(self.broken("somebody paused it")),
            _ => Ok(()),
        }
    }

    /// Makes sure that a process in it which takes too long could have gone on.
    pub(super) async fn was_not_held_up(&self) -> Result<(), EngineError> {
        self.refuse_paused(&self.state().await?)
    }

    async fn kill(&self) -> Result<(), EngineError> {
        self.connection.signalled(&self.name);
        let docker = self.connection.docker();
        let request = async {
            match docker.kill_container(&self.name, None).await {
                // It has just ended.
                Err(error) if status(&error) == Some(409) => Ok(()),
                result => result,
            }
        };
        step(self.connection, "kill a container", request).await?;
        let ended = self.wait_until_not_running();
        match tokio::time::timeout(STEP_LIMIT, ended).await {
            Ok(ended) => ended,
            Err(_) => Err(EngineError::TimedOut {
                step: "kill a container",
                limit: STEP_LIMIT,
            }),
        }
    }

    /// Whether it runs, as far as the engine can tell.
    pub(super) async fn is_running(&self) -> Result<bool, EngineError> {
        Ok(self.state().await?.running == Some(true))
    }

    fn exit_code(&self, state: &ContainerState) -> Result<i64, EngineError> {
        let is_ended = matches!(state.status, Some(ContainerStateStatusEnum::EXITED));
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
        let docker = self.connection.docker();
        let request = cleared_up(|| docker.inspect_container(&self.name, None));
        let container = step(self.connection, "inspect a container", request).await?;
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
            Some(Ok(_) | Err(Error::DockerContainerWaitError { .. })) => Ok(()),
            Some(Err(error)) => Err(failure(self.connection, "wait for a container", &error)),
            None => Err(self.broken("the answer ended without an exit code")),
        }
    }

    /// Whether somebody else has asked the engine to stop or kill it: the engine notes who is sent
    /// a signal by it. One that the process sends itself it knows nothing of.
    pub(super) async fn was_signalled(&self, state: &ContainerState) -> Result<bool, EngineError> {
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
            ended + LONGEST_LAG
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

/// Asks again as long as the answer is that a container is `stopped`. That is a word of Podman's
/// alone, until it has cleared up after a process that ended; then it says what came of it.
pub(super) async fn cleared_up<T, F: Future<Output = Result<T, Error>>>(
    request: impl Fn() -> F,
) -> Result<T, Error> {
    let asked = Instant::now();
    loop {
        match request().await {
            Err(error) if is_unsettled(&error) && asked.elapsed() < LONGEST_CLEARING => {
                tokio::time::sleep(STILL_CLEARING).await;
            }
            answer => return answer,
        }
    }
}

fn is_unsettled(error: &Error) -> bool {
    let words = "unknown variant `stopped`";
    match error {
        Error::JsonDataError { message, .. } => message.contains(words),
        Error::JsonSerdeError { err } => err.to_string().contains(words),
        _ => false,
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
                | ContainerStateStatusEnum::STOPPING
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
