//! The embedded engine: containers of our own over the same layers, with no daemon.

mod layer;
mod source;
