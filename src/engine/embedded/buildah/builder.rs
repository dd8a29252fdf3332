//! The [`Builder`] without a daemon.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::errors::{PREPARE, broken, failed, missing};
use super::progress::BuildahProgress;
use super::storage::{GRACE, Storage};
use crate::build::{
    Bounds, Broken, BuildContext, BuildError, BuildEvent, BuildListener, Builder, Built, Job,
    Recipient, Sending, follow, programs,
};
use crate::engine::EngineError;
use crate::engine::embedded::EmbeddedEngine;

const KEEP: &str = "take the image into the store";

/// Builds with `buildah`, and puts what it has built into the store of the embedded engine, where
/// `seatrial test` finds it by its name.
pub struct BuildahBuilder {
    engine: EmbeddedEngine,
    storage: Storage,
    stop: watch::Receiver<bool>,
    limit: Duration,
}

impl std::fmt::Debug for BuildahBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BuildahBuilder")
    }
}

impl BuildahBuilder {
    /// Prepares buildah's storage, which no other run uses until this is dropped; it is waited for
    /// one that does. `true` in `stop` ends the build that is under way and all later ones. Each
    /// image may take as long as `limit`.
    ///
    /// # Errors
    /// When there is no buildah, or it can't work here.
    pub fn new(
        engine: EmbeddedEngine,
        program: PathBuf,
        stop: watch::Receiver<bool>,
        limit: Duration,
    ) -> Result<Self, EngineError> {
        let stopped = stop.clone();
        let storage = Storage::open(program, engine.store_folder(), &move || *stopped.borrow())?;
        Ok(Self {
            engine,
            storage,
            stop,
            limit,
        })
    }

    /// Where buildah is; otherwise what to do, as no engine answers either: `why`.
    ///
    /// # Errors
    /// When it is not in `PATH`.
    pub fn find(why: &EngineError) -> Result<PathBuf, EngineError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let first = programs("buildah", &path).next();
        first.ok_or_else(|| missing(why))
    }

    fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Builds, and gives the id of the image and whether it came from the cache.
    fn build_image(
        &self,
        job: &Job,
        emit: &dyn Fn(BuildEvent),
        until: Instant,
    ) -> Result<Built, BuildError> {
        let context = BuildContext::open(&job.context, &job.dockerfile)?;
        let folder = tempfile::tempdir_in(self.storage.temporary())
            .map_err(|error| failed(PREPARE, error))?;
        let id_file = folder.path().join("id");
        let hidden = folder.path().join("hidden");
        // What is ignored is not sent; buildah's own rules for that are others.
        hide(&hidden, context.hidden()).map_err(|error| failed(PREPARE, error))?;
        let mut command = self.storage.command("build");
        let short = (!job.inputs.ssh.is_empty()).then(|| short_name(self.storage.temporary()));
        let short = short.transpose().map_err(|error| failed(PREPARE, error))?;
        if let Some((_, name)) = &short {
            command.env("TMPDIR", name);
        }
        command
            .args(["--layers", "--force-rm", "--format", "oci"])
            .args(["--identity-label=false", "--pull=false", "--network=host"])
            .args(["--isolation", &isolation()])
            .args(["--tag", &job.reference])
            .arg("--file")
            .arg(
                job.dockerfile
                    .canonicalize()
                    .unwrap_or(job.dockerfile.clone()),
            )
            .arg("--ignorefile")
            .arg(&hidden)
            .arg("--iidfile")
            .arg(&id_file);
        for (name, value) in &job.args {
            command.arg("--build-arg").arg(format!("{name}={value}"));
        }
        if let Some(target) = &job.target {
            command.args(["--target", target]);
        }
        // Caches are left out: those of BuildKit mean nothing to buildah, and without them it only takes
        // longer.
        let inputs = &job.inputs;
        if let Some(platform) = &inputs.platform {
            command.args(["--platform", platform]);
        }
        for secret in &inputs.secrets {
            command.args(["--secret", &secret.flag()]);
        }
        for key in &inputs.ssh {
            command.args(["--ssh", key]);
        }
        command.arg("-");

        let (feed, sending) = Sending::begin(context, Recipient::BuildKit);
        let bounds = Bounds {
            is_stopped: &|| self.is_stopped(),
            until,
            grace: GRACE,
        };
        let mut progress = BuildahProgress::default();
        let mut take = |chunk: &[u8]| progress.take(chunk, emit);
        let status = match follow(command, Some(feed), &bounds, &mut take) {
            Ok(status) => status,
            Err(Broken::TimedOut) => return Err(BuildError::TimedOut(self.limit)),
            Err(why) => return Err(broken("build an image", why).into()),
        };
        sending.end(status.success())?;
        if !status.success() {
            return Err(progress.failure(emit));
        }
        let cached = progress.finish(emit);
        let id = std::fs::read_to_string(&id_file)
            .map_err(|error| failed("find the image it has built", error))?;
        let id = id.trim().to_owned();
        Ok(Built {
            id,
            cached,
            previous: None,
        })
    }

    /// Takes the image from buildah's storage into the store.
    fn keep(&self, reference: &str, id: &str, until: Instant) -> Result<(), BuildError> {
        if self.engine.holds(reference, id) {
            return Ok(());
        }
        let folder =
            tempfile::tempdir_in(self.storage.temporary()).map_err(|error| failed(KEEP, error))?;
        let layout = folder.path().join("layout");
        let mut command = self.storage.command("push");
        // zstd's first level costs a tenth of what gzip does.
        command
            .args([
                "--quiet",
                "--compression-format",
                "zstd",
                "--compression-level",
                "1",
            ])
            .arg(id.strip_prefix("sha256:").unwrap_or(id))
            .arg(format!("oci:{}", layout.display()));
        let is_stopped = || self.is_stopped() || Instant::now() >= until;
        match self.storage.ask(KEEP, command, &is_stopped) {
            Err(EngineError::Interrupted) if !self.is_stopped() => {
                return Err(BuildError::TimedOut(self.limit));
            }
            said => said?,
        };
        let image = self.engine.take_in(reference, &layout)?;
        if image.id == id {
            Ok(())
        } else {
            let reason = format!("buildah built {id}, and gave {}", image.id);
            Err(failed(KEEP, reason).into())
        }
    }
}

impl Builder for BuildahBuilder {
    fn build(&self, job: &Job, listener: &dyn BuildListener) -> Result<Built, BuildError> {
        if self.is_stopped() {
            return Err(EngineError::Interrupted.into());
        }
        let until = Instant::now() + self.limit;
        let emit = |event: BuildEvent| listener.on(&job.name, &event);
        let previous = self.engine.built_id(&job.reference);
        let built = self.build_image(job, &emit, until)?;
        self.keep(&job.reference, &built.id, until)?;
        Ok(Built { previous, ..built })
    }

    fn remove(&self, reference: &str) -> Result<(), EngineError> {
        let mut command = self.storage.command("rmi");
        command.arg(reference);
        self.storage
            .ask("remove an image", command, &|| self.is_stopped())?;
        self.engine.forget(reference)
    }

    fn storage(&self) -> Option<PathBuf> {
        Some(self.engine.store_folder().to_owned())
    }

    fn finish(&self) {
        self.storage.prune();
    }
}

/// A short name of `folder`, as long as what is beside it lives: buildah makes sockets below it, whose
/// names can't have more than 107 bytes.
fn short_name(folder: &Path) -> io::Result<(tempfile::TempDir, PathBuf)> {
    let holder = tempfile::tempdir()?;
    let name = holder.path().join("t");
    std::os::unix::fs::symlink(folder, &name)?;
    Ok((holder, name))
}

/// `chroot` needs nothing of the host; who wants another kind says so as for buildah itself.
fn isolation() -> String {
    std::env::var("BUILDAH_ISOLATION")
        .ok()
        .filter(|said| !said.is_empty())
        .unwrap_or_else(|| "chroot".to_owned())
}

fn hide(file: &Path, path: Option<&Path>) -> io::Result<()> {
    let mut file = std::fs::File::create(file)?;
    match path {
        Some(path) => writeln!(file, "/{}", path.display()),
        None => Ok(()),
    }
}
