//! What was tested is what is published: the gate, the registries' lists, what is said of images.
//!
//! - [`judge`]: decides for each image by the plan and a result
//! - [`read_results`]: a result that a file has
//! - [`lists`]: the files that tell where images are published
//! - [`attestation`]: what is said of a published image, for programs
//! - [`Parcel`]: an image on its way to registries; [`Entry`]: one that is there
//! - [`gather`]: the platforms of an image that are there, and the index of them
//! - `lock`: one publish of a project at a time

mod attached;
pub mod attestation;
mod gate;
mod json_span;
mod list_text;
pub mod lists;
mod lock;
mod parcel;
mod platforms;
mod published;
mod published_index;
mod refusal;
mod results;
mod vouch;

pub use gate::{Candidate, Decision, Rules, judge};
pub use list_text::{Change, TextError, Update};
pub use lock::Lock;
pub use parcel::{Parcel, attest, occupied, put_everywhere, send};
pub use platforms::{Awaited, Gathered, claimed, gather, is_for, platform_tag};
pub use published::{Entry, Expected, compare, look_up};
pub use published_index::PlatformState;
pub use refusal::Refusal;
pub use results::{ResultsError, read_results};
pub use vouch::{Wanted, vouched};

#[cfg(test)]
mod tests;
