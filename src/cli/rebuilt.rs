//! What builds changed in the images that they made anew.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;

use super::engines::EngineChoice;
use super::session::{Session, env};
use crate::build::{ImageOutcome, ImageResult};
use crate::compare::{changed, short};
use crate::engine::EngineError;
use crate::report::text::terminal_text;

/// Once this is over, no further image is looked at.
const ENOUGH: Duration = Duration::from_secs(30);

/// Whether it is told.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct RebuiltArgs {
    /// Do not tell what changed in images that were built anew
    #[arg(long)]
    no_diff: bool,
}

/// An image that is another one than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rebuilt {
    name: String,
    old: String,
    new: String,
}

impl RebuiltArgs {
    /// The images that are told of.
    pub(super) fn of(self, results: &[ImageResult], quiet: bool) -> Vec<Rebuilt> {
        if self.no_diff || quiet {
            return Vec::new();
        }
        let results = results.iter();
        let rebuilt = results.filter_map(|result| match &result.outcome {
            ImageOutcome::Built(built) => {
                let old = built.previous.clone().filter(|old| *old != built.id)?;
                Some(Rebuilt {
                    name: result.name.clone(),
                    old,
                    new: built.id.clone(),
                })
            }
            _ => None,
        });
        rebuilt.collect()
    }
}

/// Tells what changed, on the standard error. That it can't be told is no fault of a build or a run.
pub(super) fn tell(session: &Session, choice: &EngineChoice, root: &Path, rebuilt: &[Rebuilt]) {
    if rebuilt.is_empty() || session.signals().why().is_some() {
        return;
    }
    let engine = match choice.engines(session, root).start() {
        Ok(engine) => engine,
        Err(error) => return untold("", &error),
    };
    let begun = Instant::now();
    for image in rebuilt {
        if begun.elapsed() > ENOUGH {
            let how = format!("seatrial diff {} {}", image.old, image.new);
            say(&format!("changed: {}, as `{how}` tells\n", image.name));
            continue;
        }
        match changed(&*engine, &image.old, &image.new) {
            Ok(found) => say(&format!(
                "changed: {}\n{}",
                terminal_text(&image.name),
                short(&found)
            )),
            Err(EngineError::Interrupted) => break,
            Err(error) => untold(&image.name, &error),
        }
    }
    // What is left is found by its label, by the next run.
    let _ = engine.close();
}

/// What runs containers unless a command line says so.
pub(super) fn engine_of_env() -> EngineChoice {
    let said = env("SEATRIAL_ENGINE").and_then(|said| said.parse().ok());
    said.unwrap_or(EngineChoice::Auto)
}

fn untold(name: &str, error: &EngineError) {
    // One that was removed, as builds do with what has no name any more, is nothing to speak of.
    if !matches!(error, EngineError::NoSuchImage { .. }) {
        let words = format!("what changed in {name} can't be told: {error}");
        say(&format!("{}\n", terminal_text(words)));
    }
}

fn say(words: &str) {
    let _ = write!(anstream::stderr().lock(), "{words}");
}
