//! Single requests to the engine, each with a deadline and an error that says which step it was.

use std::future::Future;
use std::time::Duration;

use bollard::errors::Error;

use super::connection::Connection;
use crate::engine::EngineError;

/// A sound engine needs less than a second for any step, a loaded one some; after this it is lost.
pub(super) const STEP_LIMIT: Duration = Duration::from_secs(120);

/// How often a request is made that does nothing when it is made again.
pub(super) const TRIES: u32 = 4;
/// The pause before the second try; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(50);

/// Makes one request once, and waits at most [`STEP_LIMIT`]. When the engine has gone away this
/// comes back when the engine does, with the error all the same.
pub(super) async fn step<T>(
    connection: &Connection,
    name: &'static str,
    request: impl Future<Output = Result<T, Error>>,
) -> Result<T, EngineError> {
    let made = once(connection, name, request).await;
    made.map_err(|fault| fault.error)
}

/// Makes one request that can be made again without harm, until it is answered well, is refused
/// for good, or was tried often enough.
pub(super) async fn steadily<T, F: Future<Output = Result<T, Error>>>(
    connection: &Connection,
    name: &'static str,
    request: impl Fn() -> F,
) -> Result<T, EngineError> {
    let mut pause = PAUSE;
    let mut tries = 1;
    loop {
        match once(connection, name, request()).await {
            Err(fault) if fault.may_pass && tries < TRIES => tokio::time::sleep(pause).await,
            Err(Fault { error, .. }) => return Err(error),
            Ok(value) => return Ok(value),
        }
        pause *= 2;
        tries += 1;
    }
}

/// A request that was not answered well.
struct Fault {
    error: EngineError,
    /// Whether it may be answered well the next time.
    may_pass: bool,
}

async fn once<T>(
    connection: &Connection,
    name: &'static str,
    request: impl Future<Output = Result<T, Error>>,
) -> Result<T, Fault> {
    let for_good = |error| Fault {
        error,
        may_pass: false,
    };
    if connection.is_lost() {
        return Err(for_good(connection.lost()));
    }
    let answered = tokio::time::timeout(STEP_LIMIT, request).await;
    let fault = match answered {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => Fault {
            may_pass: may_pass(&error),
            error: failure(connection, name, &error),
        },
        Err(_) => for_good(EngineError::TimedOut {
            step: name,
            limit: STEP_LIMIT,
        }),
    };
    // An engine that is gone, or that hangs, is waited for once for all.
    if matches!(
        fault.error,
        EngineError::Unreachable { .. } | EngineError::TimedOut { .. }
    ) {
        connection.returned().await.map_err(for_good)?;
    }
    Err(fault)
}

/// Whether the same request may be answered well the next time: what was refused for good is not
/// asked for again.
pub(super) fn may_pass(error: &Error) -> bool {
    match error {
        Error::DockerResponseServerError { status_code, .. } => {
            matches!(status_code, 409 | 429 | 500..=599)
        }
        _ => true,
    }
}

/// Whether a container is gone, which only somebody else can have removed: of no use to ask again,
/// but another container may do better.
fn is_of_gone_container(error: &Error) -> bool {
    let gone = ["no such container", "no such exec"];
    matches!(
        error,
        Error::DockerResponseServerError { status_code: 404, message }
            if gone.iter().any(|words| message.to_ascii_lowercase().contains(words))
    )
}

/// What the engine answered in place of what was asked.
pub(super) fn failure(connection: &Connection, step: &'static str, error: &Error) -> EngineError {
    if may_pass(error) || is_of_gone_container(error) {
        connection.faulted();
    }
    let failed = |reason: &str| EngineError::Failed {
        step,
        reason: reason.trim().to_owned(),
    };
    match error {
        // Answers to HEAD have no body, so no reason.
        Error::DockerResponseServerError {
            status_code,
            message,
        } if message.trim().is_empty() => {
            failed(&format!("it answered {status_code} without a reason"))
        }
        Error::DockerResponseServerError { message, .. } => failed(message),
        Error::DockerStreamError { error } => failed(error),
        Error::JsonDataError { .. } | Error::JsonSerdeError { .. } => {
            failed(&format!("its answer can't be read: {error}"))
        }
        error => connection.unreachable(error),
    }
}

/// A fault that is no answer to any request, and may not come up again.
pub(super) fn broken(connection: &Connection, step: &'static str, reason: &str) -> EngineError {
    connection.faulted();
    EngineError::Failed {
        step,
        reason: reason.to_owned(),
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
