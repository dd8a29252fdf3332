//! Which packages an image has, from its package managers' own records.

mod apk;
mod conda;
mod database;
mod dpkg;
mod headers;
mod metadata;
mod pip;
mod r;
mod records;

pub use database::{Manager, Package, Packages, Unreadable, installed};
pub(super) use metadata::Metadata;
pub use records::Records;
