//! Builds by way of Docker's own command line.

use std::time::Instant;

use super::build::DockerBuilder;
use super::client::{Client, GRACE};
use super::progress::PlainProgress;
use crate::build::{
    Bounds, Broken, BuildContext, BuildError, BuildEvent, BuildListener, Built, Job, Recipient,
    Sending, follow,
};
use crate::engine::EngineError;

impl DockerBuilder {
    /// Whether `job` uses what a client has to serve.
    pub(super) fn needs_client(job: &Job) -> bool {
        let inputs = &job.inputs;
        !inputs.secrets.is_empty() || !inputs.ssh.is_empty() || inputs.has_typed_caches()
    }

    /// Builds `job` with a client.
    pub(super) fn build_with_client(
        &self,
        job: &Job,
        listener: &dyn BuildListener,
    ) -> Result<Built, BuildError> {
        let is_stopped = || self.is_stopped();
        let client = self.client.get_or_init(|| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            Client::find(&path, &is_stopped)
        });
        if is_stopped() {
            return Err(EngineError::Interrupted.into());
        }
        let client = fit(client.as_ref(), job, self.recipient)?;
        let failed = |reason: std::io::Error| EngineError::Failed {
            step: "prepare a build",
            reason: reason.to_string(),
        };
        let context = BuildContext::open(&job.context, &job.dockerfile)?;
        let folder = tempfile::tempdir().map_err(failed)?;
        let id_file = folder.path().join("id");
        let endpoint = self.connection.endpoint();
        let command = client.build(job, context.dockerfile(), endpoint, &id_file);
        let (feed, sending) = Sending::begin(context, Recipient::BuildKit);
        let bounds = Bounds {
            is_stopped: &is_stopped,
            until: Instant::now() + self.limit,
            grace: GRACE,
        };
        let emit = |event: BuildEvent| listener.on(&job.name, &event);
        let mut progress = PlainProgress::default();
        let mut take = |chunk: &[u8]| progress.take(chunk, &emit);
        let status = match follow(command, Some(feed), &bounds, &mut take) {
            Ok(status) => status,
            Err(Broken::Stopped) => return Err(EngineError::Interrupted.into()),
            Err(Broken::TimedOut) => return Err(BuildError::TimedOut(self.limit)),
            Err(Broken::Io(error)) => return Err(failed(error).into()),
        };
        sending.end(status.success())?;
        if !status.success() {
            return Err(progress.failure(&emit));
        }
        let cached = progress.finish(&emit);
        let id = std::fs::read_to_string(&id_file).map_err(failed)?;
        // A store of containerd's names images by other digests than builders do.
        let known = self.runtime.block_on(self.named(id.trim()));
        let found = known.or_else(|| self.runtime.block_on(self.named(&job.reference)));
        let id = found.ok_or_else(|| EngineError::Failed {
            step: "find the image it has built",
            reason: format!("there is no image {}", id.trim()),
        })?;
        Ok(Built {
            id,
            cached,
            previous: None,
        })
    }
}

/// The client, if it can do what `job` asks for.
fn fit<'a>(
    client: Option<&'a Client>,
    job: &Job,
    recipient: Recipient,
) -> Result<&'a Client, BuildError> {
    let refused = |words: &str| Err(BuildError::Refused(words.to_owned()));
    if recipient != Recipient::BuildKit {
        return refused(
            "its `secrets`, `ssh` and caches need BuildKit: a Docker engine, without DOCKER_BUILDKIT=0",
        );
    }
    match client {
        None => refused(
            "Docker's command line hands over its `secrets`, `ssh` and caches, and no `docker` in PATH \
             can: install buildx, so that `docker buildx version` works",
        ),
        Some(client) if job.inputs.has_typed_caches() && !client.is_buildx() => {
            refused("its caches of a `type=…` need buildx: `docker buildx version` must work")
        }
        Some(client) => Ok(client),
    }
}
