//! Whatever a check or an image does, it stays in its container: attacks on the embedded engine,
//! through the real command line.
//!
//! They need root, and say so by doing nothing without it.

mod support;

#[path = "contained/archives.rs"]
mod archives;
#[path = "contained/devices.rs"]
mod devices;
#[path = "contained/escapes.rs"]
mod escapes;
#[path = "contained/life.rs"]
mod life;
#[path = "contained/many.rs"]
mod many;
#[path = "contained/removed.rs"]
mod removed;
#[path = "contained/stage.rs"]
mod stage;
