//! Single requests to the engine, each with a deadline and an error that says which step it was.

use std::future::Future;
use std::time::Duration;

use bollard::errors::Error;
use tokio::sync::watch;

use super::connection::Connection;
use crate::engine::EngineError;

/// A sound engine needs less than a second for any step, a loaded one some; after this it is lost.
pub(super) const STEP_LIMIT: Duration = Duration::from_secs(120);

/// Waits for one request, at most [`STEP_LIMIT`].
pub(super) async fn step<T>(
    connection: &Connection,
    name: &'static str,
    request: impl Future<Output = Result<T, Error>>,
) -> Result<T, EngineError> {
    match tokio::time::timeout(STEP_LIMIT, request).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(failure(connection, name, &error)),
        Err(_) => Err(EngineError::TimedOut {
            step: name,
            limit: STEP_LIMIT,
        }),
    }
}

/// What the engine answered in place of what was asked.
pub(super) fn failure(connection: &Connection, step: &'static str, error: &Error) -> EngineError {
    match error {
        // Answers to HEAD have no body, so no reason.
        Error::DockerResponseServerError {
            status_code,
            message,
        } if message.trim().is_empty() => EngineError::Failed {
            step,
            reason: format!("it answered {status_code} without a reason"),
        },
        Error::DockerResponseServerError { message, .. } => EngineError::Failed {
            step,
            reason: message.trim().to_owned(),
        },
        Error::DockerStreamError { error } => EngineError::Failed {
            step,
            reason: error.trim().to_owned(),
        },
        error => connection.unreachable(error),
    }
}

/// Whether the engine said that there is no such thing.
pub(super) fn is_not_found(error: &Error) -> bool {
    status(error) == Some(404)
}

/// The HTTP status of a refusal.
pub(super) fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Comes back when the run is to stop, and never if nobody can say so any more.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}
