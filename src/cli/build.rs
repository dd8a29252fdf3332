//! `seatrial build`: builds images of the project, parents first.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::changed::ChangedArgs;
use super::clean::engine_is_chosen;
use super::engines;
use super::exit::Exit;
use super::policy::duration;
use super::progress::{Progress, failure, summary};
use super::rebuilt::{self, RebuiltArgs, engine_of_env};
use super::session::{Session, Trouble, env, require_project};
use crate::build::{BuildError, ImageOutcome, ImageResult, Job, build_images, jobs};
use crate::engine::EngineError;
use crate::engine::docker::DockerBuilder;
use crate::engine::embedded::{BuildahBuilder, Daemon};
use crate::project::Project;

/// The arguments of `seatrial build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// The images to build, with all that they derive from; all if none is named
    #[arg(value_name = "IMAGES", conflicts_with = "changed")]
    pub images: Vec<String>,
    /// The project file; otherwise seatrial.yaml is sought here and in the folders above
    #[arg(long, value_name = "FILE")]
    pub project: Option<PathBuf>,
    /// Show only how each image ended
    #[arg(long, short)]
    pub quiet: bool,
    #[command(flatten)]
    changed: ChangedArgs,
    #[command(flatten)]
    limit: BuildLimit,
    #[command(flatten)]
    rebuilt: RebuiltArgs,
}

/// How long builds may take.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct BuildLimit {
    /// Give up the build of an image after this time
    #[arg(long, value_name = "TIME", default_value = "2h", value_parser = duration)]
    build_timeout: Duration,
}

/// Runs `seatrial build`.
pub fn run(args: &BuildArgs) -> Exit {
    attempt(args).unwrap_or_else(Trouble::tell)
}

fn attempt(args: &BuildArgs) -> Result<Exit, Trouble> {
    let project = require_project(args.project.as_deref())?;
    let mut images = args.images.clone();
    if let Some(change) = args.changed.find(Some(&project), &[])? {
        let Some(names) = change.to_build() else {
            let _ = writeln!(anstream::stdout().lock(), "{}", change.nothing());
            return Ok(Exit::AllPassed);
        };
        images = names;
    }
    let session = Session::start()?;
    let results = build(&session, &project, &images, args.quiet, args.limit)?;
    let _ = write!(anstream::stdout().lock(), "{}", summary(&results));
    let anew = args.rebuilt.of(&results, args.quiet);
    rebuilt::tell(&session, &engine_of_env(), &project.root, &anew);
    Ok(exit(&results, session.signals().received()))
}

/// Builds `names` with all that they derive from, and shows how it goes.
pub(super) fn build(
    session: &Session,
    project: &Project,
    names: &[String],
    quiet: bool,
    limit: BuildLimit,
) -> Result<Vec<ImageResult>, Trouble> {
    let order = project
        .build_order(names)
        .map_err(|error| Trouble::new(Exit::Usage, error))?;
    let jobs = jobs(project, &order, &env).map_err(|mistakes| Trouble::mistakes(&mistakes))?;
    let trouble = |error: EngineError| {
        let signal = session.signals().received();
        Trouble::new(signal.map_or(Exit::Harness, Exit::Signal), error)
    };
    let stop = session.signals().stop();
    let progress = Progress::new(&jobs, quiet);
    let results = match session.connect() {
        Ok((connection, info)) => {
            let handle = session.handle();
            let limit = limit.build_timeout;
            let builder = DockerBuilder::new(connection, &info, handle, stop, limit, &env);
            build_images(project, &order, &jobs, &builder, &progress)
        }
        Err(error) => {
            let builder = without_daemon(session, project, limit, error).map_err(trouble)?;
            let results = build_images(project, &order, &jobs, &builder, &progress);
            builder.prune();
            results
        }
    };
    show(project, &jobs, &results);
    Ok(results)
}

/// Builds with buildah, as no engine answers: `why`. Whoever points to one wants that one.
fn without_daemon(
    session: &Session,
    project: &Project,
    limit: BuildLimit,
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
    let stop = session.signals().stop();
    let engine = engines::unproven(&session.waiter(), Daemon::none(), &project.root)?;
    let _ = writeln!(
        anstream::stderr().lock(),
        "no engine answers: building with buildah"
    );
    BuildahBuilder::new(engine, program, stop, limit.build_timeout)
}

fn show(project: &Project, jobs: &[Job], results: &[ImageResult]) {
    for (job, result) in jobs.iter().zip(results) {
        if let ImageOutcome::Failed(error) = &result.outcome {
            let message = failure(job, error, &project.root);
            let _ = write!(anstream::stderr().lock(), "{message}");
        }
    }
}

fn exit(results: &[ImageResult], signal: Option<i32>) -> Exit {
    let mut exit = Exit::AllPassed;
    for result in results {
        match &result.outcome {
            ImageOutcome::Built(_) => {}
            ImageOutcome::Failed(BuildError::Engine(_)) => {
                return signal.map_or(Exit::Harness, Exit::Signal);
            }
            _ => exit = Exit::Failed,
        }
    }
    // A signal that came when all was done took nothing away.
    exit
}
