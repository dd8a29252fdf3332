//! What a child does before it executes its program.

use std::ffi::CString;
use std::os::fd::OwnedFd;

/// One step: a system call, or a few that belong together, with everything they need.
#[derive(Debug)]
pub(in crate::engine::embedded) enum Op {
    /// mount(2).
    Mount {
        /// What is mounted: a path for a bind, a mere word for most file systems.
        source: CString,
        /// Where.
        target: CString,
        /// The file system; empty where the flags say all.
        kind: CString,
        /// `MS_…`.
        flags: libc::c_ulong,
        /// The file system's options.
        data: CString,
        /// Whether it is no fault when the target (or the source) is not there.
        may_be_missing: bool,
    },
    /// Attaches a mount that nobody else has, such as `open_tree(2)` makes.
    Attach {
        /// The mount.
        tree: OwnedFd,
        /// Where.
        target: CString,
    },
    /// Takes a mount away as soon as nobody uses it.
    Unmount(CString),
    /// Makes the working directory the root; the old root is then mounted over it.
    PivotRoot,
    /// chdir(2).
    Chdir(CString),
    /// Makes a folder unless it is there, as whoever may write to its parent folder.
    Folder {
        /// The folder; those above it must be there.
        path: CString,
        /// Its permissions; the umask counts.
        mode: libc::mode_t,
    },
    /// Makes an empty file unless it is there.
    File {
        /// The file.
        path: CString,
        /// Its permissions; the umask counts.
        mode: libc::mode_t,
    },
    /// Makes a device.
    Device {
        /// Where.
        path: CString,
        /// Its type and permissions; the umask counts.
        mode: libc::mode_t,
        /// Its number.
        number: libc::dev_t,
    },
    /// Makes a symbolic link.
    Symlink {
        /// Where it leads.
        target: CString,
        /// Where it is.
        path: CString,
    },
    /// Writes to a file of the kernel.
    Write {
        /// The file.
        path: CString,
        /// What is written at once.
        bytes: Vec<u8>,
        /// Whether it is no fault when there is no such file.
        may_be_missing: bool,
    },
    /// sethostname(2).
    HostName(CString),
    /// Switches the loopback interface on, without version 6 of the internet protocol, which no other
    /// interface of this network is to have either.
    Loopback,
    /// umask(2).
    Umask(libc::mode_t),
    /// setrlimit(2).
    Limit {
        /// `RLIMIT_…`.
        resource: u32,
        /// What counts.
        soft: u64,
        /// How far it may be raised.
        hard: u64,
    },
    /// setsid(2).
    Session,
    /// Makes a file the one with a certain number: 0, 1 or 2.
    Stream {
        /// The file.
        file: OwnedFd,
        /// Its number in the program.
        number: i32,
    },
    /// Gives the streams 0, 1 and 2 to a user, so that it can open them again by name.
    OwnStreams(libc::uid_t),
    /// unshare(2).
    Unshare(libc::c_int),
    /// Enters namespaces of a process, which is given by its pidfd.
    Enter {
        /// The process.
        process: OwnedFd,
        /// `CLONE_NEW…`.
        namespaces: libc::c_int,
    },
    /// Installs a filter of system calls.
    Filter(Vec<libc::sock_filter>),
    /// Keeps only these capabilities in the bounding set.
    Bounding {
        /// As bits.
        keep: u64,
        /// How many capabilities the kernel has.
        known: u32,
    },
    /// setgroups(2).
    Groups(Vec<libc::gid_t>),
    /// setresgid(2) and setresuid(2).
    Ids {
        /// The user.
        uid: libc::uid_t,
        /// The group.
        gid: libc::gid_t,
    },
    /// Sets the effective and permitted capabilities and lets none be inherited.
    Capabilities(u64),
}

impl Op {
    /// What it does, as a verb phrase.
    pub(in crate::engine::embedded) fn describe(&self) -> String {
        let path = |path: &CString| path.to_string_lossy().into_owned();
        match self {
            Self::Mount { target, kind, .. } if kind.is_empty() => {
                format!("bind {}", path(target))
            }
            Self::Mount { target, kind, .. } => format!("mount {} on {}", path(kind), path(target)),
            Self::Attach { target, .. } => format!("attach a mount to {}", path(target)),
            Self::Unmount(target) => format!("unmount {}", path(target)),
            Self::PivotRoot => "change the root".to_owned(),
            Self::Chdir(folder) => format!("go to the folder {}", path(folder)),
            Self::Folder { path: folder, .. } => format!("make the folder {}", path(folder)),
            Self::File { path: file, .. } => format!("make the file {}", path(file)),
            Self::Device { path: device, .. } => format!("make the device {}", path(device)),
            Self::Symlink { path: link, .. } => format!("make the link {}", path(link)),
            Self::Write { path: file, .. } => format!("write to {}", path(file)),
            Self::HostName(_) => "set the host name".to_owned(),
            Self::Loopback => "switch the loopback interface on".to_owned(),
            Self::Umask(_) => "set the umask".to_owned(),
            Self::Limit { resource, .. } => format!("set the resource limit {resource}"),
            Self::Session => "begin a session".to_owned(),
            Self::Stream { number, .. } => format!("set up the stream {number}"),
            Self::OwnStreams(_) => "hand over the streams".to_owned(),
            Self::Unshare(_) => "leave namespaces".to_owned(),
            Self::Enter { .. } => "enter the container".to_owned(),
            Self::Filter(_) => "install the filter of system calls".to_owned(),
            Self::Bounding { .. } => "bound the capabilities".to_owned(),
            Self::Groups(_) => "set the groups".to_owned(),
            Self::Ids { .. } => "change the user".to_owned(),
            Self::Capabilities(_) => "set the capabilities".to_owned(),
        }
    }
}

/// The program that is executed in the end.
#[derive(Debug)]
pub(in crate::engine::embedded) struct Exec {
    /// Where it may be: the first one that is a file with a permission to execute it is taken.
    pub(in crate::engine::embedded) candidates: Vec<CString>,
    /// Its arguments, the first being its name.
    pub(in crate::engine::embedded) argv: Vec<CString>,
    /// Its environment.
    pub(in crate::engine::embedded) env: Vec<CString>,
}

/// All that a child does.
#[derive(Debug)]
pub(in crate::engine::embedded) struct Program {
    /// The namespaces that it has for its own from its beginning: `CLONE_NEW…`.
    pub(in crate::engine::embedded) namespaces: libc::c_int,
    /// What it does first.
    pub(in crate::engine::embedded) ops: Vec<Op>,
    /// What it executes.
    pub(in crate::engine::embedded) exec: Exec,
}
