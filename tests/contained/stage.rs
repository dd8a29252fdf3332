//! Projects for the embedded engine, and what is left on this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Ended, Project};

/// Longer than anything takes on a machine that is busy.
pub const LONG: Duration = Duration::from_secs(60);

/// Whether this process may do what these tests do.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A store that all of these tests share, so that layers are unpacked once.
pub fn store() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("contained-store")
}

/// A project of these checks of an image.
pub fn project(image: &str, checks: &str) -> Project {
    let spec = format!("image: {image}\nchecks:\n{checks}");
    Project::new(&[("test-specs/a.yaml", &spec)])
}

/// Of an image that has a shell and little else.
pub fn debian(checks: &str) -> Project {
    project("debian:bookworm-slim", checks)
}

/// `seatrial test` on the embedded engine.
pub fn command(project: &Project, args: &[&str]) -> Command {
    let mut command = project.command(&["--engine", "embedded", "--junit", "junit.xml"]);
    // Then the helper is a copy of the main process; other tests have it executed.
    command
        .args(args)
        .env("SEATRIAL_STORE", store())
        .env("SEATRIAL_FRESH", "1");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn test(project: &Project, args: &[&str]) -> Ended {
    Ended::of(&mut command(project, args))
}

/// A check that runs a script, with further keys.
pub fn script(name: &str, script: &str, keys: &str) -> String {
    let script = script.trim().replace('\n', "\n      ");
    let keys = keys.trim().replace('\n', "\n    ");
    format!("  - name: {name}\n    run: |\n      {script}\n    {keys}\n")
}

/// The pids whose `/proc/PID/FILE` says something.
pub fn processes(file: &str, wanted: impl Fn(&str) -> bool) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in Path::new("/proc").read_dir().unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        if let Ok(pid) = name.parse() {
            let text = std::fs::read(entry.path().join(file)).unwrap_or_default();
            if wanted(&String::from_utf8_lossy(&text)) {
                found.push(pid);
            }
        }
    }
    found
}

/// The control groups of a run.
pub fn groups(pid: u32) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let name = entry.file_name().into_string().unwrap_or_default();
                if name.starts_with(&format!("seatrial-{pid}-")) {
                    found.push(entry.path());
                }
                folders.push(entry.path());
            }
        }
    }
    found
}

/// What is being made in the store.
pub fn temporary(store: &Path) -> Vec<PathBuf> {
    let entries = store.join("temporary").read_dir().into_iter().flatten();
    entries.flatten().map(|entry| entry.path()).collect()
}

/// What a run is still making in a store that it shares with others.
pub fn temporary_of(run: u32, store: &Path) -> Vec<PathBuf> {
    let mut all = temporary(store);
    let prefix = format!("{run}-");
    all.retain(|path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with(&prefix)
    });
    all
}

/// Waits for something that others do.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LONG, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The helper of a run: both of its processes, the outer one first.
pub fn helpers(run: u32) -> Vec<u32> {
    let child_of = |parent: u32| {
        processes("stat", |text| {
            let after = text.rsplit_once(')').map_or("", |(_, after)| after);
            after.split_whitespace().nth(1) == Some(parent.to_string().as_str())
        })
    };
    let is_helper = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.starts_with(b"seatrial-helper")
    };
    let outer: Vec<u32> = child_of(run).into_iter().filter(is_helper).collect();
    let inner = outer.iter().flat_map(|outer| child_of(*outer));
    let inner: Vec<u32> = inner.filter(is_helper).collect();
    [outer, inner].concat()
}
