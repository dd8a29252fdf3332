//! What can go wrong with the store itself.

use std::path::PathBuf;
use std::time::Duration;

use super::super::layer::Digest;
use crate::engine::EngineError;

/// The layer store can't be used, or can't do what was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The folder is something else.
    #[error("{} holds other things than layers: name another folder for the layer store", .0.display())]
    Foreign(PathBuf),
    /// It was made by a later version of seatrial.
    #[error("{} was made by a newer seatrial (version {found} of the layer store, this one knows {known}): use that one, or name another folder", .folder.display())]
    Newer {
        /// The folder of the store.
        folder: PathBuf,
        /// The version that it says.
        found: u64,
        /// The one that this program knows.
        known: u64,
    },
    /// It belongs to another user, who could change what is tested.
    #[error("{} belongs to the user {owner}, not to {user}: name another folder for the layer store", .folder.display())]
    Owner {
        /// The folder of the store.
        folder: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who runs this.
        user: u32,
    },
    /// The disk is full.
    #[error("no space is left in {}: free some, or remove layers with `seatrial clean --store`", .0.display())]
    Full(PathBuf),
    /// A step failed.
    #[error("could not {step} {}: {reason}", .path.display())]
    Io {
        /// What was tried, as a verb phrase.
        step: &'static str,
        /// What with.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// Another process keeps a layer for too long.
    #[error("another process unpacks or removes the layer {layer} for more than {}s: wait for it or end it", .limit.as_secs())]
    Busy {
        /// The layer.
        layer: Digest,
        /// How long was waited.
        limit: Duration,
    },
    /// A layer disappears as often as it is made.
    #[error(
        "the layer {0} was made several times and was gone each time: does another program clean the layer store?"
    )]
    Vanishes(Digest),
    /// Whoever unpacks or removes could not.
    #[error("{0}")]
    Hands(EngineError),
}

impl StoreError {
    pub(super) fn io(
        step: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |reason| match reason.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full(path),
            _ => Self::Io { step, path, reason },
        }
    }

    /// The same for whoever knows engines alone. A method: with `From` the types of errors could
    /// no longer be inferred elsewhere.
    pub(crate) fn into_engine(self) -> EngineError {
        match self {
            Self::Hands(error) => error,
            error => EngineError::Failed {
                step: "use the layer store",
                reason: error.to_string(),
            },
        }
    }
}
