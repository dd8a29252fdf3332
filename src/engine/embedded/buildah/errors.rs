//! What goes wrong with buildah itself, in words that say what to do.

use std::path::Path;

use crate::build::Broken;
use crate::engine::EngineError;
pub(super) use crate::engine::embedded::client::failed;

pub(super) const PREPARE: &str = "prepare a build without a daemon";

/// No daemon answers, and buildah is not there.
pub(super) fn missing(why: &EngineError) -> EngineError {
    EngineError::Configuration(format!(
        "there is nothing to build with: {why}; without a daemon `buildah` builds, and it is not in PATH: install the \
         package buildah (`apt-get install buildah`)"
    ))
}

pub(super) fn broken(step: &'static str, broken: Broken) -> EngineError {
    match broken {
        Broken::Stopped => EngineError::Interrupted,
        Broken::TimedOut => failed(step, "buildah took too long"),
        Broken::Io(error) => failed(step, format!("buildah: {error}")),
    }
}

/// What buildah wrote, cut to its last words.
pub(super) fn words(text: &str) -> String {
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    last.unwrap_or("it said nothing")
        .trim_start_matches("Error: ")
        .to_owned()
}

pub(super) fn unusable(folder: &Path, reason: &str) -> EngineError {
    failed(
        PREPARE,
        format!(
            "buildah can't use {} with overlay or vfs: {reason}",
            folder.display()
        ),
    )
}
