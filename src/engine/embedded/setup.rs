//! What the embedded engine is started with, read from this host and the environment.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::client::{Helper, failed};
use super::daemon::Daemon;
use super::hands::HelperHands;
use super::helper::Settings;
use super::images::{Library, Sources};
use super::lacks::{Ability, may_limit};
use super::source::Platform;
use super::store::{Store, StoreError};
use super::unpack::{Form, Owners};
use crate::engine::{EngineError, EngineInfo, is_root_of_machine};
use crate::mark::Mark;
use crate::registry::Registries;

/// The most that the store holds after a run when nobody says otherwise, in bytes.
pub(super) const BOUND: u64 = 50 << 30;
/// The name of the groups of one run begins with this.
pub(super) const GROUPS: &str = "seatrial-";

/// The settings of one engine.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) settings: Settings,
}

impl Setup {
    /// Those of this host and this user.
    ///
    /// # Errors
    /// When there is no folder for the store.
    pub(super) fn of_this_host() -> Result<Self, EngineError> {
        let rootless = !is_root_of_machine();
        let processors = std::thread::available_parallelism().map_or(2, usize::from) as u64;
        let memory = rustix::system::sysinfo();
        let memory = memory.totalram as u64 * u64::from(memory.mem_unit);
        Ok(Self {
            settings: Settings {
                store: store_folder(&|name| std::env::var(name).ok())?,
                // Containers write to memory: half of it, for as many as run at once.
                scratch: (memory / 2 / (2 * processors)).max(64 << 20),
                name: format!("{GROUPS}{}", Mark::ours()),
                rootless,
            },
        })
    }

    /// The store, which must be there before the helper: that mounts something in it.
    pub(super) fn store(&self) -> Result<Store, EngineError> {
        let tell = |text: &str| eprintln!("{text}");
        let store = Store::open(&self.settings.store, Arc::new(tell));
        store.map_err(StoreError::into_engine)
    }

    pub(super) fn library(
        &self,
        helper: &Arc<Helper>,
        store: Store,
        daemon: Daemon,
        root: &Path,
        runtime: Handle,
        stop: watch::Receiver<bool>,
    ) -> Library {
        let owners = if helper.has_many_users() {
            Owners::AsGiven
        } else {
            Owners::Single
        };
        Library {
            sources: self.sources(store, daemon, root, runtime, stop),
            hands: HelperHands {
                helper: Arc::clone(helper),
                form: if self.settings.rootless {
                    Form::User
                } else {
                    Form::Trusted
                },
                owners,
            },
        }
    }

    pub(super) fn sources(
        &self,
        store: Store,
        daemon: Daemon,
        root: &Path,
        runtime: Handle,
        stop: watch::Receiver<bool>,
    ) -> Sources {
        let stopping = stop.clone();
        Sources {
            store: store.stopping(Arc::new(move || *stopping.borrow())),
            daemon,
            registries: Registries::new(runtime, stop, |name| std::env::var(name).ok()),
            root: root.to_owned(),
            temporary: self.settings.store.join("temporary"),
        }
    }

    /// What the engine says of itself.
    pub(super) fn info(&self) -> EngineInfo {
        EngineInfo {
            kind: "embedded".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            platform: Platform::host().to_string(),
            beside: None,
        }
    }

    /// Whether a limit can be set with this controller of control groups. `groups` are those of this
    /// process, as the kernel tells them.
    pub(super) fn limit(groups: &str, controller: &str) -> Ability {
        let top = Path::new("/sys/fs/cgroup");
        let mut two = None;
        for line in groups.lines() {
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(own)) = (parts.next(), parts.next()) else {
                continue;
            };
            let own = own.trim_start_matches('/');
            if controllers.split(',').any(|known| known == controller) {
                return may_limit(Ok(&top.join(controllers).join(own)));
            }
            if controllers.is_empty() {
                two = Some(top.join(own));
            }
        }
        let Some(own) = two else {
            return may_limit(Err("this host has no control groups".to_owned()));
        };
        // Only what the folder above hands down can be limited here.
        let handed = std::fs::read_to_string(own.join("cgroup.subtree_control"));
        let handed = handed.unwrap_or_default();
        if handed.split_whitespace().any(|known| known == controller) {
            return may_limit(Ok(&own));
        }
        may_limit(Err(format!(
            "`{controller}` is not handed down to {}",
            own.display()
        )))
    }
}

/// The folder for results of checks, in the store. It is made, and is this user's alone.
///
/// # Errors
/// When there is no place for it, or the store is somebody else's.
pub fn results_folder() -> Result<PathBuf, EngineError> {
    let folder = store_folder(&|name| std::env::var(name).ok())?;
    let store = Store::open(&folder, Arc::new(|_| {}));
    Ok(store.map_err(StoreError::into_engine)?.results())
}

/// The folder of the store: `SEATRIAL_STORE`, or below the user's cache folder.
pub(super) fn store_folder(env: &dyn Fn(&str) -> Option<String>) -> Result<PathBuf, EngineError> {
    let said = |name: &str| {
        env(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(folder) = said("SEATRIAL_STORE") {
        return std::path::absolute(folder).map_err(|error| failed("find its store", error));
    }
    let cache = said("XDG_CACHE_HOME").filter(|folder| folder.is_absolute());
    let cache = cache.or_else(|| said("HOME").map(|home| home.join(".cache")));
    cache
        .map(|cache| cache.join("seatrial/store"))
        .ok_or_else(|| {
            EngineError::Configuration(
            "there is no folder for unpacked layers: set HOME, XDG_CACHE_HOME or SEATRIAL_STORE"
                .to_owned(),
        )
        })
}
