//! What this host says of itself, and what to do where it does not let containers be made.

use std::path::Path;

use crate::engine::{in_user_namespace, is_root_of_machine};

/// What files of the kernel and of the system say.
#[derive(Debug, Clone)]
pub struct HostFacts {
    /// The release of the kernel.
    pub kernel: String,
    /// Whether this process is root.
    pub is_root: bool,
    /// Whether this process is in a user namespace of somebody else's making.
    pub in_user_namespace: bool,
    /// What stands in the way of user namespaces, each with what would change it.
    pub obstacles: Vec<String>,
    /// Whether the kernel has overlayfs.
    pub has_overlay: bool,
    /// How control groups are arranged, in words.
    pub groups: String,
    /// Whether the kernel takes filters of system calls.
    pub has_seccomp: bool,
}

/// Asks this host.
pub fn host_facts() -> HostFacts {
    let system = rustix::system::uname();
    HostFacts {
        kernel: system.release().to_string_lossy().into_owned(),
        is_root: rustix::process::geteuid().is_root(),
        in_user_namespace: in_user_namespace(),
        obstacles: obstacles(),
        has_overlay: lists("/proc/filesystems", "overlay"),
        groups: groups(),
        has_seccomp: Path::new("/proc/sys/kernel/seccomp/actions_avail").exists()
            || read("/proc/self/status").contains("\nSeccomp:"),
    }
}

/// What to do where containers can't be made, as far as this host says it; otherwise nothing.
pub(in crate::engine::embedded) fn advice() -> String {
    let mut said = if is_root_of_machine() {
        let capabilities = effective_capabilities();
        // CAP_SYS_ADMIN
        if capabilities & (1 << 21) == 0 {
            vec![
                "this process is root without CAP_SYS_ADMIN, as in most containers: give the container that \
                 capability (`--privileged`), or run as a user who is not root"
                    .to_owned(),
            ]
        } else {
            Vec::new()
        }
    } else {
        obstacles()
    };
    if !lists("/proc/filesystems", "overlay") {
        said.push("the kernel has no overlayfs: `modprobe overlay`".to_owned());
    }
    said.join("; ")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn lists(path: &str, word: &str) -> bool {
    read(path).split_whitespace().any(|found| found == word)
}

fn effective_capabilities() -> u64 {
    let status = read("/proc/self/status");
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.and_then(|text| u64::from_str_radix(text.trim(), 16).ok())
        .unwrap_or(u64::MAX)
}

fn obstacles() -> Vec<String> {
    obstacles_of(&|name| {
        let text = read(&format!("/proc/sys/{name}"));
        text.trim().parse().ok()
    })
}

fn obstacles_of(setting: &dyn Fn(&str) -> Option<i64>) -> Vec<String> {
    let mut said = Vec::new();
    if !Path::new("/proc/self/ns/user").exists() {
        said.push("the kernel has no user namespaces".to_owned());
    }
    for (name, bad, key, good) in [
        (
            "user/max_user_namespaces",
            0,
            "user.max_user_namespaces",
            "15000",
        ),
        (
            "kernel/unprivileged_userns_clone",
            0,
            "kernel.unprivileged_userns_clone",
            "1",
        ),
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            1,
            "kernel.apparmor_restrict_unprivileged_userns",
            "0",
        ),
    ] {
        if setting(name) == Some(bad) {
            said.push(format!(
                "user namespaces are restricted: {key} is {bad}; `sudo sysctl {key}={good}` allows them, or run as root"
            ));
        }
    }
    said
}

fn groups() -> String {
    let top = Path::new("/sys/fs/cgroup");
    let two = read("/sys/fs/cgroup/cgroup.controllers");
    if top.join("cgroup.controllers").is_file() {
        let own = read("/proc/self/cgroup");
        let own = own.lines().find_map(|line| line.strip_prefix("0::"));
        let own = own.unwrap_or("/").trim_start_matches('/');
        let handed = read(
            &top.join(own)
                .join("cgroup.subtree_control")
                .to_string_lossy(),
        );
        let handed = handed.trim();
        let handed = if handed.is_empty() { "nothing" } else { handed };
        return format!("version 2 with {}; handed down to us: {handed}", two.trim());
    }
    let first = read("/proc/self/cgroup");
    let controllers: Vec<&str> = first
        .lines()
        .filter_map(|line| line.split(':').nth(1))
        .filter(|names| !names.is_empty() && !names.starts_with("name="))
        .filter(|names| top.join(names).is_dir())
        .collect();
    if controllers.is_empty() {
        "none are mounted".to_owned()
    } else {
        format!("version 1 with {}", controllers.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_switch_is_named_with_what_changes_it() {
        let table: [(&str, i64, &str); 3] = [
            (
                "user/max_user_namespaces",
                0,
                "user.max_user_namespaces is 0",
            ),
            (
                "kernel/unprivileged_userns_clone",
                0,
                "`sudo sysctl kernel.unprivileged_userns_clone=1`",
            ),
            (
                "kernel/apparmor_restrict_unprivileged_userns",
                1,
                "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`",
            ),
        ];
        for (name, value, expected) in table {
            let said = obstacles_of(&|asked| (asked == name).then_some(value));
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(said[0].contains(expected), "{said:?}");
            let said = obstacles_of(&|asked| (asked == name).then_some(1 - value));
            assert_eq!(said, Vec::<String>::new());
        }
    }
}
