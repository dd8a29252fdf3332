//! Why a registry could not be used.

use super::digest::Digest;

/// What went wrong. Places are `HOST/REPOSITORY`, with the tag or digest where there is one; no message
/// has a secret in it, and what servers say is cut short and made harmless.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RegistryError {
    /// The settings for reaching the registry are wrong, or the name is none.
    #[error("{0}")]
    Configuration(String),
    /// The registry wants to see other credentials.
    #[error("{place}: {reason}")]
    Refused {
        /// What was asked for.
        place: String,
        /// What it said, and which credentials it was shown.
        reason: String,
    },
    /// The registry has it not.
    #[error("{place}: {reason}")]
    NotThere {
        /// What was asked for.
        place: String,
        /// What it said.
        reason: String,
    },
    /// Whatever else a registry or the way to it did, however often it was tried.
    #[error("{place}: {reason}")]
    Failed {
        /// What was asked for.
        place: String,
        /// What happened.
        reason: String,
    },
    /// The bytes in the registry are not those that must be there.
    #[error("{place}: {what} must have the digest {expected}, but has {found}")]
    Mismatch {
        /// What was asked for.
        place: String,
        /// The thing in question: "the manifest".
        what: &'static str,
        /// What it must be.
        expected: Digest,
        /// What it is.
        found: Digest,
    },
    /// The image that is to be pushed can't be read, or is not what it must be.
    #[error("{0}")]
    Image(String),
    /// The run was stopped by a signal.
    #[error("the run was interrupted")]
    Interrupted,
}
