//! Versions as tools print them: found in a text, compared, and held against a requirement.
//!
//! Semantic versioning covers few of them: `1.16`, `1.8.0_352`, `0.7.17-r1188`, `2.7.10a`,
//! `1.90b6.24` and `20.10.24+dfsg1` are versions here.

mod compare;
mod debian;
mod find;
mod read;
mod requirement;

pub use compare::Version;
pub use debian::upstream;
pub use find::{Found, find_version};
pub use requirement::{RequirementError, VersionRequirement};
