//! What can be written in a project file.

use super::template::Template;
use crate::platform::Platform;
use crate::source::Located;
use crate::yaml::{OneOrMany, Pairs, object};

object! {
    /// The whole file.
    pub struct ProjectFile: "the project file" {
        /// The folder of the specs.
        optional specs: Located<String>,
        /// The tag of what is published, such as `{date}-{release}-{sha8}`.
        optional tag: Located<String>,
        /// What `{release}` stands for in it; the newest git tag if not said.
        optional release: Located<String>,
        /// The images by name.
        required images: Located<Pairs<ImageEntry>>,
        /// The registries that images are published to, by name.
        optional registries: Pairs<RegistryEntry>,
    }
}

object! {
    /// A registry that images are published to.
    pub struct RegistryEntry: "a registry" {
        /// What stands before the name of an image there: a host and a path, such as
        /// `us.gcr.io/project/dir`.
        required prefix: Located<String>,
        /// A file that tells where images are published: a JSON map of keys to references.
        optional list: Located<String>,
        /// The key of an image in the list, `{snake}_docker` if not said. `{name}` stands for its
        /// name; `{snake}` for the same with `_` for all but letters and digits.
        optional list_key: Located<String>,
        /// The keys of images that have others, by image: one, or a list.
        optional list_keys: Pairs<OneOrMany<Located<String>>>,
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
        /// What `RUN --mount=type=secret` can read while it is built, by id.
        optional secrets: Pairs<Located<SecretEntry>>,
        /// What `RUN --mount=type=ssh` can use: `default` for the caller's agent, `ID=PATH` for a key or a
        /// socket. One, or a list.
        optional ssh: OneOrMany<Located<String>>,
        /// Where layers may be taken from in place of building them: images, or BuildKit's `type=…`.
        optional cache_from: OneOrMany<Located<String>>,
        /// Where layers are kept for other builds: `inline`, or BuildKit's `type=…`.
        optional cache_to: OneOrMany<Located<String>>,
        /// The platforms that it is made for; what the engine runs by default if not said.
        optional platforms: Located<Vec<Located<Platform>>>,
        /// Whether it is published; yes if not said.
        optional public: bool,
        /// Globs of the files that it depends on.
        optional files: Vec<Located<String>>,
    }
}

object! {
    /// A secret of a build: a variable or a file. It is in no image, report or cache.
    pub struct SecretEntry: "a secret" {
        /// The variable of the caller that has it.
        optional env: Located<String>,
        /// The file that has it; `~/` is the caller's home.
        optional file: Located<String>,
    }
}
