//! The project file `seatrial.yaml`: the catalogue of images and how they derive from each other.

mod arguments;
mod bases;
mod check;
mod file;
mod globs;
mod graph;
mod load;
mod repository;
mod schema;
mod template;

pub use file::{ImageEntry, ProjectFile};
pub use globs::FileGlobs;
pub use graph::UnknownImage;
pub use load::{FILE_NAME, Image, Project, ProjectError};
pub use repository::folder_in_repository;
pub use schema::schema;
pub use template::{Piece, Template};

#[cfg(test)]
mod tests;
