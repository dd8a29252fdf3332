//! The container of one connection: made, started, waited for, thrown away.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{MoveMountFlags, UnmountFlags, move_mount, unmount};
use rustix::process::{PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, waitid};

use super::cgroup::{Cgroups, Groups};
use super::devices::Devices;
use super::ground::{Ground, copy_of};
use super::message::{Container, Execution, NetworkKind, NotStarted};
use super::network::{Networks, Spare};
use super::recipe::{self, Host, Ready, Target};
use super::roots::{Root, Roots};
use super::scratch::{FILES, Scratch};
use super::{look, volume};
use crate::engine::embedded::capabilities::Capabilities;
use crate::engine::embedded::sandbox::{
    Fault, Program, Spawned, Spawner, join_pid_namespace, make_deviceless, make_read_only,
};
use crate::engine::embedded::seccomp;

/// What every container of this helper needs.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) roots: Roots,
    pub(super) host: Host,
    pub(super) cgroups: Cgroups,
    /// What keeps containers from the devices of the host.
    pub(super) devices: Devices,
    /// What is the same in every container.
    pub(super) texts: Texts,
    /// The version of the kernel, of which the filter of system calls depends.
    pub(super) kernel: (u32, u32),
    /// A pid namespace is entered for a moment; this is the way back.
    pub(super) own_pids: OwnedFd,
    /// The network of the first container.
    pub(super) spare: Arc<Spare>,
    /// Filters of system calls, by capabilities.
    pub(super) filters: Mutex<HashMap<u64, Vec<libc::sock_filter>>>,
}

/// What the host's own files say of its network; where one is not there, it says nothing.
#[derive(Debug)]
pub(super) struct Texts {
    hosts: String,
    resolv: String,
    name: String,
}

impl Texts {
    pub(super) fn of_host() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let name = rustix::system::uname();
        Self {
            hosts: read("/etc/hosts"),
            resolv: read("/etc/resolv.conf"),
            name: name.nodename().to_string_lossy().into_owned(),
        }
    }
}

impl Shared {
    /// Docker's filter of system calls for a process with these capabilities; made once.
    pub(super) fn filter(&self, capabilities: u64) -> io::Result<Vec<libc::sock_filter>> {
        let can_mount = Capabilities(capabilities).contains(Capabilities::SYS_ADMIN);
        if can_mount && self.devices.need_mounts() {
            return Err(io::Error::other(
                "SYS_ADMIN can't be had here: without control groups (devices), nothing would \
                 keep it from the disks of the host",
            ));
        }
        let mut filters = self.filters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(filter) = filters.get(&capabilities) {
            return Ok(filter.clone());
        }
        let program = seccomp::program(Capabilities(capabilities), self.kernel);
        let program = program.ok_or_else(|| {
            io::Error::other("no filter of system calls is known for this kind of processor")
        })?;
        let filter = program.iter().map(|instruction| libc::sock_filter {
            code: instruction.code,
            jt: instruction.jt,
            jf: instruction.jf,
            k: instruction.k,
        });
        let filter: Vec<_> = filter.collect();
        filters.insert(capabilities, filter.clone());
        Ok(filter)
    }
}

/// Makes containers, one at a time.
pub(super) struct Maker {
    pub(super) shared: Arc<Shared>,
    pub(super) ground: Ground,
    pub(super) scratch: Scratch,
    pub(super) networks: Networks,
    spawner: Spawner,
    current: Option<Current>,
}

/// The container, or the process in another's container, of this connection.
struct Current {
    process: OwnedFd,
    /// None for a process in another's container.
    root: Option<Arc<Root>>,
    groups: Option<Groups>,
    volumes: Vec<String>,
    view: Option<OwnedFd>,
    is_ended: bool,
    /// Whether the view is seen as a mount.
    view_is_attached: bool,
    /// Its streams are open as long as this, so that nobody is woken by their ends.
    _program: Option<Program>,
}

type Started = io::Result<Result<OwnedFd, NotStarted>>;

impl Maker {
    pub(super) fn new(shared: Arc<Shared>, ground: Ground, scratch: Scratch) -> io::Result<Self> {
        Ok(Self {
            networks: Networks::new(shared.host.last_group, Arc::clone(&shared.spare))?,
            shared,
            ground,
            scratch,
            spawner: Spawner::new()?,
            current: None,
        })
    }

    /// Starts a container; the pidfd of its first process. Its streams stay open beyond its end if
    /// `is_awaited`: then it is told by an answer.
    pub(super) fn start(
        &mut self,
        container: &Container,
        streams: [OwnedFd; 3],
        is_awaited: bool,
    ) -> Started {
        let root = self.shared.roots.get(container.root)?;
        self.require(&root)?;
        root.prepare(&self.shared.roots)?;
        let groups = {
            let shared = &self.shared;
            shared.cgroups.limit(container, &shared.devices)?
        };
        let ready = self.ready(container, &root, groups.as_ref(), streams);
        let program =
            ready.and_then(|ready| recipe::container(&self.shared.host, container, ready));
        let entered = self.networks.enter(container.network);
        let started = entered
            .map_err(|error| told(NAMESPACES, &error))
            .and(program)
            .and_then(|program| Ok((self.spawn(&program)?, program)));
        match started {
            Ok((Ok(Spawned { process }), program)) => {
                let copy = process.try_clone()?;
                self.current = Some(Current {
                    process,
                    root: Some(root),
                    groups,
                    volumes: container.volumes.clone(),
                    view: None,
                    is_ended: false,
                    view_is_attached: false,
                    _program: is_awaited.then_some(program),
                });
                Ok(Ok(copy))
            }
            failed => {
                if let Some(groups) = groups {
                    groups.remove();
                }
                self.scratch.clear()?;
                Ok(Err(failed?.0.err().unwrap_or_else(|| {
                    NotStarted::Unfit("it was started and was not".to_owned())
                })))
            }
        }
    }

    fn ready(
        &mut self,
        container: &Container,
        root: &Root,
        groups: Option<&Groups>,
        streams: [OwnedFd; 3],
    ) -> io::Result<Ready> {
        self.names(container)?;
        let mut mounts = Vec::new();
        for (at, path) in container.volumes.iter().enumerate() {
            let folder = self.scratch.folder().join(format!("v{at}"));
            fs::create_dir(&folder)?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let open = rustix::fs::open(&folder, flags, Mode::empty())?;
            rustix::fs::fchmod(&open, Mode::from_bits_truncate(0o755))?;
            let told = |error: io::Error| {
                io::Error::new(error.kind(), format!("the volume {path}: {error}"))
            };
            volume::fill(root.view(&self.shared.roots)?.as_fd(), path, &open).map_err(told)?;
            let volume = copy_of(&folder)?;
            if self.shared.devices.need_mounts() {
                make_deviceless(&volume)?;
            }
            mounts.push((volume, path.clone(), Target::Folder));
        }
        mounts.extend(self.host_mounts(&container.mounts)?);
        let devices = if self.shared.host.are_devices_bound {
            let names = ["null", "zero", "full", "random", "urandom", "tty"];
            let copies = || {
                names
                    .iter()
                    .map(|name| copy_of(&PathBuf::from("/dev").join(name)))
            };
            self.ground
                .on_host(|| copies().collect::<io::Result<_>>())??
        } else {
            Vec::new()
        };
        Ok(Ready {
            overlay: root.options(&self.shared.roots, self.scratch.name()),
            scratch: self.scratch.name().to_owned(),
            mounts,
            devices,
            groups: groups.map(Groups::doors).unwrap_or_default(),
            streams,
            filter: self.shared.filter(container.process.capabilities)?,
        })
    }

    /// Files and folders of the host, read-only.
    fn host_mounts(
        &self,
        mounts: &[(PathBuf, String)],
    ) -> io::Result<Vec<(OwnedFd, String, Target)>> {
        if mounts.is_empty() {
            return Ok(Vec::new());
        }
        let copies = || {
            let copies = mounts.iter().map(|(source, target)| {
                let told = |error: io::Error| {
                    io::Error::new(error.kind(), format!("{}: {error}", source.display()))
                };
                let source = source.canonicalize().map_err(told)?;
                let tree = copy_of(&source).map_err(told)?;
                make_read_only(&tree).map_err(told)?;
                let kind = if source.is_dir() {
                    Target::Folder
                } else {
                    Target::File
                };
                Ok((tree, target.clone(), kind))
            });
            copies.collect::<io::Result<Vec<_>>>()
        };
        self.ground.on_host(copies)?
    }

    /// The files that tell a container its name and its network.
    fn names(&self, container: &Container) -> io::Result<()> {
        let texts = &self.shared.texts;
        let (hosts, name) = match container.network {
            NetworkKind::None => (HOSTS, container.host_name.as_str()),
            NetworkKind::Host => (texts.hosts.as_str(), texts.name.as_str()),
        };
        let name = format!("{name}\n");
        let folder = Path::new(self.scratch.name());
        for (file, text) in FILES.into_iter().zip([&texts.resolv, &name, hosts]) {
            let path = folder.join(file);
            let mut file = File::create_new(path)?;
            file.write_all(text.as_bytes())?;
            rustix::fs::fchmod(&file, Mode::from_bits_truncate(0o644))?;
        }
        Ok(())
    }

    fn spawn(&mut self, program: &Program) -> io::Result<Result<Spawned, NotStarted>> {
        match self.spawner.spawn(program) {
            Ok(spawned) => Ok(Ok(spawned)),
            Err(Fault::Clone(error)) => Err(told(NAMESPACES, &error)),
            Err(Fault::Step { step, error }) => Err(told(&format!("can't {step}"), &error)),
            Err(fault) => Ok(Err(not_started(
                &program.exec.argv,
                &program.exec.candidates,
                fault,
            ))),
        }
    }

    /// Executes a process in a container that runs; its pidfd.
    pub(super) fn execute(
        &mut self,
        execution: &Execution,
        container: &OwnedFd,
        streams: [OwnedFd; 3],
    ) -> Started {
        let filter = self.shared.filter(execution.capabilities)?;
        let target = container.try_clone()?;
        let program = recipe::execution(&self.shared.host, execution, target, streams, filter)?;
        join_pid_namespace(container)?;
        let spawned = self.spawn(&program);
        join_pid_namespace(&self.shared.own_pids)?;
        let spawned = match spawned? {
            Ok(spawned) => spawned,
            Err(not_started) => return Ok(Err(not_started)),
        };
        let copy = spawned.process.try_clone()?;
        self.current = Some(Current {
            process: spawned.process,
            root: None,
            groups: None,
            volumes: Vec::new(),
            view: None,
            is_ended: false,
            view_is_attached: false,
            _program: None,
        });
        Ok(Ok(copy))
    }

    /// Mounts an image that was just made known, while nobody waits for it.
    pub(super) fn lay_out(&mut self, id: u64) {
        let Ok(root) = self.shared.roots.get(id) else {
            return;
        };
        // Why it can't be had is told when it is needed.
        if self.require(&root).is_ok() {
            let _ = root.prepare(&self.shared.roots);
        }
    }

    /// How the process ended: its exit code, and whether something was killed for want of memory.
    pub(super) fn reap(&mut self) -> io::Result<(i64, bool)> {
        let current = self.current.as_mut();
        let current = current.ok_or_else(|| io::Error::other("nothing was started"))?;
        let process = WaitId::PidFd(current.process.as_fd());
        let status = waitid(process, WaitIdOptions::EXITED)?;
        current.is_ended = true;
        let status = status.ok_or_else(|| io::Error::other("it has not ended"))?;
        let signal = status.terminating_signal().map(|signal| 128 + signal);
        let code = status.exit_status().or(signal);
        let groups = current.groups.as_ref();
        let out_of_memory = groups.is_some_and(Groups::is_out_of_memory);
        Ok((code.unwrap_or(-1).into(), out_of_memory))
    }

    /// The files of the container.
    pub(super) fn view(&mut self) -> io::Result<&OwnedFd> {
        let current = self.current.as_mut();
        let current = current.ok_or_else(|| io::Error::other("there is no container"))?;
        if current.view.is_none() {
            let root = current.root.as_ref();
            let root = root.ok_or_else(|| io::Error::other("it is another's container"))?;
            let view = root.view_with(&self.shared.roots, self.scratch.name())?;
            if !current.volumes.is_empty() {
                let place = self.scratch.folder().join("view");
                fs::create_dir(&place)?;
                attach(&view, &place)?;
                current.view_is_attached = true;
                for (at, path) in current.volumes.iter().enumerate() {
                    let volume = copy_of(&self.scratch.folder().join(format!("v{at}")))?;
                    let inside = look::folder(view.as_fd(), path)?;
                    move_mount(
                        &volume,
                        "",
                        &inside,
                        "",
                        MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH
                            | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH,
                    )?;
                }
            }
            current.view = Some(view);
        }
        current
            .view
            .as_ref()
            .ok_or_else(|| io::Error::other("no view"))
    }

    /// Ends and forgets whatever there is.
    pub(super) fn release(&mut self) -> io::Result<()> {
        let Some(mut current) = self.current.take() else {
            return Ok(());
        };
        if !current.is_ended {
            let _ = rustix::process::pidfd_send_signal(&current.process, Signal::KILL);
            let process = WaitId::PidFd(current.process.as_fd());
            waitid(process, WaitIdOptions::EXITED)?;
        }
        if let Some(groups) = &current.groups {
            groups.remove();
        }
        if current.root.is_none() {
            return Ok(());
        }
        drop(current.view.take());
        if current.view_is_attached {
            unmount(self.scratch.folder().join("view"), UnmountFlags::DETACH)?;
        }
        self.scratch.clear()
    }

    /// Sees to it that the layers of an image are seen here.
    pub(super) fn require(&mut self, root: &Root) -> io::Result<()> {
        if self.ground.require(&root.bases)? {
            self.scratch.mount()?;
        }
        Ok(())
    }
}

fn attach(tree: &OwnedFd, place: &Path) -> io::Result<()> {
    Ok(move_mount(
        tree,
        "",
        CWD,
        place,
        MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH,
    )?)
}

/// What Docker writes for a container without a network.
const HOSTS: &str = "127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
";

const NAMESPACES: &str = "can't make namespaces";

fn told(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

/// What runc says of a program that can't be executed.
fn not_started(
    argv: &[std::ffi::CString],
    candidates: &[std::ffi::CString],
    fault: Fault,
) -> NotStarted {
    let program = argv
        .first()
        .map(|name| name.to_string_lossy())
        .unwrap_or_default();
    let is_path = program.contains('/');
    match fault {
        Fault::NotFound(error) => match error.raw_os_error() {
            Some(libc::EXDEV) => NotStarted::NotPermitted(format!(
                "exec: \"{program}\": cannot run executable found relative to current directory"
            )),
            _ if !is_path => NotStarted::NotFound(format!(
                "exec: \"{program}\": executable file not found in $PATH"
            )),
            Some(libc::ENOENT) => NotStarted::NotFound(format!(
                "exec: \"{program}\": stat {program}: no such file or directory"
            )),
            Some(libc::EPERM | libc::EISDIR) => {
                NotStarted::NotPermitted(format!("exec: \"{program}\": permission denied"))
            }
            _ => NotStarted::NotPermitted(format!(
                "exec: \"{program}\": stat {program}: {}",
                as_go_says(&error)
            )),
        },
        Fault::NotExecuted { candidate, error } => {
            let found = candidates.get(candidate);
            let shown = found.map_or(program.clone(), |found| found.to_string_lossy());
            match error.raw_os_error() {
                Some(libc::EACCES) => {
                    NotStarted::NotPermitted(format!("exec {shown}: permission denied"))
                }
                _ => NotStarted::Unfit(format!("exec {shown}: {}\n", as_go_says(&error))),
            }
        }
        Fault::Clone(error) | Fault::Step { error, .. } => NotStarted::Unfit(error.to_string()),
    }
}

fn as_go_says(error: &io::Error) -> String {
    // The same words, in small letters and without the number.
    let words = error.to_string();
    let words = words.split(" (os error").next().unwrap_or_default();
    words.to_lowercase()
}

/// The way back to this process's own pid namespace.
pub(super) fn own_pids() -> io::Result<OwnedFd> {
    let own = pidfd_open(rustix::process::getpid(), PidfdFlags::empty())?;
    Ok(own)
}
