//! Builds the images of a project, parents first.

use std::path::Path;
use std::time::Duration;

use super::builder::{BuildError, BuildListener, Builder, Built, Job};
use super::parallel::Crew;
use crate::diagnostic::Diagnostics;
use crate::engine::EngineError;
use crate::platform::Platform;
use crate::project::{Inputs, Project};

/// What came of one image.
#[derive(Debug)]
pub struct ImageResult {
    /// Its name.
    pub name: String,
    /// What it is tagged with, if it was built.
    pub reference: String,
    /// How long the build took.
    pub duration: Duration,
    /// What came of it.
    pub outcome: ImageOutcome,
}

/// What came of the build of one image.
#[derive(Debug)]
pub enum ImageOutcome {
    /// It is there.
    Built(Built),
    /// It is not there.
    Failed(BuildError),
    /// It was not tried, because this parent is not there.
    ParentFailed(String),
    /// It was not tried, because an earlier build was interrupted or lost the engine.
    NotTried,
}

/// One job for each image of `order`, for `platform` if that is said.
///
/// # Errors
/// Every build argument that can't be filled in, secret that is not there, and image that is not made
/// for the platform; nothing is built then.
pub fn jobs(
    project: &Project,
    order: &[usize],
    env: &dyn Fn(&str) -> Option<String>,
    platform: Option<&Platform>,
) -> Result<Vec<Job>, Diagnostics> {
    let mut jobs = Vec::new();
    let mut mistakes = Vec::new();
    for image in order.iter().map(|at| &project.images[*at]) {
        let inputs = project.inputs(image, env);
        let inputs = inputs.map_err(|more| mistakes.extend(more)).ok();
        let platform = image.platform_to_build(platform);
        let platform = platform.map_err(|mistake| mistakes.push(mistake)).ok();
        let args = project.arguments(image, env);
        let args = args.map_err(|more| mistakes.extend(more.0)).ok();
        if let (Some(args), Some(inputs), Some(platform)) = (args, inputs, platform) {
            jobs.push(Job {
                name: image.name.value.clone(),
                reference: image.reference.clone(),
                context: image.context.clone(),
                dockerfile: image.dockerfile.clone(),
                args,
                target: image.target.clone(),
                inputs: Inputs { platform, ..inputs },
            });
        }
    }
    if mistakes.is_empty() {
        Ok(jobs)
    } else {
        Err(Diagnostics(mistakes))
    }
}

/// Builds the images of `order`, one after the other; see [`Crew::build`].
pub fn build_images(
    project: &Project,
    order: &[usize],
    jobs: &[Job],
    builder: &dyn Builder,
    listener: &dyn BuildListener,
) -> Vec<ImageResult> {
    let crew = Crew {
        builder,
        listener,
        at_once: 1,
        done: &|_| {},
    };
    crew.build(project, order, jobs)
}

/// Whether there is no use in trying further images.
pub(super) fn ends_all(error: &BuildError) -> bool {
    matches!(
        error,
        BuildError::Engine(EngineError::Interrupted | EngineError::Unreachable { .. })
    )
}

impl Job {
    /// The Dockerfile as people would name it in the project `root`.
    pub fn shown_dockerfile<'a>(&'a self, root: &Path) -> &'a Path {
        self.dockerfile
            .strip_prefix(root)
            .unwrap_or(&self.dockerfile)
    }
}
