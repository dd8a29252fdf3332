//! What the main process and its helper say to each other.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::super::layer::Digest;
use super::super::unpack::{Form, Owners, Unpacked};

/// What the main process asks. Each request has one answer.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::engine::embedded) enum Request {
    /// Serve another connection, whose socket comes with this.
    Connect,
    /// Make an image's layers known.
    Root {
        /// How it is called from now on.
        id: u64,
        /// The folders of its layers, the lowest first.
        layers: Vec<PathBuf>,
    },
    /// Start a container, with three files as its streams.
    Run(Box<Container>),
    /// Tell how the container of this connection ended, which it has.
    Reap,
    /// Throw away the container of this connection; it has no answer.
    Release,
    /// Execute a process in a container, whose pidfd comes before the three streams; it is then
    /// the process of this connection.
    Execute(Box<Execution>),
    /// Answer a question about files.
    Ask {
        /// Where.
        place: Place,
        /// What.
        ask: Ask,
    },
    /// Unpack a layer, which comes as a file, into an empty folder.
    Unpack {
        /// Where its part begins in the file and how long it is, unless it is a pipe.
        part: Option<(u64, u64)>,
        /// The digest of the part.
        digest: Option<Digest>,
        /// The digest of the tar in it.
        diff_id: Digest,
        /// The folder.
        target: PathBuf,
        /// How it is marked.
        form: Form,
        /// Whose the files are.
        owners: Owners,
    },
    /// Remove a folder of the store and all that is in it.
    Remove(PathBuf),
}

/// A container and its first process.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::engine::embedded) struct Container {
    /// The image's [`Request::Root`].
    pub(in crate::engine::embedded) root: u64,
    /// Its process.
    pub(in crate::engine::embedded) process: Execution,
    /// Its name, which is also that of its uts namespace.
    pub(in crate::engine::embedded) host_name: String,
    /// Its network.
    pub(in crate::engine::embedded) network: NetworkKind,
    /// Files and folders of the host and where they are seen, read-only.
    pub(in crate::engine::embedded) mounts: Vec<(PathBuf, String)>,
    /// Folders in memory, with mount options.
    pub(in crate::engine::embedded) tmpfs: Vec<(String, String)>,
    /// Folders that stay writable in a read-only root; they begin with what the image has there.
    pub(in crate::engine::embedded) volumes: Vec<String>,
    /// Whether its root can't be written to.
    pub(in crate::engine::embedded) read_only: bool,
    /// Bytes of memory that it may use.
    pub(in crate::engine::embedded) memory: Option<u64>,
    /// Thousandths of a processor that it may use.
    pub(in crate::engine::embedded) milli_cpus: Option<u64>,
    /// Processes and threads that it may have.
    pub(in crate::engine::embedded) pids: Option<u32>,
}

/// A process of a container.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::engine::embedded) struct Execution {
    /// Program and arguments.
    pub(in crate::engine::embedded) argv: Vec<String>,
    /// The whole environment, as `NAME=value`.
    pub(in crate::engine::embedded) env: Vec<String>,
    /// The working directory, which is made if it is not there.
    pub(in crate::engine::embedded) workdir: String,
    /// Whose it is.
    pub(in crate::engine::embedded) identity: Identity,
    /// Its capabilities, as bits: all that root can have; other users have none.
    pub(in crate::engine::embedded) capabilities: u64,
}

/// Whose a process is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine::embedded) struct Identity {
    /// The user.
    pub(in crate::engine::embedded) uid: u32,
    /// The group.
    pub(in crate::engine::embedded) gid: u32,
    /// The supplementary groups.
    pub(in crate::engine::embedded) groups: Vec<u32>,
}

impl Identity {
    /// Whether it needs no users but root.
    pub(in crate::engine::embedded) fn is_root(&self) -> bool {
        self.uid == 0 && self.gid == 0
    }
}

/// The network of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine::embedded) enum NetworkKind {
    /// Loopback only.
    None,
    /// The host's own.
    Host,
}

/// Files that can be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine::embedded) enum Place {
    /// Those of an image, as a container of it finds them.
    Image(u64),
    /// Those of the container of this connection.
    Container,
}

/// A question about files. Paths are absolute; links in the middle of them are followed, and none
/// leads out.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::engine::embedded) enum Ask {
    /// What is there; a link at the end is not followed.
    Stat(String),
    /// The content of a regular file, as an open file.
    Open(String),
    /// Where a symbolic link leads.
    Link(String),
    /// What is in a folder, from the entry with this number on.
    List {
        /// The folder.
        folder: String,
        /// How many entries are known already.
        skip: usize,
    },
}

/// What the helper answers.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::engine::embedded) enum Answer {
    /// It is done; a pidfd comes with it for a process that was started, a file that was opened.
    Done,
    /// The process was not started, which says something of the image.
    NotStarted(NotStarted),
    /// It could not be done.
    Failed(String),
    /// How the process ended.
    Ended {
        /// Its exit code; 128+N when signal N ended it.
        code: i64,
        /// Whether something in the container was killed for want of memory.
        out_of_memory: bool,
    },
    /// Nothing is there.
    Nothing,
    /// What is there.
    Stat(Meta),
    /// Where a link leads.
    Link(String),
    /// Entries of a folder: their names, and what they are.
    List {
        /// Some of them.
        entries: Vec<(String, Meta)>,
        /// Whether there are more.
        more: bool,
    },
    /// What was unpacked.
    Unpacked(Unpacked),
}

/// Why a process was not started.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::engine::embedded) enum NotStarted {
    /// There is no such program.
    NotFound(String),
    /// There is, but it may not be executed.
    NotPermitted(String),
    /// It may, but the kernel can't: runc then writes this on the standard error and ends with 1.
    Unfit(String),
}

/// What is known of one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine::embedded) struct Meta {
    /// Type and permissions, as stat(2) has them.
    pub(in crate::engine::embedded) mode: u32,
    /// The size in bytes.
    pub(in crate::engine::embedded) size: u64,
    /// The user, as containers see it.
    pub(in crate::engine::embedded) uid: u32,
    /// The group.
    pub(in crate::engine::embedded) gid: u32,
    /// Where it leads, if it is a link.
    pub(in crate::engine::embedded) link: Option<String>,
    /// The number of its inode.
    pub(in crate::engine::embedded) inode: u64,
    /// When the inode was last changed: seconds and nanoseconds.
    pub(in crate::engine::embedded) changed: (i64, i64),
    /// How many names it has.
    pub(in crate::engine::embedded) names: u64,
}
