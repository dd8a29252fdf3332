//! From files that changed to the images that must be built or tested again.
//!
//! What can't be told counts as affected: nothing is left out that a change could concern.
//!
//! - [`Range`], [`Git`], [`Changes`]: what changed, as git tells it
//! - [`affected`]: the images that it concerns, and why
//! - `entries`: which entries of the project file changed; `concerned`: which images a file belongs
//!   to; `specs`: which files the checks of an image are made of

mod changes;
mod concerned;
mod entries;
mod git;
mod images;
mod range;
mod specs;

pub use changes::{Before, Changed, Changes, Old};
pub use git::{Git, GitError};
pub use images::{Action, Affected, AffectedImage, affected};
pub use range::Range;
