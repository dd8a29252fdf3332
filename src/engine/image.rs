//! Images and the files in them, as every engine describes them.

use std::collections::BTreeMap;

/// An image that an engine holds.
#[derive(Debug, Clone)]
pub struct Image {
    /// What it was asked for by.
    pub reference: String,
    /// The image id: the digest of its configuration (OCI image spec, "`ImageID`").
    pub id: String,
    /// `repository@digest` for each registry it was pulled from or pushed to.
    pub repo_digests: Vec<String>,
    /// Size of all layers, in bytes, as the engine counts them.
    pub size: u64,
    /// How it wants to be run.
    pub config: ImageConfig,
}

/// The part of the image configuration that says how containers of it run
/// (OCI image spec, "Image Configuration").
#[derive(Debug, Clone, Default)]
pub struct ImageConfig {
    /// `NAME=value` entries, in order.
    pub env: Vec<(String, String)>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Entrypoint, in exec form.
    pub entrypoint: Vec<String>,
    /// Default arguments, in exec form.
    pub cmd: Vec<String>,
    /// User, group or both; empty is root.
    pub user: String,
    /// Working directory; empty is `/`.
    pub workdir: String,
    /// CPU architecture in Go's spelling (`amd64`).
    pub architecture: String,
    /// Operating system in Go's spelling (`linux`).
    pub os: String,
}

/// What kind of thing a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, socket or pipe.
    Other,
}

/// What is known of one path without reading its content.
#[derive(Debug, Clone)]
pub struct FileStat {
    /// What it is.
    pub kind: FileKind,
    /// Permission bits with setuid, setgid and sticky: the last twelve bits.
    pub mode: u32,
    /// Size in bytes.
    pub size: u64,
    /// Where a symbolic link leads: absolute, or relative to the link's folder.
    pub link_target: Option<String>,
}

/// Whose a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileOwner {
    /// User.
    pub uid: u64,
    /// Group.
    pub gid: u64,
}

/// One thing in a file system.
#[derive(Debug, Clone)]
pub struct FileEntry {
    /// The absolute path, without a slash at the end.
    pub path: String,
    /// What it is. A second name of a file (a hard link) is described like the first.
    pub stat: FileStat,
    /// Whose it is.
    pub owner: FileOwner,
}
