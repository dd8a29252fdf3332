//! Records that lie beside each package: pip's, conda's and R's.

use super::database::Package;
use super::{conda, pip, r};

/// A file that describes one package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Metadata {
    Pip,
    Conda,
    R,
}

impl Metadata {
    /// What the file at this path describes, if anything.
    pub(in super::super) fn at(path: &str, r_libraries: &[String]) -> Option<Self> {
        if pip::is_metadata(path) {
            Some(Self::Pip)
        } else if conda::is_metadata(path) {
            Some(Self::Conda)
        } else if r::is_metadata(path, r_libraries) {
            Some(Self::R)
        } else {
            None
        }
    }

    /// The manager whose packages are recorded in this folder.
    pub(in super::super) fn environment(
        folder: &str,
        r_libraries: &[String],
    ) -> Option<&'static str> {
        if pip::is_folder(folder) {
            Some("pip")
        } else if folder.ends_with("/conda-meta") {
            Some("conda")
        } else {
            r::is_library(folder, r_libraries).then_some("r")
        }
    }

    /// How much of the file is needed at most, in bytes.
    pub(in super::super) fn limit(self) -> u64 {
        match self {
            // The description may be long, the names come before it.
            Self::Pip | Self::R => 256 << 10,
            Self::Conda => 64 << 20,
        }
    }

    /// The package. Without a version if the record makes no sense; the name is then the file's.
    pub(in super::super) fn read(self, path: &str, bytes: &[u8]) -> Package {
        match self {
            Self::Pip => pip::package(path, bytes),
            Self::Conda => conda::package(path, bytes),
            Self::R => r::package(path, bytes),
        }
    }
}
