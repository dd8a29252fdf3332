//! What subcommands share: the project, a runtime with signals, the engine, and trouble.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use tokio::runtime::{Builder as RuntimeBuilder, Handle, Runtime};

use super::exit::Exit;
use super::signals::Signals;
use crate::diagnostic::Diagnostics;
use crate::engine::docker::{Connection, connect};
use crate::engine::{EngineError, EngineInfo, Waiter};
use crate::project::{FILE_NAME, Project, ProjectError};
use crate::report::text::terminal_text;

/// Threads that hang in the file system are not waited for any longer than this.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// Why a command could not begin, or could not end well.
#[derive(Debug)]
pub(super) struct Trouble {
    message: String,
    exit: Exit,
}

impl Trouble {
    pub(super) fn new(exit: Exit, message: impl std::fmt::Display) -> Self {
        // It may name files, whose names may hold anything.
        let message = terminal_text(format!("error: {message}"));
        Self { message, exit }
    }

    pub(super) fn mistakes(mistakes: &Diagnostics) -> Self {
        Self {
            // anstream takes the colours out again where they are not wanted.
            message: mistakes.render(std::io::stderr().is_terminal()),
            exit: Exit::InvalidSpec,
        }
    }

    /// What it says.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// Says it on the standard error.
    pub(super) fn tell(self) -> Exit {
        // A failure to complain leaves the exit code to tell.
        let _ = writeln!(anstream::stderr().lock(), "{}", self.message);
        self.exit
    }
}

/// The environment, as the engine's settings are read from it.
pub(super) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The project that `file` names, or the one of the current folder if there is one.
pub(super) fn find_project(file: Option<&Path>) -> Result<Option<Project>, Trouble> {
    let found = match file {
        Some(file) => Project::load(file).map(Some),
        None => match std::env::current_dir() {
            Ok(folder) => Project::discover(&folder),
            Err(error) => {
                let message = format!("can't tell the current folder: {error}");
                return Err(Trouble::new(Exit::Harness, message));
            }
        },
    };
    match found {
        Ok(project) => Ok(project),
        Err(ProjectError::Invalid(mistakes)) => Err(Trouble::mistakes(&mistakes)),
        Err(ProjectError::Unreadable { path, reason })
            if reason.kind() == std::io::ErrorKind::NotFound =>
        {
            let message = format!("there is no project file {}", path.display());
            Err(Trouble::new(Exit::Usage, message))
        }
        Err(error) => Err(Trouble::new(Exit::InvalidSpec, error)),
    }
}

/// The project, which must be there.
pub(super) fn require_project(file: Option<&Path>) -> Result<Project, Trouble> {
    find_project(file)?.ok_or_else(|| {
        let message = format!(
            "there is no {FILE_NAME} in this folder or above it, which says what to build; name \
             one with --project FILE"
        );
        Trouble::new(Exit::Usage, message)
    })
}

/// A runtime that listens to signals.
pub(super) struct Session {
    runtime: Option<Runtime>,
    signals: Signals,
}

impl Session {
    pub(super) fn start() -> Result<Self, Trouble> {
        let runtime = RuntimeBuilder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| {
                Trouble::new(Exit::Harness, format!("can't start threads: {error}"))
            })?;
        let signals = Signals::listen(runtime.handle()).map_err(|error| {
            Trouble::new(Exit::Harness, format!("can't await signals: {error}"))
        })?;
        Ok(Self {
            runtime: Some(runtime),
            signals,
        })
    }

    pub(super) fn handle(&self) -> Handle {
        // Taken only by `drop`.
        match &self.runtime {
            Some(runtime) => runtime.handle().clone(),
            None => unreachable!("the runtime lives as long as the session"),
        }
    }

    pub(super) fn signals(&self) -> &Signals {
        &self.signals
    }

    /// What went wrong outside, unless it is for a signal that it did.
    pub(super) fn trouble(&self, error: impl std::fmt::Display) -> Trouble {
        let signal = self.signals.received();
        Trouble::new(signal.map_or(Exit::Harness, Exit::Signal), error)
    }

    /// Finds the engine and asks it what it is.
    pub(super) fn connect(&self) -> Result<(Connection, EngineInfo), EngineError> {
        identify(&self.waiter())
    }

    /// Waits that end with the run.
    pub(super) fn waiter(&self) -> Waiter {
        Waiter::new(self.handle(), self.signals.stop())
    }
}

/// Finds the engine and asks it what it is.
pub(super) fn identify(waiter: &Waiter) -> Result<(Connection, EngineInfo), EngineError> {
    let mut connection = connect(&env)?;
    let info = waiter.wait(connection.identify())?;
    Ok((connection, info))
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(LAST_WAIT);
        }
    }
}

/// A terminal that can move its cursor, and no CI system that pretends to be one.
pub(super) fn is_for_people() -> bool {
    env("TERM").is_none_or(|term| term != "dumb") && env("CI").is_none()
}
