//! Control groups, for containers with limits.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::devices::Devices;
use super::message::Container;
use super::recipe::Hierarchy;

const TOP: &str = "/sys/fs/cgroup";
/// Docker's own period of the processor's time, in microseconds.
const PERIOD: u64 = 100_000;

/// Whether containers have, or had, groups of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Unused,
    Used,
    /// They can have none any more.
    Closed,
}

/// How control groups are arranged on this host.
#[derive(Debug)]
pub(super) struct Cgroups {
    version: Version,
    /// This process's group of version 2, which may be there beside those of version 1.
    unified: Option<PathBuf>,
    /// Part of the names of those that are made.
    name: String,
    /// The folder of all of them.
    top: PathBuf,
    stage: Mutex<Stage>,
    /// Keeps that folder in reach where it is not seen.
    _held: Option<File>,
}

#[derive(Debug)]
enum Version {
    /// One hierarchy with all controllers; the group of this process in it.
    Two(PathBuf),
    /// A hierarchy for each: its folder below `/sys/fs/cgroup` and this process's group in it.
    One(Vec<(String, String)>),
    None,
}

/// The groups of one container.
#[derive(Debug)]
pub(super) struct Groups {
    folders: Vec<PathBuf>,
    memory: Option<(PathBuf, &'static str)>,
}

impl Cgroups {
    /// Asks this host. Groups that are made have `name` in their names.
    pub(super) fn ask(name: &str) -> Self {
        let top = PathBuf::from(TOP);
        let (version, unified) = version(&top);
        Self {
            version,
            unified,
            name: name.to_owned(),
            top,
            stage: Mutex::new(Stage::Unused),
            _held: None,
        }
    }

    /// The same, for a process whose threads are going to leave the host's mounts.
    pub(super) fn held(&self) -> Self {
        let held = File::open(TOP).ok();
        let top = held.as_ref().map_or_else(
            || self.top.clone(),
            |held| PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd())),
        );
        let moved = |path: &PathBuf| match path.strip_prefix(&self.top) {
            Ok(inside) => top.join(inside),
            Err(_) => path.clone(),
        };
        Self {
            version: match &self.version {
                Version::Two(own) => Version::Two(moved(own)),
                Version::One(hierarchies) => Version::One(hierarchies.clone()),
                Version::None => Version::None,
            },
            unified: self.unified.as_ref().map(moved),
            name: self.name.clone(),
            top,
            stage: Mutex::new(Stage::Unused),
            _held: held,
        }
    }

    /// What containers see of them.
    pub(super) fn seen(&self) -> Vec<Hierarchy> {
        match &self.version {
            Version::None => Vec::new(),
            Version::Two(_) => vec![Hierarchy {
                folder: String::new(),
                options: String::new(),
            }],
            Version::One(hierarchies) => {
                let hierarchies = hierarchies.iter().map(|(folder, _)| Hierarchy {
                    folder: folder.clone(),
                    options: if folder == "systemd" {
                        "none,name=systemd".to_owned()
                    } else {
                        folder.clone()
                    },
                });
                hierarchies.collect()
            }
        }
    }

    /// Where this helper's own group of a hierarchy of version 1 is to be.
    pub(super) fn version_one_folder(&self, controller: &str) -> Option<PathBuf> {
        let Version::One(hierarchies) = &self.version else {
            return None;
        };
        let (folder, own) = find(hierarchies, controller)?;
        Some(place(&self.top, folder, own).join(&self.name))
    }

    /// Where this helper's own group of version 2 is to be.
    pub(super) fn version_two_folder(&self) -> Option<PathBuf> {
        Some(self.unified.as_ref()?.join(&self.name))
    }

    /// From now on, none are made for containers; whether there were any.
    pub(super) fn close(&self) -> bool {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *stage, Stage::Closed) == Stage::Used
    }

    /// Removes the groups of the helper itself.
    pub(super) fn remove_own(&self) {
        let folders = [
            self.version_one_folder("devices"),
            self.version_two_folder(),
        ];
        for folder in folders.into_iter().flatten() {
            remove(&folder);
        }
    }

    /// Removes all groups that have the name in theirs and nobody in them.
    pub(super) fn remove_all(&self) {
        for folder in self.all() {
            let name = folder.file_name().unwrap_or_default();
            let ours = name.to_str().and_then(|name| name.strip_prefix(&self.name));
            if ours.is_some_and(|rest| rest.is_empty() || rest.starts_with('-')) {
                remove(&folder);
            }
        }
    }

    /// All groups beside that of this process, or below it, whose names begin so.
    fn all(&self) -> Vec<PathBuf> {
        let folders: Vec<PathBuf> = match &self.version {
            Version::One(hierarchies) => {
                let own = hierarchies.iter();
                own.map(|(folder, own)| place(&self.top, folder, own))
                    .collect()
            }
            Version::Two(_) | Version::None => Vec::new(),
        };
        let mut all = Vec::new();
        for folder in folders.iter().chain(&self.unified) {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = entry.file_name();
                if name
                    .to_str()
                    .is_some_and(|name| name.starts_with(&self.name))
                {
                    all.push(entry.path());
                }
            }
        }
        all
    }

    /// Makes groups with the limits of a container; `None` if it has none.
    pub(super) fn limit(
        &self,
        container: &Container,
        devices: &Devices,
    ) -> io::Result<Option<Groups>> {
        let Container {
            memory,
            milli_cpus,
            pids,
            ..
        } = container;
        if memory.is_none() && milli_cpus.is_none() && pids.is_none() {
            return Ok(None);
        }
        {
            let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
            if *stage == Stage::Closed {
                return Err(io::Error::other("the run has ended"));
            }
            *stage = Stage::Used;
        }
        let name = format!("{}-{}", self.name, container.host_name);
        let mut groups = Groups {
            folders: Vec::new(),
            memory: None,
        };
        let quota = milli_cpus.map(|cpus| cpus * PERIOD / 1000);
        let made = match &self.version {
            Version::None => Err(io::Error::other("this host has no control groups")),
            Version::Two(own) => {
                let folder = own.join(name);
                groups
                    .version_two(&folder, *memory, quota, *pids)
                    .and_then(|()| devices.guard(&folder))
            }
            Version::One(hierarchies) => {
                let place = |controller: &str| {
                    let (folder, own) = find(hierarchies, controller).ok_or_else(|| {
                        io::Error::other(format!("this host has none for `{controller}`"))
                    })?;
                    Ok(place(&self.top, folder, own).join(&name))
                };
                groups.version_one(&place, *memory, quota, *pids)
            }
        };
        match made {
            Ok(()) => Ok(Some(groups)),
            Err(error) => {
                groups.remove();
                Err(io::Error::new(
                    error.kind(),
                    format!("control groups: {error}"),
                ))
            }
        }
    }
}

fn version(top: &Path) -> (Version, Option<PathBuf>) {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut hierarchies = Vec::new();
    let mut own = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        if controllers.is_empty() {
            own = Some(path.to_owned());
            continue;
        }
        let folder = controllers.strip_prefix("name=").unwrap_or(controllers);
        if top.join(folder).is_dir() {
            hierarchies.push((folder.to_owned(), path.to_owned()));
        }
    }
    let tops = ["", "unified"].map(|folder| top.join(folder));
    let mut tops = tops.iter();
    let top = tops.find(|top| top.join("cgroup.controllers").is_file());
    let unified = own
        .zip(top)
        .map(|(own, top)| top.join(own.trim_start_matches('/')));
    let version = match &unified {
        _ if !hierarchies.is_empty() => Version::One(hierarchies),
        Some(unified) => Version::Two(unified.clone()),
        None => Version::None,
    };
    (version, unified)
}

/// The hierarchy of a controller: its folder, and this process's group in it.
fn find<'a>(hierarchies: &'a [(String, String)], controller: &str) -> Option<(&'a str, &'a str)> {
    let found = hierarchies
        .iter()
        .find(|(folder, _)| folder.split(',').any(|known| known == controller));
    found.map(|(folder, own)| (folder.as_str(), own.as_str()))
}

fn place(top: &Path, folder: &str, own: &str) -> PathBuf {
    top.join(folder).join(own.trim_start_matches('/'))
}

/// Removes a group that nobody is in any more.
fn remove(folder: &Path) {
    // A process that was killed with its container may still be on its way out.
    for _ in 0..100 {
        match fs::remove_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            _ => break,
        }
    }
}

impl Groups {
    fn folder(&mut self, folder: PathBuf) -> io::Result<PathBuf> {
        fs::create_dir(&folder)?;
        self.folders.push(folder.clone());
        Ok(folder)
    }

    fn version_two(
        &mut self,
        folder: &Path,
        memory: Option<u64>,
        quota: Option<u64>,
        pids: Option<u32>,
    ) -> io::Result<()> {
        let folder = self.folder(folder.to_owned())?;
        if let Some(memory) = memory {
            set(&folder.join("memory.max"), memory)?;
            // There may be no swap.
            let _ = set(&folder.join("memory.swap.max"), 0);
            self.memory = Some((folder.join("memory.events"), "oom_kill "));
        }
        if let Some(quota) = quota {
            set(&folder.join("cpu.max"), format!("{quota} {PERIOD}"))?;
        }
        if let Some(pids) = pids {
            set(&folder.join("pids.max"), pids)?;
        }
        Ok(())
    }

    fn version_one(
        &mut self,
        place: &dyn Fn(&str) -> io::Result<PathBuf>,
        memory: Option<u64>,
        quota: Option<u64>,
        pids: Option<u32>,
    ) -> io::Result<()> {
        if let Some(memory) = memory {
            let folder = self.folder(place("memory")?)?;
            set(&folder.join("memory.limit_in_bytes"), memory)?;
            // Where swap is not counted there is no such file.
            let _ = set(&folder.join("memory.memsw.limit_in_bytes"), memory);
            self.memory = Some((folder.join("memory.oom_control"), "oom_kill "));
        }
        if let Some(quota) = quota {
            let folder = self.folder(place("cpu")?)?;
            set(&folder.join("cpu.cfs_period_us"), PERIOD)?;
            set(&folder.join("cpu.cfs_quota_us"), quota)?;
        }
        if let Some(pids) = pids {
            let folder = self.folder(place("pids")?)?;
            set(&folder.join("pids.max"), pids)?;
        }
        Ok(())
    }

    /// The files to which a process writes to join.
    pub(super) fn doors(&self) -> Vec<String> {
        let doors = self.folders.iter();
        doors
            .map(|folder| folder.join("cgroup.procs").display().to_string())
            .collect()
    }

    /// Whether something was killed for want of memory.
    pub(super) fn is_out_of_memory(&self) -> bool {
        let Some((file, key)) = &self.memory else {
            return false;
        };
        let text = fs::read_to_string(file).unwrap_or_default();
        let count = text.lines().find_map(|line| line.strip_prefix(key));
        count.is_some_and(|count| count.trim() != "0")
    }

    /// Removes them; the last process in them has just ended.
    pub(super) fn remove(&self) {
        for folder in self.folders.iter().rev() {
            remove(folder);
        }
    }
}

/// Removes all groups with this name that nobody is in, once their processes have ended.
pub(in crate::engine::embedded) fn remove_groups(name: &str) {
    Cgroups::ask(name).remove_all();
}

/// The groups whose names begin so, wherever this process could have made them.
pub(in crate::engine::embedded) fn group_folders(name: &str) -> Vec<PathBuf> {
    Cgroups::ask(name).all()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a file of the kernel, which takes whole values"
)]
pub(super) fn set(file: &Path, value: impl std::fmt::Display) -> io::Result<()> {
    fs::write(file, value.to_string())
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))
}
