//! The helper's own life: into its namespaces, then one thread for each connection.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rustix::fs::CWD;
use rustix::mount::{
    MountPropagationFlags, MoveMountFlags, UnmountFlags, mount_change, move_mount, unmount,
};
use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitOptions, set_dumpable_behavior,
    set_parent_process_death_signal, setpgid, waitpid,
};
use serde::{Deserialize, Serialize};

use super::cgroup::Cgroups;
use super::container::{Maker, Shared, Texts, own_pids};
use super::devices::{Birthplace, Devices};
use super::ground::{Ground, memory};
use super::message::{Answer, Request};
use super::recipe::{EMPTY, GROUPS, Hierarchy, Host, control_groups};
use super::roots::Roots;
use super::scratch::Scratch;
use super::wire::Channel;
use super::worker;
use crate::engine::embedded::capabilities::Capabilities;
use crate::engine::embedded::sandbox::{
    Stay, close_inherited, fork, heed_signals, perform_here, unshare,
};

/// What the helper is told when it starts, as its second argument.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine::embedded) struct Settings {
    /// The layer store.
    pub(in crate::engine::embedded) store: PathBuf,
    /// The most that a container may write, in bytes.
    pub(in crate::engine::embedded) scratch: u64,
    /// How its control groups are called.
    pub(in crate::engine::embedded) name: String,
    /// Whether it must be in a user namespace.
    pub(in crate::engine::embedded) rootless: bool,
}

/// How the helper is called.
pub(in crate::engine::embedded) const NAME: &str = "seatrial-helper";

/// Runs the helper if this process is one: whether it was. Its socket is the standard input.
pub fn serve() -> Option<ExitCode> {
    let mut arguments = std::env::args();
    if arguments.next()? != NAME {
        return None;
    }
    let settings = arguments.next().unwrap_or_default();
    let settings = serde_json::from_str(&settings).map_err(io::Error::from);
    Some(end(settings.and_then(|settings| run(&settings))).into())
}

/// Runs the helper in a process that was made for it, and that is a copy of another's; what it is to
/// end with.
pub(in crate::engine::embedded) fn serve_forked(settings: &Settings, socket: OwnedFd) -> u8 {
    let begin = || -> io::Result<()> {
        // Signals of the terminal are the main process's to handle.
        setpgid(None, None)?;
        rustix::stdio::dup2_stdin(socket)?;
        Ok(rustix::stdio::dup2_stdout(
            fs::File::options().write(true).open("/dev/null")?,
        )?)
    };
    end(begin().and_then(|()| run(settings)))
}

/// What the process ends with; the other end is told of what went wrong.
fn end(done: io::Result<End>) -> u8 {
    match done {
        Ok(End::Orderly) => 0,
        Ok(End::Limited) => LIMITED,
        Err(error) => {
            let channel = io::stdin().as_fd().try_clone_to_owned().map(Channel::of);
            let _ =
                channel.and_then(|channel| channel.send(&Answer::Failed(error.to_string()), &[]));
            1
        }
    }
}

/// How one of the helper's two processes ends.
enum End {
    /// Nothing of it is left, but for its own control group.
    Orderly,
    /// There were control groups of containers, which may be left.
    Limited,
}

/// What the inner process ends with to say so.
const LIMITED: u8 = 3;

fn run(settings: &Settings) -> io::Result<End> {
    close_inherited()?;
    heed_signals();
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let channel = Channel::of(socket);
    let has_many_users = if settings.rootless {
        unshare(libc::CLONE_NEWUSER)?;
        channel.send(&Answer::Nothing, &[])?;
        match channel.receive::<bool>()? {
            Some((has_many_users, _)) => has_many_users,
            None => return Ok(End::Orderly),
        }
    } else {
        true
    };
    let outside = Cgroups::ask(&settings.name);
    let cgroups = outside.held();
    let mut birthplace = Birthplace::prepare(settings.rootless, &cgroups);
    unshare(libc::CLONE_NEWNS | libc::CLONE_NEWPID)?;
    // The child takes this one's place: here, it need not wait for another processor.
    let stay = Stay::here();
    let child = match fork(birthplace.as_ref().map(AsFd::as_fd)) {
        Err(_) if birthplace.take().is_some() => fork(None)?,
        forked => forked?,
    };
    drop(stay);
    if let Some(child) = child {
        // The first process of the namespace: when it ends, all in it has ended.
        let child = Pid::from_raw(child);
        let ended = waitpid(child, WaitOptions::empty())?;
        // By the names of the host: the child has its own /proc by now, and so has this process.
        if ended.is_some_and(|(_, status)| status.exit_status() == Some(0)) {
            outside.remove_own();
        } else {
            outside.remove_all();
        }
        return Ok(End::Orderly);
    }
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // Before nobody may look into this process any more, itself included.
    prefer_for_killing();
    let devices = Devices::keep_from_us(settings.rootless, birthplace, &cgroups);
    control(&channel, settings, has_many_users, cgroups, devices)
}

/// Where memory is short, the largest container goes first, and nothing of the host: half of all
/// memory counts on top of what each has. Containers inherit it.
fn prefer_for_killing() {
    const SCORE: &[u8] = b"500";
    // A courtesy: without it, the kernel chooses as ever.
    if let Ok(mut file) = fs::File::options()
        .write(true)
        .open("/proc/self/oom_score_adj")
    {
        let _ = file.write_all(SCORE);
    }
}

/// Serves the control connection; the others each by a thread.
fn control(
    channel: &Channel,
    settings: &Settings,
    has_many_users: bool,
    cgroups: Cgroups,
    devices: Devices,
) -> io::Result<End> {
    // For a moment, a process that is started in a container is seen there and shares our memory:
    // whoever is in there must not get at it.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    // Only this process's own: with the socket, the whole helper ends.
    let null = fs::File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    let run = lay_out(settings)?;
    let shared = Arc::new(shared(settings, &run, has_many_users, cgroups, devices)?);
    let number = AtomicU64::new(0);
    // What takes longest, and is the same for nearly all containers. Why it can't be had is told when it
    // is needed.
    let early = Arc::clone(&shared);
    let thread = std::thread::Builder::new().name("early".to_owned());
    let _ = thread.spawn(move || {
        let _ = early.spare.make(early.host.last_group);
        let _ = early.filter(Capabilities::DOCKER_DEFAULT.0);
    });
    channel.send(&Answer::Done, &[])?;
    while let Some((request, files)) = channel.receive::<Request>()? {
        let answer = match (request, <[OwnedFd; 1]>::try_from(files)) {
            (Request::Connect, Ok([socket])) => {
                let number = number.fetch_add(1, Ordering::Relaxed);
                connect(&shared, settings, &run, number, socket)
            }
            _ => Err(io::Error::other("this connection is for new ones only")),
        };
        let answer =
            answer.map_or_else(|error| Answer::Failed(error.to_string()), |()| Answer::Done);
        channel.send(&answer, &[])?;
    }
    Ok(if shared.cgroups.close() {
        End::Limited
    } else {
        End::Orderly
    })
}

/// A folder in memory for what all threads share, on a folder of the store that is always empty.
fn lay_out(settings: &Settings) -> io::Result<PathBuf> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private)?;
    // Pids are seen as this namespace has them.
    let flags = rustix::mount::MountFlags::NOSUID
        | rustix::mount::MountFlags::NODEV
        | rustix::mount::MountFlags::NOEXEC;
    rustix::mount::mount("proc", "/proc", "proc", flags, None)?;
    let run = settings.store.join("run");
    fs::create_dir_all(&run)?;
    let tree = memory(&[("mode", "700")])?;
    move_mount(
        &tree,
        "",
        CWD,
        &run,
        MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH,
    )?;
    for folder in ["l", "i", "w", "r", GROUPS, EMPTY] {
        fs::create_dir(run.join(folder))?;
    }
    let flags = rustix::mount::MountFlags::RDONLY;
    rustix::mount::mount("tmpfs", run.join(EMPTY), "tmpfs", flags, None)?;
    Ok(run)
}

/// Mounts control groups in the run folder, for containers to take along; whether it could. A single
/// hierarchy, that of version 2, is mounted as fast as it would be taken along, and may refuse to
/// let processes out of a namespace.
fn make_groups_ready(run: &Path, hierarchies: &[Hierarchy]) -> bool {
    if hierarchies.len() < 2 {
        return false;
    }
    let folder = run.join(GROUPS);
    let mount = || -> io::Result<()> {
        unshare(libc::CLONE_NEWCGROUP)?;
        let top = folder.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
        perform_here(&control_groups(hierarchies, top)?)
    };
    if mount().is_ok() {
        return true;
    }
    // Each container mounts its own then.
    let _ = unmount(&folder, UnmountFlags::DETACH);
    false
}

fn shared(
    settings: &Settings,
    run: &Path,
    has_many_users: bool,
    cgroups: Cgroups,
    devices: Devices,
) -> io::Result<Shared> {
    let rootless = settings.rootless;
    let release = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse().unwrap_or(0));
    let kernel = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let seen = cgroups.seen();
    let are_ready = make_groups_ready(run, &seen);
    Ok(Shared {
        roots: Roots::new(run, &settings.store, rootless),
        host: Host::ask(rootless, has_many_users, &devices, seen, are_ready),
        cgroups,
        devices,
        kernel,
        texts: Texts::of_host(),
        own_pids: own_pids()?,
        spare: Arc::default(),
        filters: Mutex::default(),
    })
}

fn connect(
    shared: &Arc<Shared>,
    settings: &Settings,
    run: &Path,
    number: u64,
    socket: OwnedFd,
) -> io::Result<()> {
    let (shared, run) = (Arc::clone(shared), run.to_owned());
    let size = settings.scratch;
    let thread = std::thread::Builder::new().name(format!("worker {number}"));
    thread.spawn(move || {
        let channel = Channel::of(socket);
        let maker = || -> io::Result<Maker> {
            let bases: BTreeSet<PathBuf> = shared.roots.bases();
            let ground = Ground::leave(&run, bases, shared.roots.in_user_namespace)?;
            let scratch = Scratch::new(&run, number, size)?;
            Maker::new(shared, ground, scratch)
        };
        match maker() {
            Ok(mut maker) => {
                if channel.send(&Answer::Done, &[]).is_ok() {
                    worker::serve(&channel, &mut maker);
                }
            }
            Err(error) => {
                let failed = Answer::Failed(format!("can't make a place for containers: {error}"));
                let _ = channel.send(&failed, &[]);
            }
        }
    })?;
    Ok(())
}
