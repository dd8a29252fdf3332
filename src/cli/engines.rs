//! The choice of what runs the containers.

use std::io::Write;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use clap::Args;

use super::clean;
use super::session::{Session, env, identify};
use crate::engine::docker::DockerEngine;
use crate::engine::embedded::{Ahead, Begun, Daemon, EmbeddedEngine, EmbeddedFinder};
use crate::engine::{AutoEngine, Engine, EngineError, FakeEngine, Finder, Waiter};
use crate::report::text::terminal_text;
use crate::spec::parse_bytes;

/// This very program.
const HELPER: &str = "/proc/self/exe";

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

/// The flag that chooses.
#[derive(Debug, Args)]
pub(super) struct EngineArg {
    /// What runs containers and reads images: auto, embedded or docker [default: auto]
    #[arg(
        long = "engine",
        value_name = "ENGINE",
        default_value = "auto",
        env = "SEATRIAL_ENGINE",
        hide_default_value = true,
        hide_env_values = true
    )]
    pub(super) choice: EngineChoice,
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

/// The engines of a run, found when they are first needed.
#[derive(Clone)]
pub(super) struct Engines {
    choice: EngineChoice,
    waiter: Waiter,
    root: PathBuf,
    /// The daemon of this machine; what earlier runs left on it is still there.
    docker: Arc<OnceLock<Result<Arc<DockerEngine>, EngineError>>>,
    /// The helper process of the embedded engine, if it was started already.
    ahead: Arc<Mutex<Option<Begun>>>,
}

impl EngineChoice {
    /// Starts the helper process of the embedded engine, so that it gets ready while specs are read.
    pub(super) fn ahead(&self) -> Option<Begun> {
        // Why it can't be is told when it is needed.
        matches!(self, Self::Auto | Self::Embedded).then(Begun::begin)
    }

    /// The engines that this means. Paths of images are relative to `root`.
    pub(super) fn engines(&self, session: &Session, root: &Path) -> Engines {
        Engines {
            choice: self.clone(),
            waiter: session.waiter(),
            root: root.to_owned(),
            docker: Arc::default(),
            ahead: Arc::default(),
        }
    }
}

impl Engines {
    /// The same, with a helper process that was started before.
    pub(super) fn having(self, ahead: Option<Begun>) -> Self {
        Self {
            ahead: Arc::new(Mutex::new(ahead)),
            ..self
        }
    }

    /// What finds images before anything is started; nothing where that can't be.
    pub(super) fn finder(&self) -> Option<Box<dyn Finder>> {
        let embedded = |daemon| {
            let (runtime, stop) = (self.waiter.runtime().clone(), self.waiter.stop());
            EmbeddedFinder::new(daemon, &self.root, runtime, stop).ok()
        };
        match &self.choice {
            EngineChoice::Fake(_) => None,
            EngineChoice::Docker => Some(Box::new(self.docker().ok()?)),
            EngineChoice::Embedded => {
                let engines = self.clone();
                let daemon = Daemon::new(move || optional(engines.docker()));
                Some(Box::new(embedded(daemon)?))
            }
            EngineChoice::Auto => {
                let docker = optional(self.docker()).ok()?;
                let info = docker.as_deref().map(Engine::info);
                let finder = embedded(Daemon::known(docker.clone()))?;
                Some(Box::new(finder.beside(info)))
            }
        }
    }

    /// Starts the engine.
    pub(super) fn start(&self) -> Result<Arc<dyn Engine>, EngineError> {
        match &self.choice {
            EngineChoice::Docker => Ok(self.clean_docker()?),
            EngineChoice::Fake(script) => {
                Ok(Arc::new(FakeEngine::load(script, self.waiter.stop())?))
            }
            EngineChoice::Embedded => {
                let engines = self.clone();
                let daemon = Daemon::new(move || optional(engines.clean_docker()));
                Ok(Arc::new(self.embedded(daemon)?))
            }
            EngineChoice::Auto => {
                let (docker, embedded) = self.both();
                if let Err(error @ EngineError::Unreachable { .. }) = &docker
                    && std::env::var_os("DOCKER_HOST").is_some()
                {
                    // Whoever names a daemon wants to know that it is not used.
                    warn(&format!("no daemon is used: {error}"));
                }
                let docker = optional(docker)?;
                match embedded {
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

    /// The daemon of this machine and the embedded engine, each started while the other one is.
    fn both(
        &self,
    ) -> (
        Result<Arc<DockerEngine>, EngineError>,
        Result<EmbeddedEngine, EngineError>,
    ) {
        let engines = self.clone();
        let daemon = Daemon::new(move || optional(engines.docker()));
        std::thread::scope(|scope| {
            let docker = scope.spawn(|| self.clean_docker());
            let embedded = self.embedded(daemon);
            let docker = docker.join();
            (
                docker.unwrap_or_else(|panic| resume_unwind(panic)),
                embedded,
            )
        })
    }

    /// The daemon of this machine.
    fn docker(&self) -> Result<Arc<DockerEngine>, EngineError> {
        let connected = || {
            let (connection, info) = identify(&self.waiter)?;
            let (runtime, stop) = (self.waiter.runtime().clone(), self.waiter.stop());
            let engine = DockerEngine::new(connection, info, runtime, stop)?;
            Ok(Arc::new(engine))
        };
        self.docker.get_or_init(connected).clone()
    }

    /// The daemon of this machine, without what earlier runs left there.
    fn clean_docker(&self) -> Result<Arc<DockerEngine>, EngineError> {
        let docker = self.docker()?;
        clean::before_run(&docker);
        Ok(docker)
    }

    fn embedded(&self, daemon: Daemon) -> Result<EmbeddedEngine, EngineError> {
        let ahead = self.ahead.lock();
        let ahead = ahead.unwrap_or_else(PoisonError::into_inner).take();
        let ahead = ahead.and_then(Begun::take);
        let engine = begun(ahead, &self.waiter, daemon, &self.root)?;
        // What no container can be made on must be told before any check fails of it.
        engine.prove()?;
        Ok(engine)
    }
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

/// The embedded engine, before it is known whether containers run.
pub(super) fn unproven(
    waiter: &Waiter,
    daemon: Daemon,
    root: &Path,
) -> Result<EmbeddedEngine, EngineError> {
    let engine = begun(None, waiter, daemon, root)?;
    engine.ready()?;
    Ok(engine)
}

/// The embedded engine, whose helper may still be on its way.
fn begun(
    ahead: Option<Ahead>,
    waiter: &Waiter,
    daemon: Daemon,
    root: &Path,
) -> Result<EmbeddedEngine, EngineError> {
    let bound = store_bound(&env)?;
    let (runtime, stop) = (waiter.runtime().clone(), waiter.stop());
    let ahead = ahead.map_or_else(|| Ahead::start(Path::new(HELPER)), Ok)?;
    let engine = EmbeddedEngine::of(ahead, daemon, root, runtime, stop);
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
