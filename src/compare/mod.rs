//! What differs between two images: packages, configuration, files and sizes.
//!
//! Knows engines and what images hold, and neither specs nor verdicts.

mod bounds;
mod config;
mod engines;
mod files;
mod model;
mod packages;
mod rpm;
mod schema;
mod seen;
mod short;
mod sizes;
#[cfg(test)]
mod tests;
mod text;
mod words;

pub use bounds::Bounds;
pub use engines::{changed, compare};
pub use model::{
    Aspect, Change, Comparison, FieldChange, FileChange, FolderSize, PackageChange, Recorded, Side,
    Sizes, Told,
};
pub use schema::schema;
pub use short::short;
pub use text::{Shown, json, text};
