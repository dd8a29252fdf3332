//! Where images are built: what builds them, how many at once, and what is told of them.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clap::Args;
use tokio::sync::watch;

use super::clean::engine_is_chosen;
use super::engines;
use super::exit::Exit;
use super::policy::duration;
use super::progress::{Progress, failure, name_width, summary_line};
use super::prune::Pruner;
use super::room::Roomy;
use super::session::{Session, Trouble, env};
use crate::build::{Builder, Crew, ImageOutcome, ImageResult, Job, jobs};
use crate::engine::EngineError;
use crate::engine::docker::DockerBuilder;
use crate::engine::embedded::{BuildahBuilder, Daemon};
use crate::platform::Platform;
use crate::project::Project;
use crate::report::screen;
use crate::run::{Building, Told};
use crate::spec::parse_bytes;

/// How images are built.
#[derive(Debug, Clone, Args)]
pub(super) struct BuildLimits {
    /// Build for this platform, such as linux/arm64, instead of this host's or the first that an image
    /// is made for
    #[arg(long, value_name = "PLATFORM", value_parser = platform)]
    platform: Option<Platform>,
    /// Give up the build of an image after this time
    #[arg(long, value_name = "TIME", default_value = "2h", value_parser = duration)]
    build_timeout: Duration,
    /// Show all that builds write, on a terminal, too, instead of what they are at
    #[arg(long)]
    build_log: bool,
    /// How many images are built at once, of those whose parents are there
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u16).range(1..))]
    build_jobs: u16,
    /// Build nothing where images are kept when less than this is free, such as 500MB or 20GiB
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = size)]
    min_free: u64,
}

/// Whether what was built stays.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(super) struct PruneArg {
    /// Remove each image that this run has built as soon as nothing of the run needs it any more
    #[arg(long)]
    pub(super) prune_after_each: bool,
}

fn size(text: &str) -> Result<u64, String> {
    parse_bytes(text)
        .ok_or_else(|| "a size is a number with a unit, such as 500MB or 1GiB".to_owned())
}

fn platform(text: &str) -> Result<Platform, String> {
    Platform::read(text)
        .ok_or_else(|| "a platform is os/architecture, such as linux/amd64".to_owned())
}

/// All that is needed to build images of a project.
pub(super) struct Site<'a> {
    project: &'a Project,
    order: Vec<usize>,
    jobs: Vec<Job>,
    builder: Arc<dyn Builder>,
    progress: Progress,
    at_once: usize,
    stop: watch::Sender<bool>,
    pruner: Option<Arc<Pruner>>,
    /// Where each image is told of as soon as it is done: to the standard error, or else to the
    /// standard output.
    pub(super) to_stderr: bool,
    /// What came of the builds.
    built: Mutex<Vec<ImageResult>>,
}

impl<'a> Site<'a> {
    /// Finds what builds `names` with all that they derive from.
    pub(super) fn prepare(
        session: &Session,
        project: &'a Project,
        names: &[String],
        quiet: bool,
        limits: &BuildLimits,
        prune: PruneArg,
    ) -> Result<Self, Trouble> {
        let order = project
            .build_order(names)
            .map_err(|error| Trouble::new(Exit::Usage, error))?;
        let jobs = jobs(project, &order, &env, limits.platform.as_ref());
        let jobs = jobs.map_err(|mistakes| Trouble::mistakes(&mistakes))?;
        let stop = stop(session);
        let timeout = limits.build_timeout;
        let builder: Arc<dyn Builder> = match session.connect() {
            Ok((connection, info)) => {
                let handle = session.handle();
                let stop = stop.subscribe();
                let builder = DockerBuilder::new(connection, &info, handle, stop, timeout, &env);
                Arc::new(builder)
            }
            Err(error) => {
                let stop = stop.subscribe();
                let builder = without_daemon(session, project, timeout, stop, error);
                Arc::new(builder.map_err(|error| session.trouble(error))?)
            }
        };
        let builder: Arc<dyn Builder> = Arc::new(Roomy::new(builder, limits.min_free));
        let pruner = prune
            .prune_after_each
            .then(|| Arc::new(Pruner::new(Arc::clone(&builder), project, &order)));
        Ok(Self {
            project,
            builder,
            progress: Progress::new(&jobs, quiet, limits.build_log),
            order,
            jobs,
            at_once: limits.build_jobs.into(),
            stop,
            pruner,
            to_stderr: false,
            built: Mutex::default(),
        })
    }

    /// Builds, tells of each image as soon as it is done, and gives what came of all.
    pub(super) fn build(&self, told: &(dyn Fn(&Job, &ImageResult) + Sync)) -> Vec<ImageResult> {
        let width = name_width(self.jobs.iter().map(|job| job.name.as_str()));
        let done = |result: &ImageResult| {
            let Some(job) = self.jobs.iter().find(|job| job.name == result.name) else {
                return;
            };
            self.progress.ended(&result.name);
            screen::above(|| {
                if let ImageOutcome::Failed(error) = &result.outcome {
                    let message = failure(job, error, &self.project.root);
                    let _ = write!(anstream::stderr().lock(), "{message}");
                }
                let line = summary_line(result, width);
                // Nobody reads a closed stream: that is no reason to break off.
                let _ = if self.to_stderr {
                    writeln!(anstream::stderr().lock(), "{line}")
                } else {
                    writeln!(anstream::stdout().lock(), "{line}")
                };
            });
            told(job, result);
            if let Some(pruner) = &self.pruner {
                pruner.done(result);
            }
        };
        let crew = Crew {
            builder: &*self.builder,
            listener: &self.progress,
            at_once: self.at_once,
            done: &done,
        };
        let results = crew.build(self.project, &self.order, &self.jobs);
        self.builder.finish();
        results
    }

    /// The same while a run goes on, which tests `tested` of them.
    pub(super) fn beside(&mut self, to_stderr: bool, tested: &[String]) -> Building<'_> {
        self.to_stderr = to_stderr;
        if let Some(pruner) = &self.pruner {
            pruner.await_tests(tested);
        }
        let pruner = self.pruner.clone();
        let site = &*self;
        Building {
            names: site.jobs.iter().map(|job| job.name.clone()).collect(),
            work: Box::new(move |run: &Told<'_>| {
                let results = site.build(&|job, result| {
                    let problem = job.problem(&result.outcome, &site.project.root);
                    run(&job.name, problem.map_or(Ok(()), Err));
                });
                *site.built.lock().unwrap_or_else(PoisonError::into_inner) = results;
            }),
            stop: Box::new(move || {
                site.stop.send_replace(true);
            }),
            tested: Arc::new(move |image| {
                if let Some(pruner) = &pruner {
                    pruner.tested(image);
                }
            }),
        }
    }

    /// What came of the builds that went on [beside](Self::beside) a run, which are over.
    pub(super) fn built(&self) -> MutexGuard<'_, Vec<ImageResult>> {
        self.built.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes what could not be removed before.
    pub(super) fn finish(&self) {
        if let Some(pruner) = &self.pruner {
            pruner.finish();
        }
    }
}

/// Ends builds with the session, or earlier.
fn stop(session: &Session) -> watch::Sender<bool> {
    let stop = watch::Sender::new(false);
    let (ours, mut all) = (stop.clone(), session.signals().stop());
    session.handle().spawn(async move {
        if all.wait_for(|stopped| *stopped).await.is_ok() {
            ours.send_replace(true);
        }
    });
    stop
}

/// Builds with buildah, as no engine answers: `why`. Whoever points to one wants that one.
fn without_daemon(
    session: &Session,
    project: &Project,
    timeout: Duration,
    stop: watch::Receiver<bool>,
    why: EngineError,
) -> Result<BuildahBuilder, EngineError> {
    let stays = matches!(
        why,
        EngineError::Interrupted | EngineError::Configuration(_)
    );
    if stays || engine_is_chosen() {
        return Err(why);
    }
    let program = BuildahBuilder::find(&why)?;
    let engine = engines::unproven(&session.waiter(), Daemon::none(), &project.root)?;
    let _ = writeln!(
        anstream::stderr().lock(),
        "no engine answers: building with buildah"
    );
    BuildahBuilder::new(engine, program, stop, timeout)
}
