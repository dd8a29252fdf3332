//! Control groups, for containers with limits.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::message::Container;
use super::recipe::Hierarchy;

const TOP: &str = "/sys/fs/cgroup";
/// Docker's own period of the processor's time, in microseconds.
const PERIOD: u64 = 100_000;

/// How control groups are arranged on this host.
#[derive(Debug)]
pub(super) struct Cgroups {
    version: Version,
    /// Part of the names of those that are made.
    name: String,
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
        Self {
            version: version(),
            name: name.to_owned(),
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

    /// Makes groups with the limits of a container; `None` if it has none.
    pub(super) fn limit(&self, container: &Container) -> io::Result<Option<Groups>> {
        let Container {
            memory,
            milli_cpus,
            pids,
            ..
        } = container;
        if memory.is_none() && milli_cpus.is_none() && pids.is_none() {
            return Ok(None);
        }
        let name = format!("{}-{}", self.name, container.host_name);
        let mut groups = Groups {
            folders: Vec::new(),
            memory: None,
        };
        let quota = milli_cpus.map(|cpus| cpus * PERIOD / 1000);
        let made = match &self.version {
            Version::None => Err(io::Error::other("this host has no control groups")),
            Version::Two(own) => groups.version_two(&own.join(name), *memory, quota, *pids),
            Version::One(hierarchies) => {
                groups.version_one(hierarchies, &name, *memory, quota, *pids)
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

fn version() -> Version {
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
        if Path::new(TOP).join(folder).is_dir() {
            hierarchies.push((folder.to_owned(), path.to_owned()));
        }
    }
    match own {
        _ if !hierarchies.is_empty() => Version::One(hierarchies),
        Some(own) if Path::new(TOP).join("cgroup.controllers").is_file() => {
            Version::Two(Path::new(TOP).join(own.trim_start_matches('/')))
        }
        _ => Version::None,
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
        hierarchies: &[(String, String)],
        name: &str,
        memory: Option<u64>,
        quota: Option<u64>,
        pids: Option<u32>,
    ) -> io::Result<()> {
        let place = |controller: &str| {
            let found = hierarchies.iter().find(|(folder, _)| {
                let mut controllers = folder.split(',');
                controllers.any(|known| known == controller)
            });
            let (folder, own) = found.ok_or_else(|| {
                io::Error::other(format!("this host has none for `{controller}`"))
            })?;
            let own = own.trim_start_matches('/');
            Ok::<_, io::Error>(Path::new(TOP).join(folder).join(own).join(name))
        };
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
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a file of the kernel, which takes whole values"
)]
fn set(file: &Path, value: impl std::fmt::Display) -> io::Result<()> {
    fs::write(file, value.to_string())
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))
}
