//! That containers can be made here, as an earlier run has proven.
//!
//! A trial takes as long as several checks. Its outcome hangs on the kernel and its settings, on
//! the rights of this process, on where the store is, and on this program; as long as all of that
//! is the same since the machine has started, it is not tried again.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::engine::embedded::store::Store;
use crate::mark::Mark;
use crate::spec::Sha256Digest;

/// Whether an earlier run has proven it.
pub(super) fn is_kept(store: &Store) -> bool {
    let known = fs::read_to_string(store.proof());
    let now = conditions(store.folder());
    known.is_ok_and(|known| now.is_some_and(|now| known.trim_end() == now))
}

/// Keeps that it was proven.
pub(super) fn keep(store: &Store) {
    if let Some(now) = conditions(store.folder()) {
        // Without it a later run tries again, and nothing else.
        let _ = store.put_proof(&now);
    }
}

/// Forgets it.
pub(super) fn forget(store: &Store) {
    let _ = fs::remove_file(store.proof());
}

/// All that the outcome hangs on, in a digest; nothing where not even the boot can be told.
fn conditions(store: &Path) -> Option<String> {
    let boot = Mark::ours().boot;
    if boot.is_empty() {
        return None;
    }
    let mut hasher = Sha256::new_with_prefix(boot);
    let mut add = |name: &str, value: &[u8]| {
        hasher.update(format!("\n{name} {} ", value.len()));
        hasher.update(value);
    };
    for path in ["/proc/self/exe", store.to_str()?] {
        let it = fs::metadata(path).ok()?;
        let (dev, ino, uid) = (it.dev(), it.ino(), it.uid());
        // A store changes with each run; a program does not.
        let program =
            (it.is_file()).then(|| (it.size(), it.mtime_nsec(), it.ctime(), it.ctime_nsec()));
        add(path, format!("{dev} {ino} {uid} {program:?}").as_bytes());
    }
    let status = fs::read_to_string("/proc/self/status").ok()?;
    for line in status.lines() {
        let name = line.split(':').next().unwrap_or_default();
        let counts = [
            "Uid",
            "Gid",
            "Groups",
            "NoNewPrivs",
            "Seccomp",
            "Seccomp_filters",
        ];
        if counts.contains(&name) || name.starts_with("Cap") {
            add("status", line.as_bytes());
        }
    }
    for name in ["user", "mnt", "net", "cgroup", "pid"] {
        let link = fs::read_link(format!("/proc/self/ns/{name}")).unwrap_or_default();
        add(name, link.as_os_str().as_encoded_bytes());
    }
    for path in [
        "/proc/self/cgroup",
        "/proc/self/limits",
        "/proc/self/attr/current",
        "/proc/self/uid_map",
        "/proc/sys/user/max_user_namespaces",
        "/proc/sys/kernel/unprivileged_userns_clone",
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "/etc/subuid",
        "/etc/subgid",
    ] {
        // What is not there says as much as what is.
        add(path, &fs::read(path).unwrap_or_default());
    }
    Some(Sha256Digest::from(hasher).hex().to_owned())
}
