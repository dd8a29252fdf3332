//! Layers that are unpacked once and used by all later runs, and what is known of images.
//!
//! ```text
//! version              the form of this folder
//! layers/sha256/HEX/   diff/ (what overlayfs mounts) and layer.json
//! locks/               one for each layer: shared while it is used, whole while it changes
//! temporary/           MARK.RANDOM: what is being made or removed, by whom
//! images/              the configurations of images
//! references/          which image a name stands for
//! proven               under which conditions a container could be made
//! results/             results of checks (`cache/`)
//! ```
//!
//! A layer is made in `temporary/` and renamed when it is whole; it is renamed back there before it
//! is removed. So what stands in `layers/` is whole as far as processes may die at any time. Of a
//! power failure `layer.json` tells (`record.rs`).

mod error;
mod folder;
mod hands;
mod images;
#[cfg(test)]
mod in_process;
mod layers;
mod lock;
mod record;
mod remove;
#[expect(clippy::module_inception, reason = "what the folder is for")]
mod store;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_remove;

pub(crate) use self::{
    error::StoreError, hands::Hands, images::ImageRecord, layers::LayerGuard, remove::unfinished,
    store::Store,
};
