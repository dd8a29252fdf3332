//! A first project file from what is there already.
//!
//! What is guessed is said in a comment beside it, and what can't be told is left to people the same way.
//!
//! - `find`: the Dockerfiles below a folder; `names`: what their images are called
//! - `sources`: what a Dockerfile copies; `context`: from where, and as which globs
//! - `bases`: which arguments name other images
//! - `write`: the file

mod bases;
mod catalogue;
mod context;
mod find;
mod names;
mod sources;
mod write;

pub use catalogue::{Catalogue, ImportError};
