//! Building the images of a project: the context that is sent, and the order of the builds.

mod blame;
mod builder;
mod classic;
mod context;
mod driver;
mod ignore;
mod lines;
mod parallel;
mod pattern;
mod program;
mod sending;
mod stream;

pub(crate) use blame::as_seen;
pub use builder::{BuildError, BuildEvent, BuildListener, Builder, Built, Job, Step};
pub(crate) use classic::ClassicProgress;
pub use context::{BuildContext, ContextError, Recipient};
pub use driver::{ImageOutcome, ImageResult, build_images, jobs};
pub use ignore::{Ignore, IgnoreError};
pub(crate) use lines::Lines;
pub use parallel::Crew;
pub(crate) use program::{Bounds, Broken, follow, programs};
pub(crate) use sending::Sending;
pub use stream::{ContextFailure, ContextStream};

#[cfg(test)]
mod tests;
