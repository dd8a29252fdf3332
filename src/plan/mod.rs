//! The plan: which checks on which images, named and in order. Pure: nothing has run yet.

mod build;
mod inherit;
mod shard;

pub use build::{Case, Plan, PlannedImage};
