//! Tags of images that say where they come from: a template such as `{date}-{release}-{sha8}`, filled
//! with what git knows.

mod git;
mod template;

pub use git::{GitError, GitFacts, commit};
pub use template::{TagError, TagTemplate};
