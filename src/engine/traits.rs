//! The trait that every back-end implements.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use super::image::{FileEntry, FileOwner, FileStat, HistoryStep, Image};
use super::process::{Outcome, Process};
use super::running::{Running, Tap};
use crate::registry::{Digest, ImageParts};

/// A back-end that runs containers and reads images.
///
/// The calls block; many threads call at once. Each call has a deadline of its own, so that none
/// waits for ever on an engine that went away.
pub trait Engine: Send + Sync {
    /// What this engine is, asked of the engine itself once.
    fn info(&self) -> &EngineInfo;

    /// The kinds of engines that it has, its own first.
    fn kinds(&self) -> Vec<&str> {
        vec![&self.info().kind]
    }

    /// How many checks at once are fastest on this engine when nobody says otherwise.
    fn parallelism(&self) -> usize;

    /// Finds the image that `reference` names now. Later calls use its id, so that a tag which
    /// moves during the run changes nothing.
    ///
    /// # Errors
    /// [`EngineError::NoSuchImage`] when it is not there.
    fn image(&self, reference: &str) -> Result<Image, EngineError>;

    /// Runs one process in a fresh container of `image` and removes the container. `look` is
    /// shown the files that a process which ended by itself has left.
    ///
    /// # Errors
    /// Only what leaves the question open: a command that is missing or hangs is an [`Outcome`].
    fn run(
        &self,
        image: &Image,
        process: &Process,
        look: Option<&mut Look<'_>>,
    ) -> Result<Outcome, EngineError>;

    /// Asked before what was seen of an image is believed: whether it was there, whole, all the time until
    /// now. An engine that keeps others from removing images has nothing to say.
    ///
    /// # Errors
    /// [`EngineError::ImageGone`] when somebody has removed it meanwhile.
    fn confirm(&self, image: &Image) -> Result<(), EngineError> {
        let _ = image;
        Ok(())
    }

    /// How an image came to be, from the last step to the first.
    ///
    /// # Errors
    /// When the engine can't tell.
    fn history(&self, image: &Image) -> Result<Vec<HistoryStep>, EngineError> {
        Err(EngineError::Failed {
            step: "tell the history of an image",
            reason: format!("this engine knows none of `{}`", image.reference),
        })
    }

    /// The image as it is pushed, and the digest that its configuration must have for it to be the very
    /// image that was found. What is large may be put into files without a name in `folder`.
    ///
    /// # Errors
    /// When it is not there any more, or is another meanwhile.
    fn parts(&self, image: &Image, folder: &Path) -> Result<(ImageParts, Digest), EngineError> {
        let _ = folder;
        Err(EngineError::Failed {
            step: "give an image away",
            reason: format!("this engine has no bytes of `{}`", image.reference),
        })
    }

    /// Starts a process in a fresh container of `image` that goes on in the background; its
    /// `timeout` does not count. What it reads is written, and then its standard input stays open.
    /// `tap` sees all that it writes. A process that could not be executed is one that has
    /// [ended](Running::ended).
    ///
    /// # Errors
    /// When the container could not be created or started; it is removed then.
    fn start<'a>(
        &'a self,
        image: &'a Image,
        process: &Process,
        tap: Option<Tap>,
    ) -> Result<Box<dyn Running + 'a>, EngineError>;

    /// The files of an image. No container is started for them.
    fn files<'a>(&'a self, image: &'a Image) -> Box<dyn Files + 'a>;

    /// How many faults there were so far that may not come up again: a connection that broke, an
    /// engine that was busy or restarted. What an error leaves open may be asked again when this
    /// has grown meanwhile.
    fn faults(&self) -> u64 {
        0
    }

    /// Whether the engine went away for so long that it is not waited for any more. All that is
    /// asked of it then is an error at once.
    fn is_lost(&self) -> bool {
        false
    }

    /// Removes all that the engine still holds for this run and says how many things could not be
    /// removed. Called once, at the end.
    ///
    /// # Errors
    /// When the engine does not answer.
    fn close(&self) -> Result<usize, EngineError>;
}

/// Finds images before an engine is started: for runs that may need no container at all.
pub trait Finder: Send + Sync {
    /// What the engine will say about itself.
    fn info(&self) -> &EngineInfo;

    /// The kinds of engines that it will have, its own first.
    fn kinds(&self) -> Vec<&str>;

    /// As [`Engine::image`], and the same image.
    ///
    /// # Errors
    /// As those.
    fn image(&self, reference: &str) -> Result<Image, EngineError>;
}

/// The files of an image, or those that a process left.
pub trait Files {
    /// Looks at one path without following a link at its end; `None` if nothing is there.
    ///
    /// # Errors
    /// When the engine can't tell.
    fn stat(&self, path: &str) -> Result<Option<FileStat>, EngineError>;

    /// Whose a path is. Apart from [`stat`](Self::stat) because it costs more.
    ///
    /// # Errors
    /// When the engine can't tell.
    fn owner(&self, path: &str) -> Result<FileOwner, EngineError>;

    /// Reads a regular file, at most `limit` bytes of it.
    ///
    /// # Errors
    /// When it can't be read, or [`EngineError::TooLarge`] beyond `limit`.
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, EngineError>;

    /// Shows the content of a regular file of any size to `take`, piece by piece.
    ///
    /// # Errors
    /// When it can't be read to its end; what `take` was shown is then worth nothing.
    fn content(&self, path: &str, take: &mut dyn FnMut(&[u8])) -> Result<(), EngineError>;

    /// Where a symbolic link leads, just as it says it.
    ///
    /// # Errors
    /// When the engine can't tell, or it is no link.
    fn link_target(&self, path: &str) -> Result<String, EngineError>;

    /// Visits everything below `folder`, which is a folder and no link, in no order that can be
    /// relied on. Links are not followed. The content of a regular file can be read as it passes.
    ///
    /// # Errors
    /// When the engine breaks off, or what `visit` says.
    fn walk(&self, folder: &str, visit: &mut Visit<'_>) -> Result<(), EngineError>;
}

/// Takes one entry of a walk and the content of a regular file (for others: nothing).
pub type Visit<'a> = dyn FnMut(&FileEntry, &mut dyn Read) -> Result<(), EngineError> + 'a;

/// Is shown the files that a process left, while they are there.
pub type Look<'a> = dyn FnMut(&dyn Files) + 'a;

/// What an engine says about itself.
#[derive(Debug, Clone)]
pub struct EngineInfo {
    /// The kind: `embedded`, `docker`, `podman`, `fake`.
    pub kind: String,
    /// The engine's own version.
    pub version: String,
    /// What it runs by default, as `os/architecture`.
    pub platform: String,
    /// Another engine that runs what this one can't, with its version.
    pub beside: Option<String>,
}

/// Why an engine could not answer. Each leaves the check undecided.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// No engine answers at all.
    #[error("no container engine answers at {endpoint}: {reason}")]
    Unreachable {
        /// Where it was sought.
        endpoint: String,
        /// What came instead.
        reason: String,
    },
    /// The settings for reaching the engine contradict each other or are unsafe.
    #[error("{0}")]
    Configuration(String),
    /// The image is not on the engine.
    #[error("no image `{reference}` on the engine")]
    NoSuchImage {
        /// The name that was asked for.
        reference: String,
    },
    /// The image was on the engine when the run began.
    #[error("the image `{reference}` is not on the engine any more: it was removed during the run")]
    ImageGone {
        /// The name or id of the image.
        reference: String,
    },
    /// The engine refused or broke off a step.
    #[error("the engine could not {step}: {reason}")]
    Failed {
        /// The step, as a verb phrase: "create a container".
        step: &'static str,
        /// The engine's own words.
        reason: String,
    },
    /// The engine took longer than any sound one takes.
    #[error("the engine did not {step} within {}s", .limit.as_secs())]
    TimedOut {
        /// The step, as a verb phrase.
        step: &'static str,
        /// How long it was given.
        limit: Duration,
    },
    /// This engine can't give what the process needs; the message says which one could.
    #[error("{0}")]
    Needs(String),
    /// A file is larger than what is read into memory.
    #[error("{path} is larger than {limit} bytes, too large to be compared")]
    TooLarge {
        /// The file.
        path: String,
        /// The bound, in bytes.
        limit: u64,
    },
    /// The run was stopped by a signal.
    #[error("the run was interrupted")]
    Interrupted,
}
