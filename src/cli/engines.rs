//! The choice of what runs the containers.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::clean;
use super::session::{Session, env, identify};
use crate::engine::docker::DockerEngine;
use crate::engine::embedded::{Daemon, EmbeddedEngine};
use crate::engine::{AutoEngine, Engine, EngineError, FakeEngine, Waiter};
use crate::report::text::terminal_text;
use crate::spec::parse_bytes;

/// What runs the containers.
#[derive(Debug, Clone)]
pub(super) enum EngineChoice {
    /// The embedded engine where it can, a daemon where only that can.
    Auto,
    /// No daemon, whatever is skipped.
    Embedded,
    /// Docker or Podman for everything.
    Docker,
    /// A script, for tests.
    Fake(PathBuf),
}

impl std::str::FromStr for EngineChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.split_once(':')) {
            ("auto", _) => Ok(Self::Auto),
            ("embedded", _) => Ok(Self::Embedded),
            ("docker", _) => Ok(Self::Docker),
            (_, Some(("fake", script))) => Ok(Self::Fake(script.into())),
            _ => Err("the engines are: auto, embedded, docker".to_owned()),
        }
    }
}

impl EngineChoice {
    /// Starts it. Paths of images are relative to `root`.
    pub(super) fn start(
        &self,
        session: &Session,
        root: &Path,
    ) -> Result<Arc<dyn Engine>, EngineError> {
        let stop = session.signals().stop();
        match self {
            Self::Docker => Ok(docker(&session.waiter())?),
            Self::Fake(script) => Ok(Arc::new(FakeEngine::load(script, stop)?)),
            Self::Embedded => {
                let waiter = session.waiter();
                let daemon = Daemon::new(move || optional(docker(&waiter)));
                Ok(Arc::new(embedded(session, daemon, root)?))
            }
            Self::Auto => {
                let docker = docker(&session.waiter());
                if let Err(error @ EngineError::Unreachable { .. }) = &docker
                    && std::env::var_os("DOCKER_HOST").is_some()
                {
                    // Whoever names a daemon wants to know that it is not used.
                    warn(&format!("no daemon is used: {error}"));
                }
                let docker = optional(docker)?;
                match embedded(session, Daemon::known(docker.clone()), root) {
                    Ok(embedded) => Ok(Arc::new(AutoEngine::new(embedded, docker))),
                    // Settings that are wrong are not passed over.
                    Err(error @ (EngineError::Interrupted | EngineError::Configuration(_))) => {
                        Err(error)
                    }
                    Err(error) => match docker {
                        Some(docker) => {
                            warn(&format!(
                                "all checks run on {}: {error}",
                                docker.info().kind
                            ));
                            Ok(docker)
                        }
                        None => Err(neither(&error)),
                    },
                }
            }
        }
    }
}

/// The engine of this machine.
fn docker(waiter: &Waiter) -> Result<Arc<DockerEngine>, EngineError> {
    let (connection, info) = identify(waiter)?;
    let (runtime, stop) = (waiter.runtime().clone(), waiter.stop());
    let engine = DockerEngine::new(connection, info, runtime, stop)?;
    clean::before_run(&engine);
    Ok(Arc::new(engine))
}

/// Without one, other ways are left; a stopped run and settings that are wrong are not passed over.
fn optional(
    docker: Result<Arc<DockerEngine>, EngineError>,
) -> Result<Option<Arc<DockerEngine>>, EngineError> {
    match docker {
        Ok(docker) => Ok(Some(docker)),
        Err(error @ (EngineError::Interrupted | EngineError::Configuration(_))) => Err(error),
        Err(_) => Ok(None),
    }
}

fn embedded(session: &Session, daemon: Daemon, root: &Path) -> Result<EmbeddedEngine, EngineError> {
    let engine = unproven(session, daemon, root)?;
    // What no container can be made on must be told before any check fails of it.
    engine.prove()?;
    Ok(engine)
}

/// The embedded engine, before it is known whether containers run.
pub(super) fn unproven(
    session: &Session,
    daemon: Daemon,
    root: &Path,
) -> Result<EmbeddedEngine, EngineError> {
    let bound = store_bound(&env)?;
    let stop = session.signals().stop();
    let program = Path::new("/proc/self/exe");
    let engine = EmbeddedEngine::start(program, daemon, root, session.handle(), stop)?;
    let bound = bound.unwrap_or(engine.store_bound());
    Ok(engine.bounded(bound))
}

/// The most that the store may hold after a run, in bytes, if somebody says so.
fn store_bound(env: &dyn Fn(&str) -> Option<String>) -> Result<Option<u64>, EngineError> {
    const NAME: &str = "SEATRIAL_STORE_SIZE";
    let Some(said) = env(NAME).filter(|said| !said.is_empty()) else {
        return Ok(None);
    };
    let bytes = parse_bytes(&said).ok_or_else(|| {
        let message = format!("{NAME} must be a size such as 50GiB, it is `{said}`");
        EngineError::Configuration(message)
    })?;
    Ok(Some(bytes))
}

/// Nothing runs containers here.
fn neither(error: &EngineError) -> EngineError {
    EngineError::Needs(format!(
        "no container can be started: {error}; nor does a Docker or Podman engine answer. `seatrial engine` tells what \
         is missing"
    ))
}

fn warn(message: &str) {
    let warning = terminal_text(format!("warning: {message}"));
    let _ = writeln!(anstream::stderr().lock(), "{warning}");
}
