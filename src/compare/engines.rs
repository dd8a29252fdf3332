//! Two images of an engine, compared.

use std::time::Duration;

use super::bounds::Bounds;
use super::model::{Comparison, Side, Sizes};
use super::packages::{Both, Place};
use super::{config, files, rpm};
use crate::engine::{Engine, EngineError, Files, Image};
use crate::inspect::packages::Unreadable;

/// After a build nobody waits longer for what changed.
const AFTER_BUILD: Duration = Duration::from_secs(20);

/// What an image became in a build: `old` is the id of the one that its name meant before, `new`
/// what it means now. Does not look at files for longer than 20 seconds; what it could not look at
/// is undecided.
///
/// # Errors
/// When the engine has one of them no more, or breaks off.
pub fn changed(engine: &dyn Engine, old: &str, new: &str) -> Result<Comparison, EngineError> {
    compare(engine, old, new, Bounds::within(AFTER_BUILD))
}

/// What differs between two images, each by any name that the engine understands.
///
/// # Errors
/// When the engine does not have one of them, or breaks off.
pub fn compare(
    engine: &dyn Engine,
    old: &str,
    new: &str,
    bounds: Bounds,
) -> Result<Comparison, EngineError> {
    let (old, new) = (engine.image(old)?, engine.image(new)?);
    let mut found = Comparison {
        version: 1,
        old: side(&old),
        new: side(&new),
        packages: Vec::new(),
        config: config::compare(&old, &new),
        sizes: Sizes::default(),
        files: Vec::new(),
        undecided: Vec::new(),
    };
    if old.id == new.id {
        return Ok(found);
    }
    let (old_files, new_files) = (engine.files(&old), engine.files(&new));
    let files = match files::compare(&*old_files, &*new_files, bounds) {
        Ok(files) => {
            if files.owners_unknown {
                let words = "whether owners of files differ: the engine does not tell them";
                found.undecided.push(words.to_owned());
            }
            found.sizes = files.growth.sizes();
            Some(files.files)
        }
        Err(EngineError::TimedOut { limit, .. }) if bounds.are_over() => {
            let seconds = limit.as_secs();
            let words = format!(
                "files, and the packages of pip, conda, R and rpm: that would take more than {seconds}s"
            );
            found.undecided.push(words);
            None
        }
        Err(error) => return Err(error),
    };
    let before = place(&*old_files, &old);
    let after = place(&*new_files, &new);
    let mut both = Both::default();
    match both.add_listed(&before, &after) {
        Ok(()) => {}
        Err(Unreadable::Engine(error)) => return Err(error),
        Err(error @ Unreadable::Broken { .. }) => {
            found.undecided.push(format!("packages: {error}"));
        }
    }
    if let Some(files) = files {
        both.add_recorded(&before, &after, &files)?;
        if rpm::is_touched(&files) {
            match (rpm::packages(engine, &old)?, rpm::packages(engine, &new)?) {
                (Ok(old), Ok(new)) => {
                    both.old.extend(old);
                    both.new.extend(new);
                }
                (Err(why), _) | (_, Err(why)) => {
                    found.undecided.push(format!("the packages of rpm: {why}"));
                }
            }
        }
        found.files = files;
    }
    found.packages = both.changes();
    engine.confirm(&old)?;
    engine.confirm(&new)?;
    Ok(found)
}

fn side(image: &Image) -> Side {
    Side {
        reference: image.reference.clone(),
        id: image.id.clone(),
        size: image.size,
    }
}

fn place<'a>(files: &'a dyn Files, image: &'a Image) -> Place<'a> {
    let env = &image.config.env;
    Place { files, env }
}
