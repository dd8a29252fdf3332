//! `seatrial affected`: which images a change concerns.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::changed::Change;
use super::exit::Exit;
use super::session::{Trouble, env, require_project};
use crate::affected::AffectedImage;
use crate::diagnostic::Diagnostics;
use crate::plan::Plan;
use crate::project::Project;
use crate::report::text::terminal_text;
use crate::spec::{Inputs, LoadError, Spec, load};

/// The arguments of `seatrial affected`.
#[derive(Debug, Args)]
pub struct AffectedArgs {
    /// What changed: BASE..HEAD as for a pull request, or BASE for all that is different here since
    #[arg(long, value_name = "BASE..HEAD", default_value = "HEAD")]
    changed: String,
    /// The project file; otherwise seatrial.yaml is sought here and in the folders above
    #[arg(long, value_name = "FILE")]
    project: Option<PathBuf>,
    /// Print a JSON list in one line, such as for the matrix of a CI system
    #[arg(long)]
    json: bool,
}

/// An image in the JSON list.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    name: &'a str,
    action: &'static str,
    because: String,
}

/// Runs `seatrial affected`.
pub fn run(args: &AffectedArgs) -> Exit {
    attempt(args).unwrap_or_else(Trouble::tell)
}

fn attempt(args: &AffectedArgs) -> Result<Exit, Trouble> {
    let project = require_project(args.project.as_deref())?;
    let specs = specs(&project)?;
    let specs: Vec<&Spec> = specs.iter().collect();
    let change = Change::find(&args.changed, &project, &specs)?;
    let images = &change.affected.images;
    let text = if args.json {
        json(images)?
    } else if images.is_empty() {
        change.nothing()
    } else {
        format!("{}\n\n{}", change.summary(), table(images))
    };
    match writeln!(anstream::stdout().lock(), "{text}") {
        Ok(()) => Ok(Exit::AllPassed),
        Err(error) => {
            let message = format!("can't write the list: {error}");
            Err(Trouble::new(Exit::Harness, message))
        }
    }
}

fn json(images: &[AffectedImage]) -> Result<String, Trouble> {
    let entries = images.iter().map(|image| Entry {
        name: &image.name,
        action: image.action.word(),
        because: image.because(),
    });
    let entries: Vec<Entry<'_>> = entries.collect();
    serde_json::to_string(&entries).map_err(|error| Trouble::new(Exit::Harness, error))
}

fn table(images: &[AffectedImage]) -> String {
    let lines = images.iter().map(|image| {
        let (action, because) = (image.action.word(), image.because());
        terminal_text(format!("{action:<5}  {because}"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// All specs of the project; none if there are none yet.
fn specs(project: &Project) -> Result<Vec<Spec>, Trouble> {
    let inputs = Inputs {
        project: Some(project),
        env: &env,
    };
    if !project.specs.is_dir() {
        return Ok(Vec::new());
    }
    let loaded = match load(&project.root, std::slice::from_ref(&project.specs), inputs) {
        Ok(loaded) => loaded,
        Err(LoadError::NoSpec(_)) => return Ok(Vec::new()),
        Err(error) => return Err(Trouble::new(Exit::InvalidSpec, error)),
    };
    // Who follows from whom is certain only if the plan is.
    let plan = Plan::new(
        loaded.specs.clone(),
        Vec::new(),
        Some(project),
        &project.root,
    );
    let mut mistakes = loaded.mistakes;
    mistakes.extend(plan.err().map(|more| more.0).unwrap_or_default());
    if mistakes.is_empty() {
        Ok(loaded.specs)
    } else {
        Err(Trouble::mistakes(&Diagnostics(mistakes)))
    }
}
