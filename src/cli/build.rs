//! `seatrial build`: builds images of the project, parents first.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tokio::runtime::{Builder as RuntimeBuilder, Runtime};

use super::exit::Exit;
use super::progress::{Progress, failure, summary};
use super::signals::Signals;
use crate::build::{BuildError, ImageOutcome, ImageResult, Job, build_images, jobs};
use crate::diagnostic::Diagnostics;
use crate::engine::EngineError;
use crate::engine::docker::{DockerBuilder, connect};
use crate::project::{FILE_NAME, Project, ProjectError};

/// Threads that hang in the file system are not waited for any longer than this.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// The arguments of `seatrial build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// The images to build, with all that they derive from; all if none is named
    #[arg(value_name = "IMAGES")]
    pub images: Vec<String>,
    /// The project file; otherwise seatrial.yaml is sought here and in the folders above
    #[arg(long, value_name = "FILE")]
    pub project: Option<PathBuf>,
    /// Show only how each image ended
    #[arg(long, short)]
    pub quiet: bool,
}

/// Runs `seatrial build`.
pub fn run(args: &BuildArgs) -> Exit {
    match attempt(args) {
        Ok(exit) => exit,
        Err(Trouble { message, exit }) => {
            // A failure to complain leaves the exit code to tell.
            let _ = writeln!(anstream::stderr().lock(), "{message}");
            exit
        }
    }
}

/// Why nothing was built.
struct Trouble {
    message: String,
    exit: Exit,
}

impl Trouble {
    fn new(exit: Exit, message: impl std::fmt::Display) -> Self {
        let message = format!("error: {message}");
        Self { message, exit }
    }

    fn mistakes(mistakes: &Diagnostics) -> Self {
        Self {
            // anstream takes the colours out again where they are not wanted.
            message: mistakes.render(std::io::stderr().is_terminal()),
            exit: Exit::InvalidSpec,
        }
    }
}

fn attempt(args: &BuildArgs) -> Result<Exit, Trouble> {
    let env = |name: &str| std::env::var(name).ok();
    let project = project(args)?;
    let order = project
        .build_order(&args.images)
        .map_err(|error| Trouble::new(Exit::Usage, error))?;
    let jobs = jobs(&project, &order, &env).map_err(|mistakes| Trouble::mistakes(&mistakes))?;

    let runtime = RuntimeBuilder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Trouble::new(Exit::Harness, format!("can't start threads: {error}")))?;
    let signals = Signals::listen(runtime.handle())
        .map_err(|error| Trouble::new(Exit::Harness, format!("can't await signals: {error}")))?;
    let results = match builder(&runtime, &signals) {
        Ok(builder) => {
            let progress = Progress::new(&jobs, args.quiet);
            Ok(build_images(&project, &order, &jobs, &builder, &progress))
        }
        Err(error) => Err(error),
    };
    runtime.shutdown_timeout(LAST_WAIT);
    match results {
        Ok(results) => {
            show(&project, &jobs, &results);
            Ok(exit(&results, signals.received()))
        }
        Err(error) => Err(Trouble::new(
            signals.received().map_or(Exit::Harness, Exit::Signal),
            error,
        )),
    }
}

fn project(args: &BuildArgs) -> Result<Project, Trouble> {
    let found = match &args.project {
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
        Ok(Some(project)) => Ok(project),
        Ok(None) => Err(Trouble::new(
            Exit::Usage,
            format!(
                "there is no {FILE_NAME} in this folder or above it, which says what to build; \
                 name one with --project FILE"
            ),
        )),
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

fn builder(runtime: &Runtime, signals: &Signals) -> Result<DockerBuilder, EngineError> {
    let env = |name: &str| std::env::var(name).ok();
    let connection = connect(&env)?;
    let mut stop = signals.stop();
    let info = runtime.block_on(async {
        tokio::select! {
            info = connection.identify() => info,
            Ok(_) = stop.wait_for(|stop| *stop) => Err(EngineError::Interrupted),
        }
    })?;
    let handle = runtime.handle().clone();
    Ok(DockerBuilder::new(
        connection,
        &info,
        handle,
        signals.stop(),
        &env,
    ))
}

fn show(project: &Project, jobs: &[Job], results: &[ImageResult]) {
    for (job, result) in jobs.iter().zip(results) {
        if let ImageOutcome::Failed(error) = &result.outcome {
            let message = failure(job, error, &project.root);
            let _ = write!(anstream::stderr().lock(), "{message}");
        }
    }
    let _ = write!(anstream::stdout().lock(), "{}", summary(results));
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
