//! What builds images, and what it tells meanwhile.

use std::path::PathBuf;
use std::time::Duration;

use super::context::ContextError;
use crate::engine::EngineError;
use crate::project::Inputs;

/// A back-end that builds images.
pub trait Builder: Send + Sync {
    /// Builds one image and tags it. Blocks; what happens meanwhile goes to `listener`.
    ///
    /// # Errors
    /// Whatever leaves no image behind; then nothing is tagged.
    fn build(&self, job: &Job, listener: &dyn BuildListener) -> Result<Built, BuildError>;

    /// Removes an image that it has built, by its reference. What other images need of it stays.
    ///
    /// # Errors
    /// When it can't be removed, such as for a container that still uses it.
    fn remove(&self, reference: &str) -> Result<(), EngineError>;

    /// The folder that images are kept in, if it is on this host.
    fn storage(&self) -> Option<PathBuf> {
        None
    }

    /// All builds are over.
    fn finish(&self) {}
}

/// All that is needed to build one image.
#[derive(Debug, Clone)]
pub struct Job {
    /// The name of the image.
    pub name: String,
    /// What it is tagged with.
    pub reference: String,
    /// The folder that is sent.
    pub context: PathBuf,
    /// The Dockerfile, inside of the context or not.
    pub dockerfile: PathBuf,
    /// Build arguments.
    pub args: Vec<(String, String)>,
    /// The stage to build; the last if not said.
    pub target: Option<String>,
    /// What else it may use.
    pub inputs: Inputs,
}

/// A finished build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The id of the image.
    pub id: String,
    /// Whether every step came from the cache.
    pub cached: bool,
    /// The id of the image that had the reference before, if there was one; the same as `id` if the
    /// build changed nothing.
    pub previous: Option<String>,
}

/// Something that happened during the build of one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildEvent {
    /// A step of the Dockerfile begins.
    StepStarted(Step),
    /// A step is done.
    StepFinished {
        /// The step.
        step: Step,
        /// Whether its result was there already.
        cached: bool,
    },
    /// A line that a step wrote.
    Log(String),
}

/// A step of a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its position, as the engine counts: `3/7`, with the stage in front where there are several.
    pub position: String,
    /// The instruction.
    pub text: String,
}

/// Something that the events of builds are sent to.
pub trait BuildListener: Send + Sync {
    /// The build of `image` begins.
    fn started(&self, image: &str);
    /// Something happened in the build of `image`.
    fn on(&self, image: &str, event: &BuildEvent);
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The context can't be sent.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// A step failed.
    #[error("{} failed: {reason}", .step.text)]
    Step {
        /// The step.
        step: Step,
        /// The engine's words.
        reason: String,
        /// The last lines that the step wrote.
        log: Vec<String>,
    },
    /// The engine refused the build, such as for a mistake in the Dockerfile.
    #[error("{0}")]
    Refused(String),
    /// It took longer than it may.
    #[error("it took longer than {0:?} and was given up")]
    TimedOut(Duration),
    /// There is too little room for what it would make.
    #[error("{0}")]
    NoSpace(String),
    /// The engine itself is the trouble.
    #[error(transparent)]
    Engine(#[from] EngineError),
}
