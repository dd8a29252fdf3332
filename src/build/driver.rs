//! Builds the images of a project, parents first.

use std::path::Path;
use std::time::{Duration, Instant};

use super::builder::{BuildError, BuildListener, Builder, Built, Job};
use crate::diagnostic::Diagnostics;
use crate::engine::EngineError;
use crate::project::Project;

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

/// One job for each image of `order`.
///
/// # Errors
/// Every build argument that can't be filled in; nothing is built then.
pub fn jobs(
    project: &Project,
    order: &[usize],
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Job>, Diagnostics> {
    let mut jobs = Vec::new();
    let mut mistakes = Vec::new();
    for image in order.iter().map(|at| &project.images[*at]) {
        match project.arguments(image, env) {
            Ok(args) => jobs.push(Job {
                name: image.name.value.clone(),
                reference: image.reference.clone(),
                context: image.context.clone(),
                dockerfile: image.dockerfile.clone(),
                args,
                target: image.target.clone(),
            }),
            Err(more) => mistakes.extend(more.0),
        }
    }
    if mistakes.is_empty() {
        Ok(jobs)
    } else {
        Err(Diagnostics(mistakes))
    }
}

/// Builds the images of `order`, which has parents first, and says for each what came of it, in the
/// same order. `jobs` are those of [`jobs`] for the same order.
pub fn build_images(
    project: &Project,
    order: &[usize],
    jobs: &[Job],
    builder: &dyn Builder,
    listener: &dyn BuildListener,
) -> Vec<ImageResult> {
    let mut results: Vec<ImageResult> = Vec::new();
    let mut is_over = false;
    for (at, job) in order.iter().zip(jobs) {
        let mut parents = project.images[*at].parents.iter();
        let lost = parents.find_map(|parent| {
            let name = &project.images[*parent].name.value;
            let result = results.iter().find(|result| result.name == *name)?;
            (!matches!(result.outcome, ImageOutcome::Built(_))).then(|| name.clone())
        });
        let start = Instant::now();
        let outcome = match lost {
            _ if is_over => ImageOutcome::NotTried,
            Some(parent) => ImageOutcome::ParentFailed(parent),
            None => {
                listener.started(&job.name);
                match builder.build(job, listener) {
                    Ok(built) => ImageOutcome::Built(built),
                    Err(error) => {
                        is_over = ends_all(&error);
                        ImageOutcome::Failed(error)
                    }
                }
            }
        };
        results.push(ImageResult {
            name: job.name.clone(),
            reference: job.reference.clone(),
            duration: start.elapsed(),
            outcome,
        });
    }
    results
}

/// Whether there is no use in trying further images.
fn ends_all(error: &BuildError) -> bool {
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
