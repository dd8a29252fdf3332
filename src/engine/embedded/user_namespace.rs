//! The users of a helper that is not root.

use std::io;
use std::process::Command;

/// Gives the user namespace of a process its users: ourselves as root, and those that the system
/// has set aside for us, if it has and lets us use them. Whether there are such.
///
/// # Errors
/// When not even we ourselves can be root there.
#[expect(
    clippy::disallowed_methods,
    reason = "files of the kernel, which take whole values"
)]
pub(super) fn map(pid: u32) -> io::Result<bool> {
    let uid = rustix::process::getuid().as_raw();
    let gid = rustix::process::getgid().as_raw();
    if let (Some(users), Some(groups)) = (ranges("/etc/subuid", uid), ranges("/etc/subgid", uid))
        && set("newuidmap", pid, uid, &users)
        && set("newgidmap", pid, gid, &groups)
    {
        return Ok(true);
    }
    let file = |name: &str| format!("/proc/{pid}/{name}");
    // Somebody with a single group must not get rid of it, where it takes something away.
    std::fs::write(file("setgroups"), "deny")?;
    std::fs::write(file("uid_map"), format!("0 {uid} 1\n"))?;
    std::fs::write(file("gid_map"), format!("0 {gid} 1\n"))?;
    Ok(false)
}

/// The first range that is set aside for a user: its first id and its length.
fn ranges(file: &str, uid: u32) -> Option<(u32, u32)> {
    let text = std::fs::read_to_string(file).ok()?;
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let number = uid.to_string();
    let name = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == number).then(|| name.to_owned())
    });
    text.lines().find_map(|line| {
        let mut fields = line.trim().split(':');
        let whose = fields.next()?;
        if whose != number && Some(whose) != name.as_deref() {
            return None;
        }
        let first = fields.next()?.parse().ok()?;
        let length = fields.next()?.parse().ok()?;
        (length > 0).then_some((first, length))
    })
}

fn set(program: &str, pid: u32, own: u32, (first, length): &(u32, u32)) -> bool {
    let mut command = Command::new(program);
    command.args([pid, 0, own, 1, 1, *first, *length].map(|number| number.to_string()));
    command.stdin(std::process::Stdio::null());
    command.output().is_ok_and(|output| output.status.success())
}
