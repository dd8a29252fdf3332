//! Builds images over the Engine API, with BuildKit where the engine has it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::body_try_stream;
use bollard::errors::Error;
use bollard::models::{BuildInfo, BuildInfoAux};
use bollard::query_parameters::{
    BuildImageOptions, BuildImageOptionsBuilder, BuilderVersion, RemoveImageOptionsBuilder,
};
use futures_util::StreamExt;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::client::Client;
use super::connection::Connection;
use super::endpoint::Env;
use super::progress::BuildKitProgress;
use crate::build::{
    BuildContext, BuildError, BuildEvent, BuildListener, Builder, Built, ClassicProgress,
    ContextStream, Job, Recipient,
};
use crate::engine::{EngineError, EngineInfo, stopped};
use crate::platform::Platform;

/// The first version of the API whose engines have BuildKit (Docker 18.09).
const FIRST_WITH_BUILDKIT: (usize, usize) = (1, 39);

/// How often a build begins again that failed for a reason outside of it.
const RETRIES: usize = 3;

/// Builds images on a Docker or Podman engine.
#[derive(Debug)]
pub struct DockerBuilder {
    pub(super) connection: Connection,
    pub(super) runtime: Handle,
    stop: watch::Receiver<bool>,
    pub(super) recipient: Recipient,
    pub(super) limit: Duration,
    /// What serves BuildKit, once it is needed; `None` if there is nothing that can.
    pub(super) client: OnceLock<Option<Client>>,
}

impl DockerBuilder {
    /// Takes a connection that has been identified as `info`; `true` in `stop` ends the build that
    /// is under way and all later ones.
    ///
    /// Each image may take as long as `limit`. `DOCKER_BUILDKIT=0` asks for the classic builder, as for `docker`.
    pub fn new(
        connection: Connection,
        info: &EngineInfo,
        runtime: Handle,
        stop: watch::Receiver<bool>,
        limit: Duration,
        env: Env<'_>,
    ) -> Self {
        let version = connection.docker().client_version();
        let has_buildkit = info.kind == "docker"
            && (version.major_version, version.minor_version) >= FIRST_WITH_BUILDKIT;
        let refused = matches!(env("DOCKER_BUILDKIT").as_deref(), Some("0" | "false"));
        let recipient = if has_buildkit && !refused {
            Recipient::BuildKit
        } else {
            Recipient::Classic
        };
        Self {
            connection,
            runtime,
            stop,
            recipient,
            limit,
            client: OnceLock::new(),
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    async fn build_one(
        &self,
        job: &Job,
        listener: &dyn BuildListener,
    ) -> Result<Built, BuildError> {
        let context = BuildContext::open(&job.context, &job.dockerfile)?;
        let options = self.options(job, &context.dockerfile().to_string_lossy());
        let stream = ContextStream::new(context, self.recipient);
        let context_failure = stream.failure();
        let body = body_try_stream(stream.into_chunks());
        let mut messages = pin!(
            self.connection
                .docker()
                .build_image(options, None, Some(body))
        );
        let mut stop = self.stop.clone();
        let mut over = pin!(tokio::time::sleep(self.limit));
        let mut progress = Progress::new(self.recipient);
        let emit = |event: BuildEvent| listener.on(&job.name, &event);
        loop {
            // Leaving drops the stream, which closes the connection, which ends the build.
            let message = tokio::select! {
                biased;
                () = stopped(&mut stop) => return Err(EngineError::Interrupted.into()),
                () = &mut over => return Err(BuildError::TimedOut(self.limit)),
                message = messages.next() => message,
            };
            match message {
                Some(Ok(message)) => progress.take(message, &emit),
                Some(Err(error)) => {
                    return Err(match context_failure.take() {
                        Some(failure) => failure.into(),
                        None => self.failure(progress, &error),
                    });
                }
                None => break,
            }
        }
        let (id, cached) = progress.finish(&emit)?;
        Ok(Built {
            id: self.full_id(id).await?,
            cached,
            previous: None,
        })
    }

    /// The classic builder takes cached steps of any platform.
    async fn is_for(&self, id: &str, wanted: &str) -> Result<(), BuildError> {
        let image = self.connection.docker().inspect_image(id).await;
        let image = image.map_err(|error| EngineError::Failed {
            step: "look at the image it has built",
            reason: error.to_string(),
        })?;
        let said = |it: Option<String>| it.unwrap_or_default();
        let (os, architecture) = (said(image.os), said(image.architecture));
        let variant = said(image.variant);
        let is_for = |it: Platform| it.is(&os, &architecture, &variant);
        if Platform::read(wanted).is_some_and(is_for) {
            return Ok(());
        }
        Err(BuildError::Refused(format!(
            "an image for {os}/{architecture} was built, and none for {wanted}"
        )))
    }

    /// What the reference names now.
    pub(super) async fn named(&self, reference: &str) -> Option<String> {
        let image = self.connection.docker().inspect_image(reference);
        // A build will tell more of an engine that does not answer.
        image.await.ok()?.id
    }

    fn options(&self, job: &Job, dockerfile: &str) -> BuildImageOptions {
        let mut args: HashMap<&str, &str> = job
            .args
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        if job.inputs.keeps_inline() {
            args.insert("BUILDKIT_INLINE_CACHE", "1");
        }
        let caches = job.inputs.cache_images();
        let options = BuildImageOptionsBuilder::default()
            .dockerfile(dockerfile)
            .t(&job.reference)
            .rm(true)
            .forcerm(true)
            .buildargs(&args)
            .target(job.target.as_deref().unwrap_or_default())
            .platform(job.inputs.platform.as_deref().unwrap_or_default());
        let options = match caches.is_empty() {
            true => options,
            false => options.cachefrom(&caches),
        };
        match self.recipient {
            Recipient::Classic => options.build(),
            Recipient::BuildKit => options
                .version(BuilderVersion::BuilderBuildKit)
                .session(&session())
                .build(),
        }
    }

    fn failure(&self, progress: Progress, error: &Error) -> BuildError {
        match error {
            Error::DockerStreamError { error } => progress.failure(error.clone()),
            Error::DockerResponseServerError { message, .. } => {
                BuildError::Refused(message.trim().to_owned())
            }
            error => self.connection.unreachable(error).into(),
        }
    }

    /// Podman and the text of the classic builder give ids without `sha256:` or cut short.
    async fn full_id(&self, id: String) -> Result<String, BuildError> {
        if id
            .strip_prefix("sha256:")
            .is_some_and(|hex| hex.len() == 64)
        {
            return Ok(id);
        }
        let image = self.connection.docker().inspect_image(&id).await;
        let found = image.map_err(|error| EngineError::Failed {
            step: "find the image it has built",
            reason: error.to_string(),
        })?;
        Ok(found.id.unwrap_or(id))
    }
}

impl Builder for DockerBuilder {
    fn build(&self, job: &Job, listener: &dyn BuildListener) -> Result<Built, BuildError> {
        let previous = self.runtime.block_on(self.named(&job.reference));
        let built = if Self::needs_client(job) {
            self.build_with_client(job, listener)?
        } else {
            let mut result = self.runtime.block_on(self.build_one(job, listener));
            for _ in 0..RETRIES {
                if !result.as_ref().is_err_and(is_cache_race) {
                    break;
                }
                result = self.runtime.block_on(self.build_one(job, listener));
            }
            result?
        };
        if let Some(wanted) = &job.inputs.platform {
            let is_for = self.runtime.block_on(self.is_for(&built.id, wanted));
            // Nobody is to find it by its name.
            is_for.inspect_err(|_| drop(self.remove(&job.reference)))?;
        }
        Ok(Built { previous, ..built })
    }

    fn remove(&self, reference: &str) -> Result<(), EngineError> {
        let docker = self.connection.docker();
        let options = RemoveImageOptionsBuilder::default().build();
        let removed = self
            .runtime
            .block_on(docker.remove_image(reference, Some(options), None));
        let failed = |error: Error| EngineError::Failed {
            step: "remove an image",
            reason: error.to_string(),
        };
        removed.map(drop).map_err(failed)
    }

    fn storage(&self) -> Option<PathBuf> {
        let info = self
            .runtime
            .block_on(self.connection.docker().info())
            .ok()?;
        // An engine elsewhere, or in a container, has it where we can't see it.
        let folder = PathBuf::from(info.docker_root_dir?);
        let here = hostname::get().ok()?;
        let is_here = info.name.is_some_and(|name| here == *name);
        (is_here && folder.is_dir()).then_some(folder)
    }
}

/// The classic builder looks through all images for one to take from the cache, and gives up when
/// one is removed meanwhile, whoever's it is. That says nothing about this build.
fn is_cache_race(error: &BuildError) -> bool {
    matches!(error, BuildError::Step { reason, .. }
        if reason.starts_with("unable to find image \"sha256:"))
}

enum Progress {
    Classic(ClassicProgress, Option<String>),
    BuildKit(BuildKitProgress, Option<String>),
}

impl Progress {
    fn new(recipient: Recipient) -> Self {
        match recipient {
            Recipient::Classic => Self::Classic(ClassicProgress::default(), None),
            Recipient::BuildKit => Self::BuildKit(BuildKitProgress::default(), None),
        }
    }

    fn take(&mut self, message: BuildInfo, emit: &dyn Fn(BuildEvent)) {
        let (Self::Classic(_, id) | Self::BuildKit(_, id)) = self;
        let status = match message.aux {
            Some(BuildInfoAux::Default(aux)) => {
                *id = aux.id.or(id.take());
                None
            }
            Some(BuildInfoAux::BuildKit(status)) => Some(status),
            None => None,
        };
        match (self, status, message.stream) {
            (Self::BuildKit(progress, _), Some(status), _) => progress.take(status, emit),
            (Self::Classic(progress, _), _, Some(text)) => progress.take(&text, emit),
            _ => {}
        }
    }

    /// The id of the image. An answer that ends without one was cut off.
    fn finish(self, emit: &dyn Fn(BuildEvent)) -> Result<(String, bool), EngineError> {
        let (id, cached) = match self {
            Self::BuildKit(progress, id) => (id, progress.all_cached()),
            Self::Classic(mut progress, id) => {
                progress.finish(emit);
                let id = id.or_else(|| progress.built().map(ToOwned::to_owned));
                (id, progress.all_cached())
            }
        };
        let id = id.ok_or_else(|| EngineError::Failed {
            step: "finish the build",
            reason: "its answer ended before it named an image".to_owned(),
        })?;
        Ok((id, cached))
    }

    fn failure(self, reason: String) -> BuildError {
        match self {
            Self::Classic(progress, _) => progress.failure(reason),
            Self::BuildKit(progress, _) => progress.failure(reason),
        }
    }
}

/// A name that no other session of the engine has.
fn session() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = since.map_or(0, |since| since.as_nanos());
    format!("seatrial-{}-{nanos}-{count}", std::process::id())
}
