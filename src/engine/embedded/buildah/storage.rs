//! Where buildah keeps what it makes: a folder of the store, used by one run at a time.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::errors::{PREPARE, broken, failed, unusable, words};
use crate::build::{Bounds, follow};
use crate::engine::EngineError;
use crate::mark::Mark;

/// In this folder of the store.
const FOLDER: &str = "buildah";
/// The images that others have put there for this user can be built upon.
const SHARED: &str = "/var/lib/containers/storage";
/// How long buildah has to clean up once it was told to end.
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// For all but builds.
const LIMIT: Duration = Duration::from_secs(300);
/// How long another run is waited for before it is said that it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// buildah with a storage of its own, held by this run alone.
pub(super) struct Storage {
    program: PathBuf,
    folder: PathBuf,
    driver: &'static str,
    temporary: TempDir,
    _lock: File,
}

impl Storage {
    /// Waits until no other run uses it, and removes the working containers of those that were
    /// killed. A storage that is not usable any more is only a cache, and made anew.
    pub(super) fn open(
        program: PathBuf,
        store: &Path,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Self, EngineError> {
        let io = |error: io::Error| failed(PREPARE, error);
        let folder = store.join(FOLDER);
        let made = DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(&folder);
        made.map_err(io)?;
        let lock = lock(&folder, is_stopped)?;
        let temporary = tempfile::Builder::new()
            .prefix(&format!("{}.", Mark::ours()))
            .tempdir_in(store.join("temporary"))
            .map_err(io)?;
        let mut storage = Self {
            program,
            folder,
            driver: "overlay",
            temporary,
            _lock: lock,
        };
        storage.forget_boots();
        let mut reason = String::new();
        for driver in ["overlay", "vfs"] {
            storage.driver = driver;
            for again in [false, true] {
                match storage.reap(is_stopped) {
                    Ok(()) => return Ok(storage),
                    Err(EngineError::Interrupted) => return Err(EngineError::Interrupted),
                    Err(error) => reason = error.to_string(),
                }
                if !again {
                    storage.wipe();
                }
            }
        }
        Err(unusable(&storage.folder, &reason))
    }

    /// A folder for this run, removed in the end.
    pub(super) fn temporary(&self) -> &Path {
        self.temporary.path()
    }

    /// buildah, told to use this storage.
    pub(super) fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env("TMPDIR", self.temporary.path())
            .current_dir(self.temporary.path())
            .args(["--storage-driver", self.driver])
            .arg("--root")
            .arg(self.root())
            .arg("--runroot")
            .arg(self.run_root());
        if let Some(shared) = self.shared() {
            let option = format!("{}.imagestore={}", self.driver, shared.display());
            command.args(["--storage-opt", &option]);
        }
        command.arg(subcommand);
        command
    }

    /// Runs a short command of buildah and gives what it writes.
    pub(super) fn ask(
        &self,
        step: &'static str,
        command: Command,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<String, EngineError> {
        let bounds = Bounds {
            is_stopped,
            until: Instant::now() + LIMIT,
            grace: GRACE,
        };
        let mut text = Vec::new();
        let mut take = |chunk: &[u8]| {
            // More than anybody reads.
            if text.len() < 1 << 20 {
                text.extend_from_slice(chunk);
            }
        };
        let status = follow(command, None, &bounds, &mut take);
        let status = status.map_err(|why| broken(step, why))?;
        let text = String::from_utf8_lossy(&text).into_owned();
        if status.success() {
            Ok(text)
        } else {
            Err(failed(step, format!("buildah: {}", words(&text))))
        }
    }

    /// Removes all working containers. Nobody else can have one here.
    pub(super) fn reap(&self, is_stopped: &dyn Fn() -> bool) -> Result<(), EngineError> {
        let mut command = self.command("rm");
        command.arg("--all");
        self.ask(PREPARE, command, is_stopped).map(drop)
    }

    /// Removes the layers that no image with a name is made of.
    pub(super) fn prune(&self) {
        let mut command = self.command("rmi");
        command.arg("--prune");
        // What stays takes room and does no harm; the next build tries again.
        let _ = self.ask(PREPARE, command, &|| false);
    }

    /// Removes all that is in it.
    pub(super) fn wipe(&self) {
        for folder in [self.root(), self.run_root()] {
            remove(&self.program, &folder);
        }
    }

    fn root(&self) -> PathBuf {
        self.folder.join(self.driver)
    }

    /// What is mounted ends with the boot, and so does what is noted of it.
    fn run_root(&self) -> PathBuf {
        self.folder.join(format!("run-{}", Mark::ours().boot))
    }

    fn forget_boots(&self) {
        let ours = self.run_root();
        for entry in self.folder.read_dir().into_iter().flatten().flatten() {
            let is_run = entry.file_name().to_string_lossy().starts_with("run-");
            if is_run && entry.path() != ours {
                remove(&self.program, &entry.path());
            }
        }
    }

    fn shared(&self) -> Option<PathBuf> {
        let folder = match std::env::var_os("HOME") {
            _ if rustix::process::geteuid().is_root() => PathBuf::from(SHARED),
            home => PathBuf::from(home?).join(".local/share/containers/storage"),
        };
        let has_images = folder.join(format!("{}-images/images.json", self.driver));
        has_images.is_file().then_some(folder)
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        // A build that was ended leaves its working container.
        let _ = self.reap(&|| false);
    }
}

/// All that buildah has of the store in `folder` is removed, unless a run uses it: whether it was.
pub(in crate::engine::embedded) fn clear(store: &Path) -> io::Result<bool> {
    let folder = store.join(FOLDER);
    if !folder.exists() {
        return Ok(true);
    }
    let file = File::create(folder.join("lock"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(false),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    remove(Path::new("buildah"), &folder);
    Ok(!folder.exists())
}

/// Removes a folder, by buildah's own hands where its files are not ours.
fn remove(program: &Path, folder: &Path) {
    for mount in mounts_below(folder) {
        let _ = rustix::mount::unmount(&mount, rustix::mount::UnmountFlags::DETACH);
    }
    if std::fs::remove_dir_all(folder).is_ok() || rustix::process::geteuid().is_root() {
        return;
    }
    let mut command = Command::new(program);
    command.args(["unshare", "rm", "-rf"]).arg(folder);
    let _ = command.output();
}

/// What a killed buildah has left mounted there, the last first.
fn mounts_below(folder: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let places = text.lines().filter_map(|line| line.split(' ').nth(1));
    let mut found: Vec<PathBuf> = places
        .map(|place| PathBuf::from(place.replace("\\040", " ")))
        .filter(|place| place.starts_with(folder) && place != folder)
        .collect();
    found.reverse();
    found
}

fn lock(folder: &Path, is_stopped: &dyn Fn() -> bool) -> Result<File, EngineError> {
    let io = |error: io::Error| failed(PREPARE, error);
    let file = File::create(folder.join("lock")).map_err(io)?;
    let begun = Instant::now();
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        if is_stopped() {
            return Err(EngineError::Interrupted);
        }
        if !told && begun.elapsed() > PATIENCE {
            eprintln!("another run builds with buildah: waiting for it");
            told = true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
