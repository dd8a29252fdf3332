//! `seatrial diff`: what differs between two images.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::engines::EngineArg;
use super::exit::Exit;
use super::session::{Session, Trouble, find_project};
use crate::compare::{Bounds, Comparison, Shown, compare, json, text};
use crate::engine::EngineError;
use crate::project::Project;

/// The arguments of `seatrial diff`.
#[derive(Debug, Args)]
#[command(after_help = "Ends with 0 if nothing differs, with 1 if something does.")]
pub struct DiffArgs {
    /// The first image: a name of the project file, or any reference
    #[arg(value_name = "IMAGE_A")]
    old: String,
    /// The second image
    #[arg(value_name = "IMAGE_B")]
    new: String,
    /// Show every file that differs
    #[arg(long)]
    files: bool,
    /// Print JSON, with all that differs
    #[arg(long)]
    json: bool,
    /// The project file; otherwise seatrial.yaml is sought here and in the folders above
    #[arg(long, value_name = "FILE")]
    project: Option<PathBuf>,
    #[command(flatten)]
    engine: EngineArg,
}

/// Runs `seatrial diff`.
pub fn run(args: &DiffArgs) -> Exit {
    attempt(args).unwrap_or_else(Trouble::tell)
}

fn attempt(args: &DiffArgs) -> Result<Exit, Trouble> {
    let project = find_project(args.project.as_deref())?;
    let root = match &project {
        Some(project) => project.root.clone(),
        None => std::env::current_dir().unwrap_or_default(),
    };
    let session = Session::start()?;
    let trouble = |error: EngineError| session.trouble(error);
    let engine = args
        .engine
        .choice
        .engines(&session, &root)
        .start()
        .map_err(trouble)?;
    let names = [&args.old, &args.new].map(|name| reference(project.as_ref(), name));
    let found = compare(&*engine, &names[0], &names[1], Bounds::none());
    let closed = engine.close();
    let found = found.map_err(trouble)?;
    closed.map_err(trouble)?;
    let shown = if args.files {
        Shown::AllFiles
    } else {
        Shown::Some
    };
    let said = if args.json {
        // Never coloured, but also not to be changed.
        write!(std::io::stdout().lock(), "{}", json(&found))
    } else {
        write!(anstream::stdout().lock(), "{}", text(&found, shown))
    };
    match said {
        // Who has seen enough, as `head` has, has not been failed.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let message = format!("can't write what differs: {error}");
            Err(Trouble::new(Exit::Harness, message))
        }
        _ => Ok(exit(&found)),
    }
}

/// What the engine knows an image by.
fn reference(project: Option<&Project>, name: &str) -> String {
    let known = project.and_then(|project| project.image(name));
    known.map_or_else(|| name.to_owned(), |image| image.reference.clone())
}

/// As diff(1) has it. That nothing differs can't be said where something was not compared.
fn exit(found: &Comparison) -> Exit {
    match (found.is_empty(), found.undecided.is_empty()) {
        (false, _) => Exit::Failed,
        (true, true) => Exit::AllPassed,
        (true, false) => Exit::Harness,
    }
}
