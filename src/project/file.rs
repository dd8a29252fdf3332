//! What can be written in a project file.

use super::template::Template;
use crate::platform::Platform;
use crate::source::Located;
use crate::yaml::{Pairs, object};

object! {
    /// The whole file.
    pub struct ProjectFile: "the project file" {
        /// The folder of the specs.
        optional specs: Located<String>,
        /// The images by name.
        required images: Located<Pairs<ImageEntry>>,
    }
}

object! {
    /// One image of the catalogue. Paths are relative to the project file.
    pub struct ImageEntry: "an image" {
        /// Its Dockerfile.
        required dockerfile: Located<String>,
        /// The folder that is sent to the engine; the Dockerfile's if not said.
        optional context: Located<String>,
        /// What it is tagged with; `NAME:latest` if not said.
        optional reference: Located<String>,
        /// Build arguments.
        optional args: Pairs<Template>,
        /// The stage to build; the last if not said.
        optional target: Located<String>,
        /// The platforms that it is made for; what the engine runs by default if not said.
        optional platforms: Located<Vec<Located<Platform>>>,
        /// Whether it is published; yes if not said.
        optional public: bool,
        /// Globs of the files that it depends on.
        optional files: Vec<Located<String>>,
    }
}
