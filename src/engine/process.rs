//! What a check asks an engine to run, and what came of it.

use std::path::PathBuf;
use std::time::Duration;

use super::capture::Captured;
use super::observe::Observers;

/// One process for a fresh container.
#[derive(Debug, Clone)]
pub struct Process {
    /// The name of the check, for labels and the container's name.
    pub check: String,
    /// Program and arguments. The image's entrypoint is not put in front.
    pub argv: Vec<String>,
    /// Variables in addition to the image's.
    pub env: Vec<(String, String)>,
    /// User (and group) instead of the image's.
    pub user: Option<String>,
    /// Working directory instead of the image's.
    pub workdir: Option<String>,
    /// What it reads on its standard input; without it that is closed at once.
    pub stdin: Option<Vec<u8>>,
    /// Files and folders of the host that it sees, read-only.
    pub mounts: Vec<Mount>,
    /// Folders in memory that it can write to, by absolute path, with the options that tmpfs knows
    /// (`size=64m,mode=1777`), or none.
    pub tmpfs: Vec<(String, String)>,
    /// Its network.
    pub network: Network,
    /// What it may use of the machine.
    pub limits: Limits,
    /// Capabilities in addition to the engine's default ones, without `CAP_`.
    pub cap_add: Vec<String>,
    /// Capabilities of the default ones that it does without; `ALL` for every one.
    pub cap_drop: Vec<String>,
    /// Whether its root file system can't be written to.
    pub read_only: bool,
    /// The platform that the image must be for (`os/architecture`), if it must be a certain one.
    pub platform: Option<String>,
    /// Ports of the container that must be reachable from here.
    pub ports: Vec<u16>,
    /// Whether it has a container of its own.
    pub isolation: Isolation,
    /// The kinds of engines that may run it, if not all may.
    pub engines: Vec<String>,
    /// Whether its duration and its want of memory must be told exactly, which costs a question
    /// more.
    pub exact: bool,
    /// After this time it is killed.
    pub timeout: Duration,
    /// How many bytes of each stream are kept at the beginning, and as many at the end.
    pub output_limit: usize,
    /// Whoever sees the outputs as they flow.
    pub observers: Observers,
}

/// What a container may use of the machine; nothing said is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Limits {
    /// Bytes of memory; there is no swap beyond it.
    pub memory: Option<u64>,
    /// Processors, in whole ones and parts: 1.5.
    pub cpus: Option<f64>,
    /// Processes and threads at a time.
    pub pids: Option<u32>,
}

/// A file or folder of the host that a container sees, read-only.
#[derive(Debug, Clone)]
pub struct Mount {
    /// Absolute path on the host.
    pub source: PathBuf,
    /// Absolute path in the container.
    pub target: String,
}

impl Process {
    /// A process of which nothing is said: as the image has it, without a network.
    pub fn new(check: impl Into<String>, argv: Vec<String>, timeout: Duration) -> Self {
        Self {
            check: check.into(),
            argv,
            env: Vec::new(),
            user: None,
            workdir: None,
            stdin: None,
            mounts: Vec::new(),
            tmpfs: Vec::new(),
            network: Network::None,
            limits: Limits::default(),
            cap_add: Vec::new(),
            cap_drop: Vec::new(),
            read_only: false,
            platform: None,
            ports: Vec::new(),
            isolation: Isolation::Fresh,
            engines: Vec::new(),
            exact: false,
            timeout,
            output_limit: 1 << 20,
            observers: Observers::default(),
        }
    }
}

/// Whether processes share a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// Each has a container of its own.
    #[default]
    Fresh,
    /// Processes of the same image and settings run in one container, several at once.
    Shared,
}

/// The network of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// Loopback only.
    #[default]
    None,
    /// The engine's default network.
    Bridge,
    /// The host's own network.
    Host,
}

/// What came of a [`Process`].
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How it ended.
    pub ended: Ended,
    /// What it wrote on its standard output.
    pub stdout: Captured,
    /// What it wrote on its standard error.
    pub stderr: Captured,
    /// From its start to its end.
    pub duration: Duration,
}

/// How a [`Process`] ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It ended by itself, with this code; 128+N when signal N ended it.
    Exited {
        /// The exit code.
        code: i64,
        /// Whether the kernel killed something in the container for want of memory.
        out_of_memory: bool,
    },
    /// It never began, because the program is not there (127) or can't be executed (126): what a
    /// shell would say too.
    NotStarted {
        /// 126 or 127.
        code: i64,
        /// The engine's words.
        reason: String,
    },
    /// It was killed because its time was up.
    TimedOut,
}
