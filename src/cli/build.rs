//! `seatrial build`: builds images of the project, parents first.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::changed::ChangedArgs;
use super::exit::Exit;
use super::rebuilt::{self, RebuiltArgs, engine_of_env};
use super::session::{Session, Trouble, require_project};
use super::site::{BuildLimits, PruneArg, Site};
use crate::build::{BuildError, ImageOutcome, ImageResult};

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
    limits: BuildLimits,
    #[command(flatten)]
    prune: PruneArg,
    #[command(flatten)]
    rebuilt: RebuiltArgs,
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
    let site = Site::prepare(
        &session,
        &project,
        &images,
        args.quiet,
        &args.limits,
        args.prune,
    )?;
    let results = site.build(&|_, _| {});
    site.finish();
    let anew = args.rebuilt.of(&results, args.quiet);
    rebuilt::tell(&session, &engine_of_env(), &project.root, &anew);
    Ok(exit(&results, session.signals().received()))
}

fn exit(results: &[ImageResult], signal: Option<i32>) -> Exit {
    let mut exit = Exit::AllPassed;
    for result in results {
        match &result.outcome {
            ImageOutcome::Built(_) => {}
            ImageOutcome::Failed(BuildError::Engine(_) | BuildError::NoSpace(_)) => {
                return signal.map_or(Exit::Harness, Exit::Signal);
            }
            _ => exit = Exit::Failed,
        }
    }
    // A signal that came when all was done took nothing away.
    exit
}
