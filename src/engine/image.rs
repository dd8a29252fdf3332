//! Images and the files in them, as every engine describes them.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

/// An image that an engine holds.
#[derive(Debug, Clone)]
pub struct Image {
    /// What it was asked for by.
    pub reference: String,
    /// The image id: the digest of its configuration (OCI image spec, "`ImageID`").
    pub id: String,
    /// `repository@digest` for each registry it was pulled from or pushed to.
    pub repo_digests: Vec<String>,
    /// Size of all layers, in bytes, as the engine counts them; `None` if it does not say.
    pub size: Option<u64>,
    /// How many layers it has; `None` if the engine does not say.
    pub layers: Option<usize>,
    /// Who made it; empty if nobody is said.
    pub author: String,
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
    /// The shell of shell forms; empty for the usual one.
    pub shell: Vec<String>,
    /// Ports, as `80/tcp`, sorted.
    pub exposed_ports: Vec<String>,
    /// Paths that become volumes, sorted.
    pub volumes: Vec<String>,
    /// How a container's health is found out, unless there is no way or it is switched off.
    pub healthcheck: Option<Healthcheck>,
    /// The signal that stops a container; empty for the usual one.
    pub stop_signal: String,
    /// Instructions for images that are built from this one.
    pub onbuild: Vec<String>,
    /// CPU architecture in Go's spelling (`amd64`).
    pub architecture: String,
    /// Variant of the architecture (`v8`); mostly empty.
    pub variant: String,
    /// Operating system in Go's spelling (`linux`).
    pub os: String,
}

/// How the engine finds out whether a container is well. What the image leaves open is what the
/// engine does then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Healthcheck {
    /// `CMD` and a command in exec form, or `CMD-SHELL` and a line.
    pub test: Vec<String>,
    /// The time between two tests.
    pub interval: Duration,
    /// The time that one test may take.
    pub timeout: Duration,
    /// The time after the start in which failures don't count.
    pub start_period: Duration,
    /// How many failures in a row make a container unhealthy.
    pub retries: i64,
}

/// One step of an image's history.
#[derive(Debug, Clone)]
pub struct HistoryStep {
    /// The instruction or command, as the builder wrote it down.
    pub created_by: String,
    /// What it added, in bytes; 0 for a step without a layer.
    pub size: u64,
}

impl ImageConfig {
    /// The value of a variable that the image sets; the last of several wins, as in a process.
    pub fn variable(&self, name: &str) -> Option<&str> {
        variable(&self.env, name)
    }
}

/// The value of a variable among `env`; the last of several wins, as in a process.
pub(crate) fn variable<'a>(env: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = env.iter().rev().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// What kind of thing a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// Something that the engine has no name for.
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
    /// Where a symbolic link leads: absolute, or relative to the link's folder. Engines may have
    /// resolved further links in it; [`Files::link_target`](super::Files::link_target) has not.
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
    /// Whose it is. `None` if it must be asked for by its path.
    pub owner: Option<FileOwner>,
    /// Which file it is, if the engine has it as a file of this machine. Its content then costs
    /// nothing until it is read; otherwise it passes anyway.
    pub inode: Option<Inode>,
}

/// A file of this machine. Two that are equal have the same content: images that share a layer
/// share its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inode {
    /// Its number in its file system.
    pub number: u64,
    /// When it was last changed in any way, which nobody can set: seconds and nanoseconds. Files of
    /// different file systems that have the same number differ in this.
    pub changed: (i64, i64),
    /// How many names it has.
    pub names: u64,
}
