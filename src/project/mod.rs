//! The project file `seatrial.yaml`: the catalogue of images and how they derive from each other.

mod arguments;
mod bases;
mod check;
mod file;
mod given;
mod globs;
mod graph;
mod inputs;
mod load;
mod platforms;
mod registries;
mod repository;
mod schema;
mod template;

pub use file::{ImageEntry, ProjectFile, SecretEntry};
pub use given::{Inputs, Secret, SecretSource};
pub use globs::FileGlobs;
pub use graph::UnknownImage;
pub use inputs::{SaidInputs, SaidSecret};
pub use load::{FILE_NAME, Image, Project, ProjectError};
pub use registries::{PublishedList, Registry};
pub use repository::folder_in_repository;
pub use schema::schema;
pub use template::{Piece, Template};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_registries;
