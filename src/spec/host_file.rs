//! Files of the host that a check needs.

use std::path::PathBuf;

use crate::source::Place;

/// The keys that name them, wherever they stand in an entry.
pub(super) const KEYS: [&str; 3] = ["mounts", "stdin", "equals_file"];

/// A file or folder of the host.
#[derive(Debug, Clone)]
pub struct HostFile {
    /// As the spec names it.
    pub path: PathBuf,
    /// Where it says so.
    pub place: Place,
    /// Whether a container sees it, with its mode; of others only what they hold matters.
    pub mounted: bool,
}
