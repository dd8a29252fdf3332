//! Where images come from: folders, archives, an engine of this machine, registries.
//!
//! [`Reference`] is what a user wrote. [`SourceImage`] is what is found there, checked: whoever gets
//! one has the configuration and knows where each layer is; the layers themselves are checked when
//! they are unpacked.

mod archive;
mod choice;
mod config;
mod daemon;
mod docker_archive;
mod image;
mod layout;
mod manifest;
mod parts;
mod platform;
mod problem;
mod pull;
mod reference;
mod tarball;

#[cfg(test)]
mod tests;

pub(crate) use archive::load;
pub(crate) use daemon::{exported, load_from};
pub(crate) use image::SourceImage;
pub(crate) use platform::Platform;
pub(crate) use pull::pull;
pub(crate) use reference::Reference;
