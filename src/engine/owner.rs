//! Whose rights this process has.

/// Whether this process is in a user namespace, where ids are not those of the machine.
pub(crate) fn in_user_namespace() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let whole: Vec<&str> = map.split_whitespace().collect();
    !map.is_empty() && whole != ["0", "0", "4294967295"]
}

/// Whether this process is root of the machine. Root of a user namespace can do no more than any
/// user, and does not see the marks of overlayfs that only root may read.
pub(crate) fn is_root_of_machine() -> bool {
    rustix::process::geteuid().is_root() && !in_user_namespace()
}
