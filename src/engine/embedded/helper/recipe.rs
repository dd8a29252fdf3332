//! A container's description → the steps that make it: what Docker and runc do, in their order.

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;

use super::super::capabilities::Capabilities;
use super::super::sandbox::{Exec, Op, Program};
use super::devices::Devices;
use super::message::{Container, Execution, Identity, NetworkKind};
use super::scratch::FILES;

const NO_SUID: libc::c_ulong = libc::MS_NOSUID;
const NO_DEV: libc::c_ulong = libc::MS_NODEV;
const NO_EXEC: libc::c_ulong = libc::MS_NOEXEC;
const READ_ONLY: libc::c_ulong = libc::MS_RDONLY;

/// Hidden by an empty folder or `/dev/null`.
const MASKED: [&str; 10] = [
    "/proc/asound",
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
];
/// Can't be written to.
const READ_ONLY_PATHS: [&str; 5] = [
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];
/// Devices, by their numbers.
const DEVICES: [(&str, u32, u32); 6] = [
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
];

/// What the host gives to every container, found out once.
#[derive(Debug)]
pub(super) struct Host {
    /// Whether this is a user namespace.
    pub(super) in_user_namespace: bool,
    /// Whether it has more than one user.
    pub(super) has_many_users: bool,
    /// All groups up to this one are there.
    pub(super) last_group: u32,
    /// Whether containers get the devices of the host, because none can be made or none but
    /// mounted ones may work.
    pub(super) are_devices_bound: bool,
    /// Flags for the mounts of a container's root and `/dev`.
    pub(super) root_flags: libc::c_ulong,
    /// Which of the paths to hide are there, and whether they are folders.
    pub(super) masked: Vec<(&'static str, bool)>,
    /// Which of the paths to protect are there.
    pub(super) protected: Vec<&'static str>,
    /// How many capabilities the kernel has.
    pub(super) capabilities: u32,
    /// The most open files that can be allowed.
    pub(super) most_files: u64,
    /// What is mounted for control groups.
    pub(super) cgroups: Vec<Hierarchy>,
    /// Whether the run folder has them ready for containers that are in no group of their own.
    pub(super) has_groups_ready: bool,
}

/// The folder of the run folder where control groups are mounted ready for use.
pub(super) const GROUPS: &str = "c";
/// The folder of the run folder that is empty, and can't be written to.
pub(super) const EMPTY: &str = "e";

/// A hierarchy of control groups, as containers see it.
#[derive(Debug)]
pub(super) struct Hierarchy {
    /// The folder below `/sys/fs/cgroup`; empty for version 2, which is mounted there itself.
    pub(super) folder: String,
    /// The file system's options; empty for version 2.
    pub(super) options: String,
}

impl Host {
    /// Asks this host.
    pub(super) fn ask(
        in_user_namespace: bool,
        has_many_users: bool,
        devices: &Devices,
        cgroups: Vec<Hierarchy>,
        has_groups_ready: bool,
    ) -> Self {
        let there = |path: &str| std::fs::symlink_metadata(path);
        let masked = MASKED.iter().filter_map(|path| {
            let is_folder = there(path).ok()?.is_dir();
            Some((*path, is_folder))
        });
        let protected = READ_ONLY_PATHS.iter().copied();
        let last = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap");
        let last = last.ok().and_then(|text| text.trim().parse::<u32>().ok());
        let files = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        Self {
            in_user_namespace,
            has_many_users,
            last_group: last_group(),
            are_devices_bound: in_user_namespace || devices.need_mounts(),
            root_flags: if devices.need_mounts() { NO_DEV } else { 0 },
            masked: masked.collect(),
            protected: protected.filter(|path| there(path).is_ok()).collect(),
            capabilities: last.unwrap_or(40) + 1,
            most_files: files.maximum.unwrap_or(1 << 20).min(1 << 20),
            cgroups,
            has_groups_ready,
        }
    }
}

/// The last of the groups from 0 on without a gap, as far as the kernel takes them.
fn last_group() -> u32 {
    let map = std::fs::read_to_string("/proc/self/gid_map").unwrap_or_default();
    let mut ranges: Vec<(u64, u64)> = map
        .lines()
        .filter_map(|line| {
            let mut numbers = line.split_whitespace().map(str::parse);
            let first = numbers.next()?.ok()?;
            Some((first, numbers.nth(1)?.ok()?))
        })
        .collect();
    ranges.sort_unstable();
    let mut end = 0;
    for (first, length) in ranges {
        if first == end {
            end += length;
        }
    }
    let last = end.saturating_sub(1).min(i32::MAX.unsigned_abs().into());
    u32::try_from(last).unwrap_or(0)
}

/// What a thread has made ready for one container.
pub(super) struct Ready {
    /// The options of its root's overlay.
    pub(super) overlay: String,
    /// The folder with `hosts`, `hostname` and `resolv.conf`.
    pub(super) scratch: String,
    /// Mounts, and where they go.
    pub(super) mounts: Vec<(OwnedFd, String, Target)>,
    /// The six devices of the host, where none can be made.
    pub(super) devices: Vec<OwnedFd>,
    /// Files of control groups to join.
    pub(super) groups: Vec<String>,
    /// Standard input, output and error.
    pub(super) streams: [OwnedFd; 3],
    /// The filter of system calls.
    pub(super) filter: Vec<libc::sock_filter>,
}

/// What a mount is put on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Folder,
    File,
}

struct Steps(Vec<Op>);

fn text(text: &str) -> io::Result<CString> {
    CString::new(text).map_err(|_| io::Error::other(format!("there is a NUL in {text:?}")))
}

impl Steps {
    fn mount(
        &mut self,
        source: &str,
        target: &str,
        kind: &str,
        flags: libc::c_ulong,
        data: &str,
    ) -> io::Result<()> {
        self.0.push(Op::Mount {
            source: text(source)?,
            target: text(target)?,
            kind: text(kind)?,
            flags,
            data: text(data)?,
            may_be_missing: false,
        });
        Ok(())
    }

    fn bind(&mut self, source: &str, target: &str) -> io::Result<()> {
        self.mount(source, target, "", libc::MS_BIND, "")
    }

    fn folder(&mut self, path: &str, mode: u32) -> io::Result<()> {
        let path = text(path)?;
        self.0.push(Op::Folder { path, mode });
        Ok(())
    }

    /// A folder and all above it.
    fn folders(&mut self, path: &str) -> io::Result<()> {
        let ends = path.match_indices('/').map(|(at, _)| at).skip(1);
        for end in ends.chain([path.len()]) {
            if end > 1 && !path[..end].ends_with('/') {
                self.folder(&path[..end], 0o755)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, path: &str, bytes: &str, may_be_missing: bool) -> io::Result<()> {
        self.0.push(Op::Write {
            path: text(path)?,
            bytes: bytes.as_bytes().to_vec(),
            may_be_missing,
        });
        Ok(())
    }
}

/// The steps for a new container. The working directory is the run folder.
pub(super) fn container(host: &Host, container: &Container, ready: Ready) -> io::Result<Program> {
    let mut steps = Steps(Vec::with_capacity(90));
    let mut namespaces =
        libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    if ready.groups.is_empty() {
        namespaces |= libc::CLONE_NEWCGROUP;
    } else {
        for file in &ready.groups {
            steps.write(file, "0", false)?;
        }
        steps.0.push(Op::Unshare(libc::CLONE_NEWCGROUP));
    }
    steps.0.push(Op::Session);
    steps.0.push(Op::Umask(0o022));
    root(&mut steps, host, &ready, container.read_only)?;
    // Whoever may mount could make what is shared writable.
    let can_mount = Capabilities(container.process.capabilities).contains(Capabilities::SYS_ADMIN);
    kernel(&mut steps, host, &ready, can_mount)?;
    steps.0.push(Op::Chdir(c"r".to_owned()));
    steps.0.push(Op::PivotRoot);
    devices(&mut steps, host, ready.devices)?;
    // No path of the image's or the spec's must lead there: `/..` would.
    steps.0.push(Op::Unmount(c".".to_owned()));
    folders_and_files(&mut steps, ready.mounts, &container.tmpfs)?;
    if container.network == NetworkKind::None {
        steps.0.push(Op::HostName(text(&container.host_name)?));
    }
    hide(&mut steps, host)?;
    steps.folders(&container.process.workdir)?;
    if container.read_only {
        let flags = libc::MS_BIND | libc::MS_REMOUNT | READ_ONLY;
        steps.mount("", "/", "", flags, "")?;
    }
    steps.0.push(Op::Limit {
        resource: libc::RLIMIT_NOFILE,
        soft: host.most_files,
        hard: host.most_files,
    });
    steps.0.push(Op::Limit {
        resource: libc::RLIMIT_CORE,
        soft: 0,
        hard: libc::RLIM_INFINITY,
    });
    finish(
        steps,
        host,
        &container.process,
        ready.streams,
        ready.filter,
        namespaces,
    )
}

/// The steps that make a new network what Docker's `none` is.
pub(super) fn own_network(last_group: u32) -> io::Result<Vec<Op>> {
    let mut steps = Steps(Vec::with_capacity(3));
    steps.write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0", true)?;
    let groups = format!("0 {last_group}");
    steps.write("/proc/sys/net/ipv4/ping_group_range", &groups, true)?;
    steps.0.push(Op::Loopback);
    Ok(steps.0)
}

/// The root file system, and the way into it.
fn root(steps: &mut Steps, host: &Host, ready: &Ready, read_only: bool) -> io::Result<()> {
    steps.mount("overlay", "r", "overlay", host.root_flags, &ready.overlay)?;
    // Before the root changes, as long as both are seen. That these are files, and in no way
    // links, `init` has seen to.
    for file in FILES {
        let source = format!("{}/{file}", ready.scratch);
        let target = format!("r/etc/{file}");
        steps.bind(&source, &target)?;
        if read_only {
            let flags = libc::MS_BIND | libc::MS_REMOUNT | READ_ONLY;
            steps.mount("", &target, "", flags, "")?;
        }
    }
    Ok(())
}

/// The file systems of the kernel, with what they hide that Docker does not show. The old root is
/// still there: only what is seen can be mounted anew in a user namespace, and some of it is ready
/// there. That these are folders, `init` has seen to.
fn kernel(steps: &mut Steps, host: &Host, ready: &Ready, can_mount: bool) -> io::Result<()> {
    let strict = NO_SUID | NO_DEV | NO_EXEC;
    steps.mount("proc", "r/proc", "proc", strict, "")?;
    // What is bound stays as the mount is at that moment: read-only. The file system itself never is.
    let again = libc::MS_BIND | libc::MS_REMOUNT | strict;
    steps.mount("", "r/proc", "", again | READ_ONLY, "")?;
    for path in &host.protected {
        let path = format!("r{path}");
        steps.mount(&path, &path, "", libc::MS_BIND, "")?;
    }
    steps.mount("", "r/proc", "", again, "")?;
    steps.mount("sysfs", "r/sys", "sysfs", strict | READ_ONLY, "")?;
    if host.has_groups_ready && ready.groups.is_empty() && !can_mount {
        steps.mount(GROUPS, &format!("r{CGROUPS}"), "", libc::MS_MOVE, "")?;
    } else {
        steps
            .0
            .extend(control_groups(&host.cgroups, &format!("r{CGROUPS}"))?);
    }
    for (path, _) in host.masked.iter().filter(|(_, is_folder)| *is_folder) {
        let path = format!("r{path}");
        if can_mount {
            steps.mount("tmpfs", &path, "tmpfs", READ_ONLY, "")?;
        } else {
            steps.bind(EMPTY, &path)?;
        }
    }
    Ok(())
}

/// The devices. Paths are the container's from here on.
fn devices(steps: &mut Steps, host: &Host, devices: Vec<OwnedFd>) -> io::Result<()> {
    let strict = NO_SUID | NO_DEV | NO_EXEC;
    let dev = NO_SUID | libc::MS_STRICTATIME | host.root_flags;
    steps.mount("tmpfs", "/dev", "tmpfs", dev, "mode=755,size=65536k")?;
    steps.0.push(Op::Umask(0));
    for folder in ["/dev/pts", "/dev/shm", "/dev/mqueue"] {
        steps.folder(folder, 0o755)?;
    }
    if devices.is_empty() {
        for (name, major, minor) in DEVICES {
            steps.0.push(Op::Device {
                path: text(&format!("/dev/{name}"))?,
                mode: libc::S_IFCHR | 0o666,
                number: libc::makedev(major, minor),
            });
        }
    } else {
        for ((name, ..), tree) in DEVICES.iter().zip(devices) {
            let target = text(&format!("/dev/{name}"))?;
            let path = target.clone();
            steps.0.push(Op::File { path, mode: 0o666 });
            steps.0.push(Op::Attach { tree, target });
        }
    }
    for (target, link) in [
        ("/proc/self/fd", "/dev/fd"),
        ("/proc/self/fd/0", "/dev/stdin"),
        ("/proc/self/fd/1", "/dev/stdout"),
        ("/proc/self/fd/2", "/dev/stderr"),
        ("pts/ptmx", "/dev/ptmx"),
    ] {
        let (target, path) = (text(target)?, text(link)?);
        steps.0.push(Op::Symlink { target, path });
    }
    let tty_group = if host.has_many_users || !host.in_user_namespace {
        ",gid=5"
    } else {
        ""
    };
    let pts = format!("newinstance,ptmxmode=0666,mode=0620{tty_group}");
    steps.mount("devpts", "/dev/pts", "devpts", NO_SUID | NO_EXEC, &pts)?;
    steps.mount("mqueue", "/dev/mqueue", "mqueue", strict, "")?;
    steps.mount("shm", "/dev/shm", "tmpfs", strict, "mode=1777,size=65536k")?;
    steps.0.push(Op::Umask(0o022));
    Ok(())
}

/// Where containers see control groups.
const CGROUPS: &str = "/sys/fs/cgroup";

/// The steps that mount control groups in a folder.
pub(super) fn control_groups(hierarchies: &[Hierarchy], top: &str) -> io::Result<Vec<Op>> {
    let mut steps = Steps(Vec::new());
    let strict = NO_SUID | NO_DEV | NO_EXEC;
    match hierarchies {
        [] => {}
        [one] if one.folder.is_empty() => {
            steps.mount("cgroup", top, "cgroup2", strict | READ_ONLY, "")?;
        }
        several => {
            steps.mount("tmpfs", top, "tmpfs", strict, "mode=755")?;
            for hierarchy in several {
                let folder = format!("{top}/{}", hierarchy.folder);
                steps.folder(&folder, 0o755)?;
                let flags = strict | READ_ONLY;
                steps.mount("cgroup", &folder, "cgroup", flags, &hierarchy.options)?;
            }
            let flags = libc::MS_BIND | libc::MS_REMOUNT | strict | READ_ONLY;
            steps.mount("", top, "", flags, "")?;
        }
    }
    Ok(steps.0)
}

/// What the image and the check ask for: what lies deeper comes later, so that nothing is hidden.
fn folders_and_files(
    steps: &mut Steps,
    mounts: Vec<(OwnedFd, String, Target)>,
    tmpfs: &[(String, String)],
) -> io::Result<()> {
    enum Put<'a> {
        Tree(OwnedFd, Target),
        Memory(&'a str),
    }
    let mounts = mounts.into_iter();
    let trees = mounts.map(|(tree, target, kind)| (target, Put::Tree(tree, kind)));
    let memory = tmpfs.iter();
    let memory = memory.map(|(path, options)| (path.clone(), Put::Memory(options)));
    let mut all: Vec<_> = trees.chain(memory).collect();
    all.sort_by_key(|(path, _)| path.split('/').filter(|part| !part.is_empty()).count());
    for (path, put) in all {
        match put {
            Put::Tree(tree, kind) => attach(steps, tree, &path, kind)?,
            Put::Memory(options) => {
                steps.folders(&path)?;
                let (flags, data) = memory_options(options);
                steps.mount("tmpfs", &path, "tmpfs", flags, &data)?;
            }
        }
    }
    Ok(())
}

/// Puts a mount on a path of the container, which is made if it is not there.
fn attach(steps: &mut Steps, tree: OwnedFd, target: &str, kind: Target) -> io::Result<()> {
    match kind {
        Target::Folder => steps.folders(target)?,
        Target::File => {
            if let Some((above, _)) = target.rsplit_once('/') {
                steps.folders(above)?;
            }
            let path = text(target)?;
            steps.0.push(Op::File { path, mode: 0o755 });
        }
    }
    let target = text(target)?;
    steps.0.push(Op::Attach { tree, target });
    Ok(())
}

fn hide(steps: &mut Steps, host: &Host) -> io::Result<()> {
    for (path, _) in host.masked.iter().filter(|(_, is_folder)| !is_folder) {
        steps.bind("/dev/null", path)?;
    }
    Ok(())
}

/// What Docker's `--tmpfs` makes of its options.
fn memory_options(options: &str) -> (libc::c_ulong, String) {
    let mut flags = NO_SUID | NO_DEV | NO_EXEC;
    let mut data = Vec::new();
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option {
            "ro" => flags |= READ_ONLY,
            "rw" => flags &= !READ_ONLY,
            "exec" => flags &= !NO_EXEC,
            "noexec" => flags |= NO_EXEC,
            "suid" => flags &= !NO_SUID,
            "nosuid" => flags |= NO_SUID,
            "dev" => flags &= !NO_DEV,
            "nodev" => flags |= NO_DEV,
            "noatime" => flags |= libc::MS_NOATIME,
            "relatime" | "defaults" => {}
            "strictatime" => flags |= libc::MS_STRICTATIME,
            option => data.push(option),
        }
    }
    if !data.iter().any(|option| option.starts_with("mode=")) {
        data.push("mode=1777");
    }
    (flags, data.join(","))
}

/// The steps for a further process in a container.
pub(super) fn execution(
    host: &Host,
    execution: &Execution,
    process: OwnedFd,
    streams: [OwnedFd; 3],
    filter: Vec<libc::sock_filter>,
) -> io::Result<Program> {
    let mut steps = Steps(Vec::with_capacity(20));
    steps.0.push(Op::Session);
    let namespaces = libc::CLONE_NEWNS
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWCGROUP;
    steps.0.push(Op::Enter {
        process,
        namespaces,
    });
    steps.0.push(Op::Umask(0o022));
    finish(steps, host, execution, streams, filter, 0)
}

/// The process itself: its streams, its folder, its rights, its program.
fn finish(
    mut steps: Steps,
    host: &Host,
    process: &Execution,
    streams: [OwnedFd; 3],
    filter: Vec<libc::sock_filter>,
    namespaces: libc::c_int,
) -> io::Result<Program> {
    for (number, file) in (0..).zip(streams) {
        steps.0.push(Op::Stream { file, number });
    }
    let Identity { uid, gid, groups } = &process.identity;
    if *uid != 0 {
        steps.0.push(Op::OwnStreams(*uid));
    }
    // As root: a user may be in a folder that it can't enter.
    steps.0.push(Op::Chdir(text(&process.workdir)?));
    // Without "no new privileges" this needs a capability, so it comes before they go.
    steps.0.push(Op::Filter(filter));
    steps.0.push(Op::Bounding {
        keep: process.capabilities,
        known: host.capabilities,
    });
    if host.has_many_users || !host.in_user_namespace {
        steps.0.push(Op::Groups(groups.clone()));
        steps.0.push(Op::Ids {
            uid: *uid,
            gid: *gid,
        });
    }
    let capabilities = if *uid == 0 { process.capabilities } else { 0 };
    steps.0.push(Op::Capabilities(capabilities));
    Ok(Program {
        namespaces,
        ops: steps.0,
        exec: exec(process)?,
    })
}

/// Where the program is sought: along the PATH of the process, unless its name is a path.
fn exec(process: &Execution) -> io::Result<Exec> {
    let texts = |list: &[String]| {
        list.iter()
            .map(|entry| text(entry))
            .collect::<io::Result<_>>()
    };
    let program = process.argv.first().map_or("", String::as_str);
    let candidates = if program.contains('/') {
        vec![text(program)?]
    } else {
        let path = process.env.iter().rev();
        let path = path.filter_map(|entry| entry.strip_prefix("PATH=")).next();
        let path = path.filter(|path| !path.is_empty());
        let folders = path.into_iter().flat_map(|path| path.split(':'));
        let candidates = folders.map(|folder| {
            let folder = if folder.is_empty() { "." } else { folder };
            text(&format!("{folder}/{program}"))
        });
        candidates.collect::<io::Result<_>>()?
    };
    Ok(Exec {
        candidates,
        argv: texts(&process.argv)?,
        env: texts(&process.env)?,
    })
}
