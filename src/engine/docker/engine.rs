//! The [`Engine`] on Docker and Podman.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{ListContainersOptionsBuilder, UploadToContainerOptionsBuilder};
use tokio::runtime::Handle;
use tokio::sync::{OnceCell, RwLock, watch};

use super::connection::Connection;
use super::container::{Container, body};
use super::ending::cleared_up;
use super::hosts::{self, ContainerFiles, NetworkFiles};
use super::image::{describe, history_step};
use super::mounts;
use super::owner::{Owner, RUN_LABEL};
use super::reach;
use super::reap::{Cleaned, Effort, clean_containers};
use super::running::DockerRunning;
use super::shared::SharedContainers;
use super::steps::{steadily, step};
use super::view::View;
use crate::engine::embedded::exported;
use crate::engine::{
    Ended, Engine, EngineError, EngineInfo, Files, Finder, HistoryStep, Image, Isolation, Look,
    Mount, Network, Outcome, Process, Running, Tap, Waiter,
};
use crate::registry::{Digest, ImageParts};

/// How long a container that was asked for is waited for at the end, so that it can be removed.
const CREATION_LIMIT: Duration = Duration::from_secs(20);

/// Before a run only a little time is given to what earlier ones left.
const START_EFFORT: Effort = Effort {
    limit: Duration::from_secs(10),
    looks: 2,
    pause: Duration::ZERO,
    suspicion: false,
};

/// Runs each process in a fresh container of a Docker or Podman engine.
#[derive(Debug)]
pub struct DockerEngine {
    pub(super) connection: Connection,
    info: EngineInfo,
    pub(super) waiter: Waiter,
    owner: Owner,
    network_files: NetworkFiles,
    /// Whether the engine sees this machine's files: asked once, when it first matters.
    sees_our_files: OnceCell<bool>,
    /// The containers that files are read from, by image id.
    readers: Mutex<HashMap<String, Arc<OnceCell<String>>>>,
    pub(super) shared: SharedContainers,
    /// Held for reading by each container that is being created.
    creating: Arc<RwLock<()>>,
    /// Whether any container was asked for: otherwise there is nothing to be removed.
    has_asked: AtomicBool,
    /// Whether layers are to this process what they are to the engine, once that was asked.
    pub(super) is_as_seen_here: OnceCell<bool>,
}

impl DockerEngine {
    /// Takes a connection that has been identified as `info`; `true` in `stop` ends what is under
    /// way with [`EngineError::Interrupted`].
    ///
    /// # Errors
    /// When this machine has no writable temporary folder.
    pub fn new(
        connection: Connection,
        info: EngineInfo,
        runtime: Handle,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, EngineError> {
        let network_files = NetworkFiles::new().map_err(|error| {
            EngineError::Configuration(format!("can't write to the temporary folder: {error}"))
        })?;
        Ok(Self {
            connection,
            info,
            waiter: Waiter::new(runtime, stop),
            owner: Owner::new(),
            network_files,
            sees_our_files: OnceCell::new(),
            readers: Mutex::default(),
            shared: SharedContainers::default(),
            creating: Arc::default(),
            has_asked: AtomicBool::new(false),
            is_as_seen_here: OnceCell::new(),
        })
    }

    /// Removes what dead runs left on the engine, within a few seconds.
    ///
    /// # Errors
    /// When the engine does not answer, or the run is stopped.
    pub fn clean(&self) -> Result<Cleaned, EngineError> {
        self.wait(clean_containers(&self.connection, START_EFFORT))
    }

    /// The labels of a container that serves `purpose`.
    pub(super) fn labels(&self, purpose: &str) -> HashMap<String, String> {
        self.owner.labels(purpose)
    }

    /// A container of a new name.
    pub(super) fn container(&self) -> Container<'_> {
        self.container_of(self.owner.name())
    }

    /// The container of this name.
    pub(super) fn container_of(&self, name: String) -> Container<'_> {
        Container {
            connection: &self.connection,
            name,
        }
    }

    /// Waits for work, unless the run is stopped meanwhile.
    pub(super) fn wait<T>(
        &self,
        work: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, EngineError> {
        self.waiter.wait(work)
    }

    /// Runs a process; the files beside its outcome must be there for as long as the container is
    /// looked at, because the engine mounts them for that too.
    async fn run_in(
        &self,
        container: &Container<'_>,
        image: &Image,
        process: &Process,
    ) -> Result<(Outcome, Option<ContainerFiles>), EngineError> {
        // The engine mounts these files once more to show what the command left.
        let network_files = self.create(container, image, process).await?;
        let outcome = container.follow(process).await?;
        Ok((outcome, network_files))
    }

    /// Creates the container of a process; what is given back must outlive the container's start.
    pub(super) async fn create(
        &self,
        container: &Container<'_>,
        image: &Image,
        process: &Process,
    ) -> Result<Option<ContainerFiles>, EngineError> {
        let mut body = body(image, process);
        body.labels = Some(self.owner.labels(&process.check));
        reach::publish(&self.connection, &mut body);
        let mut copies: &[Mount] = &[];
        let asks_for_files = !process.mounts.is_empty() || process.network == Network::None;
        let visible = asks_for_files && self.sees_our_files(image).await?;
        if visible {
            let host = body.host_config.get_or_insert_default();
            host.mounts = Some(process.mounts.iter().map(mounts::bind).collect());
        } else {
            copies = &process.mounts;
        }
        let network_files = if visible && process.network == Network::None {
            self.disable_network(container, process, &mut body)?
        } else {
            None
        };
        let platform = process.platform.as_deref();
        let created = self.ask_for(container, platform, body).await;
        created.map_err(|error| named(error, image))?;
        if !copies.is_empty() {
            self.copy_in(container, copies).await?;
        }
        Ok(network_files)
    }

    /// Creates a container in a task of its own. Were the request dropped when the run is stopped,
    /// the engine could still carry it out after all has been removed.
    pub(super) async fn ask_for(
        &self,
        container: &Container<'_>,
        platform: Option<&str>,
        body: ContainerCreateBody,
    ) -> Result<(), EngineError> {
        let under_way = Arc::clone(&self.creating).read_owned().await;
        self.has_asked.store(true, Ordering::SeqCst);
        let connection = self.connection.clone();
        let name = container.name.clone();
        let platform = platform.map(ToOwned::to_owned);
        let task = self.waiter.runtime().spawn(async move {
            let container = Container {
                connection: &connection,
                name,
            };
            let created = container.create_for(platform.as_deref(), body).await;
            drop(under_way);
            created
        });
        task.await.unwrap_or_else(|error| {
            Err(EngineError::Failed {
                step: "create a container",
                reason: error.to_string(),
            })
        })
    }

    /// Takes the short way to no network, where this engine's is known.
    fn disable_network(
        &self,
        container: &Container<'_>,
        process: &Process,
        body: &mut ContainerCreateBody,
    ) -> Result<Option<ContainerFiles>, EngineError> {
        if !hosts::is_known(&self.info) {
            return Ok(None);
        }
        let files = self.network_files.write(&container.name).map_err(|error| {
            EngineError::Configuration(format!("can't write to the temporary folder: {error}"))
        })?;
        body.network_disabled = Some(true);
        let host = body.host_config.get_or_insert_default();
        host.network_mode = None;
        let read_only = host.readonly_rootfs == Some(true);
        let binds = files.binds(read_only, |target| {
            let mut mounts = process.mounts.iter();
            mounts.any(|mount| mount.target == target)
        });
        host.binds = Some(binds);
        host.sysctls = Some(self.network_files.sysctls());
        Ok(Some(files))
    }

    /// Proves that a path of this machine is the same path to the engine, with a file whose name
    /// nobody else can have.
    pub(super) async fn sees_our_files(&self, image: &Image) -> Result<bool, EngineError> {
        let ask = || async {
            let proof = tempfile::NamedTempFile::new_in(self.network_files.folder());
            let proof = proof.map_err(|error| {
                EngineError::Configuration(format!("can't write a temporary file: {error}"))
            })?;
            let container = self.container();
            let mut body = self.reader_body(image);
            let host = body.host_config.get_or_insert_default();
            host.mounts = Some(vec![mounts::bind(&Mount {
                source: proof.path().to_owned(),
                target: "/seatrial-proof".to_owned(),
            })]);
            let path = proof.path().display().to_string();
            let faults = self.connection.fault_count();
            let created = self.ask_for(&container, None, body).await;
            container.remove().await?;
            match created {
                Ok(()) => Ok(true),
                // A refusal, or one of an engine that is at fault for whatever it can't do.
                Err(EngineError::Failed { reason, .. })
                    if reason.contains(&path) || self.connection.fault_count() == faults =>
                {
                    Ok(false)
                }
                Err(error) => Err(error),
            }
        };
        self.sees_our_files.get_or_try_init(ask).await.copied()
    }

    async fn copy_in(
        &self,
        container: &Container<'_>,
        copies: &[Mount],
    ) -> Result<(), EngineError> {
        let archive = mounts::archive(copies).map_err(|error| EngineError::Failed {
            step: "read the files to mount",
            reason: error.to_string(),
        })?;
        let options = UploadToContainerOptionsBuilder::default().path("/").build();
        let docker = self.connection.docker();
        let body = bollard::body_full(archive.into());
        let request = docker.upload_to_container(&container.name, Some(options), body);
        step(&self.connection, "copy files into a container", request).await
    }

    /// A container that is never started. It needs a command all the same.
    pub(super) fn reader_body(&self, image: &Image) -> ContainerCreateBody {
        ContainerCreateBody {
            image: Some(image.id.clone()),
            entrypoint: Some(vec!["/never-started".to_owned()]),
            labels: Some(self.owner.labels("reading files")),
            network_disabled: Some(true),
            ..ContainerCreateBody::default()
        }
    }

    /// The container that files of `image` are read from, created when first asked for.
    pub(super) async fn reader(&self, image: &Image) -> Result<Container<'_>, EngineError> {
        let cell = {
            let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
            let cell = readers.entry(image.id.clone()).or_default();
            // Somebody may have removed it: then there must be another.
            if cell
                .get()
                .is_some_and(|name| self.connection.has_gone(name))
            {
                *cell = Arc::default();
            }
            Arc::clone(cell)
        };
        let name = cell
            .get_or_try_init(|| async {
                let container = self.container();
                let created = self
                    .ask_for(&container, None, self.reader_body(image))
                    .await;
                created.map_err(|error| named(error, image))?;
                Ok::<_, EngineError>(container.name)
            })
            .await?;
        Ok(self.container_of(name.clone()))
    }

    /// Removes by label what there still is, and counts what stays.
    async fn sweep(&self) -> Result<usize, EngineError> {
        let ours = format!("{RUN_LABEL}={}", self.owner.run());
        // What was asked for and not waited for is still to come.
        let settled = tokio::time::timeout(CREATION_LIMIT, self.creating.write()).await;
        let mut left = 0;
        // What was being removed while the first list was made is not in the second.
        for _ in 0..2 {
            let options = ListContainersOptionsBuilder::default()
                .all(true)
                .filters(&HashMap::from([("label", vec![ours.clone()])]))
                .build();
            let docker = self.connection.docker();
            let request = || cleared_up(|| docker.list_containers(Some(options.clone())));
            let found = steadily(&self.connection, "list the containers", request).await?;
            left = 0;
            for id in found.into_iter().filter_map(|container| container.id) {
                left += usize::from(self.container_of(id).remove().await.is_err());
            }
        }
        if settled.is_err() {
            return Err(EngineError::TimedOut {
                step: "create a container",
                limit: CREATION_LIMIT,
            });
        }
        Ok(left)
    }
}

impl Engine for DockerEngine {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    /// Two containers for each processor: more gain nothing, because the engine is bound by the
    /// processor time of its own work.
    fn parallelism(&self) -> usize {
        2 * std::thread::available_parallelism().map_or(2, usize::from)
    }

    fn image(&self, reference: &str) -> Result<Image, EngineError> {
        self.wait(async {
            let found = self.inspect(reference).await?;
            describe(reference.to_owned(), found)
        })
    }

    fn parts(&self, image: &Image, folder: &Path) -> Result<(ImageParts, Digest), EngineError> {
        exported(self, image, folder)
    }

    fn run(
        &self,
        image: &Image,
        process: &Process,
        look: Option<&mut Look<'_>>,
    ) -> Result<Outcome, EngineError> {
        if process.isolation == Isolation::Shared {
            return self.run_shared(image, process, look);
        }
        let container = self.container();
        let outcome = self.wait(self.run_in(&container, image, process));
        if let (Ok((outcome, _)), Some(look)) = (&outcome, look)
            && matches!(outcome.ended, Ended::Exited { .. })
        {
            look(&View::of_container(self, &container.name));
        }
        // Not under `wait`: what is stopped is removed all the same.
        let removed = self.waiter.runtime().block_on(container.remove());
        let (outcome, _network_files) = outcome?;
        removed?;
        Ok(outcome)
    }

    fn history(&self, image: &Image) -> Result<Vec<HistoryStep>, EngineError> {
        self.wait(async {
            let request = || self.connection.docker().image_history(&image.id);
            let found = steadily(&self.connection, "tell the history of an image", request).await?;
            Ok(found.into_iter().map(history_step).collect())
        })
    }

    fn start<'a>(
        &'a self,
        image: &'a Image,
        process: &Process,
        tap: Option<Tap>,
    ) -> Result<Box<dyn Running + 'a>, EngineError> {
        Ok(Box::new(DockerRunning::start(self, image, process, tap)?))
    }

    fn files<'a>(&'a self, image: &'a Image) -> Box<dyn Files + 'a> {
        Box::new(View::of_image(self, image))
    }

    fn faults(&self) -> u64 {
        self.connection.fault_count()
    }

    fn is_lost(&self) -> bool {
        self.connection.is_lost()
    }

    fn close(&self) -> Result<usize, EngineError> {
        if !self.has_asked.load(Ordering::SeqCst) {
            return Ok(0);
        }
        self.waiter.runtime().block_on(async {
            self.connection.forgive().await;
            self.sweep().await
        })
    }
}

impl Finder for Arc<DockerEngine> {
    fn info(&self) -> &EngineInfo {
        Engine::info(self.as_ref())
    }

    fn kinds(&self) -> Vec<&str> {
        Engine::kinds(self.as_ref())
    }

    fn image(&self, reference: &str) -> Result<Image, EngineError> {
        Engine::image(self.as_ref(), reference)
    }
}

/// Calls an image that is gone by the name that it was asked for.
fn named(error: EngineError, image: &Image) -> EngineError {
    match error {
        EngineError::ImageGone { .. } => EngineError::ImageGone {
            reference: image.reference.clone(),
        },
        error => error,
    }
}
