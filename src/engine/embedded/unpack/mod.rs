//! One layer's tar becomes a folder in the form of overlayfs: `unpack.rs` is the way in.
//!
//! The bytes go through `pump.rs` (decompressed, hashed) to `stream.rs`; `header.rs`, `pax.rs` and
//! `sparse.rs` read tar, and `entry.rs` joins them to entries; `name.rs` says what a path means;
//! `write.rs` makes the files, below folders that `folders.rs` holds open.

mod attributes;
mod entry;
mod error;
mod folders;
mod header;
mod name;
mod pax;
mod pump;
mod sparse;
mod stream;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_docker;
#[cfg(test)]
mod tests_hostile;
#[cfg(test)]
mod tests_sparse;
#[cfg(test)]
mod tests_userns;
#[expect(clippy::module_inception, reason = "what the folder is for")]
mod unpack;
mod write;

#[cfg(test)]
pub(crate) use error::UnpackError;
pub(crate) use unpack::{Bounds, Expect, Form, Owners, Rules, Unpacked, unpack};
