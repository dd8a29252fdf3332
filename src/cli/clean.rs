//! `seatrial clean`: removes what runs left that were killed.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use clap::Args;

use super::engines;
use super::exit::Exit;
use super::session::{Session, Trouble, env};
use crate::cache::clear;
use crate::engine::docker::{
    Cleaned, Effort, Leftover, What, clean_containers, clean_folders, find_containers,
};
use crate::engine::embedded::{Daemon, clean_embedded, results_folder};
use crate::engine::{Engine, EngineError, docker::DockerEngine};
use crate::report::text::{one_line, terminal_text};

/// The arguments of `seatrial clean`.
#[derive(Debug, Args)]
pub struct CleanArgs {
    /// Only show what would be removed
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Also empty the store of unpacked layers and of images that were built without a daemon
    #[arg(long, conflicts_with = "dry_run")]
    store: bool,
    /// Also forget which checks have passed, so that all are performed again
    #[arg(long, conflicts_with = "dry_run")]
    results: bool,
}

/// Runs `seatrial clean`.
pub fn run(args: &CleanArgs) -> Exit {
    attempt(args).unwrap_or_else(Trouble::tell)
}

fn attempt(args: &CleanArgs) -> Result<Exit, Trouble> {
    let dry_run = args.dry_run;
    let session = Session::start()?;
    let folders = clean_folders(dry_run);
    // Whoever left a folder may have asked for a container with the last breath.
    let suspicion = folders.as_ref().is_ok_and(|it| !it.removed.is_empty());
    let containers = containers(&session, dry_run, suspicion);
    let mut cleaned = Cleaned::default();
    let mut troubles = Vec::new();
    match containers {
        Ok(found) => extend(&mut cleaned, found),
        Err(EngineError::Interrupted) => {}
        // None is there by design, unless somebody has said where it is.
        Err(error @ EngineError::Unreachable { .. }) if !engine_is_chosen() => {
            let _ = writeln!(
                anstream::stderr().lock(),
                "no engine answers: nothing is cleaned up on one ({})",
                terminal_text(error.to_string())
            );
        }
        Err(error) => troubles.push(Trouble::new(Exit::Harness, error)),
    }
    extend(&mut cleaned, clean_embedded(dry_run));
    match folders {
        Ok(found) => extend(&mut cleaned, found),
        Err(error) => {
            let message = format!("can't read the temporary folder: {error}");
            troubles.push(Trouble::new(Exit::Harness, message));
        }
    }
    let _ = write!(anstream::stdout().lock(), "{}", show(&cleaned, dry_run));
    troubles.extend(
        warnings(&cleaned)
            .into_iter()
            .map(|it| Trouble::new(Exit::Harness, it)),
    );
    if args.store && session.signals().received().is_none() {
        match clear_store(&session) {
            Ok(told) => {
                let _ = write!(anstream::stdout().lock(), "{told}");
            }
            Err(error) => troubles.push(Trouble::new(Exit::Harness, error)),
        }
    }
    if args.store || args.results {
        match clear_results() {
            Ok(told) => {
                let _ = write!(anstream::stdout().lock(), "{told}");
            }
            Err(trouble) => troubles.push(trouble),
        }
    }
    let mut exit = Exit::AllPassed;
    for trouble in troubles {
        exit = trouble.tell();
    }
    Ok(session.signals().received().map_or(exit, Exit::Signal))
}

/// Whether somebody has said where the engine is.
pub(super) fn engine_is_chosen() -> bool {
    ["DOCKER_HOST", "DOCKER_CONTEXT"]
        .iter()
        .any(|name| env(name).is_some_and(|said| !said.is_empty()))
}

/// Empties the store, and tells of it.
fn clear_store(session: &Session) -> Result<String, EngineError> {
    let root = std::env::current_dir().unwrap_or_default();
    let engine = engines::unproven(&session.waiter(), Daemon::none(), &root)?;
    let cleared = engine.clear_store()?;
    let folder = engine.store_folder().display().to_string();
    let mut told = format!(
        "removed {} layers of the store {}: about {} MB\n",
        cleared.removed,
        one_line(&folder),
        cleared.freed / 1_000_000
    );
    if cleared.in_use > 0 {
        let _ = writeln!(told, "left {} layers that a run uses", cleared.in_use);
    }
    if cleared.builds {
        told.push_str("left what buildah keeps: a run builds\n");
    }
    let _ = engine.close();
    if cleared.failed.is_empty() {
        return Ok(told);
    }
    Err(EngineError::Failed {
        step: "empty the store",
        reason: cleared.failed.join("; "),
    })
}

/// Removes what is known of earlier runs, and tells of it.
fn clear_results() -> Result<String, Trouble> {
    let folder = results_folder().map_err(|error| Trouble::new(Exit::Harness, error))?;
    let cleared = clear(&folder).map_err(|error| {
        let message = format!("can't remove the results in {}: {error}", folder.display());
        Trouble::new(Exit::Harness, message)
    })?;
    let images = match cleared.images {
        1 => "1 image".to_owned(),
        images => format!("{images} images"),
    };
    Ok(format!("removed the results of {images}\n"))
}

fn containers(session: &Session, dry_run: bool, suspicion: bool) -> Result<Cleaned, EngineError> {
    let (connection, _) = session.connect()?;
    let effort = Effort {
        limit: Duration::from_secs(120),
        looks: 5,
        pause: Duration::from_millis(500),
        suspicion,
    };
    let work = async {
        if dry_run {
            find_containers(&connection).await
        } else {
            clean_containers(&connection, effort).await
        }
    };
    session.waiter().wait(work)
}

/// Removes what dead runs left before a run begins, and warns of what stays.
pub(super) fn before_run(engine: &DockerEngine) {
    let mut told = Vec::new();
    match engine.clean() {
        Ok(cleaned) => told.extend(warnings(&cleaned)),
        // The checks will say that they were interrupted.
        Err(EngineError::Interrupted) => return,
        Err(error) => told.push(format!(
            "what earlier runs left on {} could not be sought: {error}",
            engine.info().kind
        )),
    }
    match clean_folders(false) {
        Ok(cleaned) => told.extend(warnings(&cleaned)),
        Err(error) => told.push(format!("can't read the temporary folder: {error}")),
    }
    for warning in told {
        let warning = terminal_text(format!("warning: {warning}"));
        let _ = writeln!(anstream::stderr().lock(), "{warning}");
    }
}

fn extend(all: &mut Cleaned, more: Cleaned) {
    all.removed.extend(more.removed);
    all.left.extend(more.left);
    all.failed.extend(more.failed);
}

/// What stays though nobody uses it.
fn warnings(cleaned: &Cleaned) -> Vec<String> {
    let failed = cleaned.failed.iter();
    failed
        .map(|(it, reason)| format!("the {} could not be removed: {reason}", describe(it)))
        .collect()
}

fn show(cleaned: &Cleaned, dry_run: bool) -> String {
    let verb = if dry_run { "would remove" } else { "removed" };
    let mut text = String::new();
    for (verb, leftovers) in [(verb, &cleaned.removed), ("left", &cleaned.left)] {
        for it in leftovers {
            let reason = one_line(&it.reason);
            let _ = writeln!(text, "{verb} the {}: {reason}", describe(it));
        }
    }
    if text.is_empty() && cleaned.failed.is_empty() {
        text.push_str("nothing of any run is there\n");
    }
    text
}

fn describe(leftover: &Leftover) -> String {
    let what = match leftover.what {
        What::Container => "container",
        What::Folder => "folder",
        What::ControlGroup => "control group",
    };
    let name = one_line(&leftover.name);
    if leftover.purpose.is_empty() {
        format!("{what} {name}")
    } else {
        format!("{what} {name} ({})", one_line(&leftover.purpose))
    }
}
