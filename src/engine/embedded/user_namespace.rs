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
    // Root of a namespace has its users already, and may pass them on.
    if uid == 0 {
        let map = |name: &str| {
            let (map, count) = inherited(&std::fs::read_to_string(format!("/proc/self/{name}"))?);
            if count < 2 {
                return Err(io::Error::other("there is only one"));
            }
            std::fs::write(file(name), map)
        };
        if map("gid_map").and_then(|()| map("uid_map")).is_ok() {
            return Ok(true);
        }
    }
    // Somebody with a single group must not get rid of it, where it takes something away.
    std::fs::write(file("setgroups"), "deny")?;
    std::fs::write(file("uid_map"), format!("0 {uid} 1\n"))?;
    std::fs::write(file("gid_map"), format!("0 {gid} 1\n"))?;
    Ok(false)
}

/// A map that gives a namespace below this one all that this one has, and how many ids it is.
fn inherited(map: &str) -> (String, u64) {
    let mut text = String::new();
    let mut count = 0;
    for line in map.lines() {
        let mut numbers = line.split_whitespace();
        if let (Some(inside), Some(_), Some(length)) =
            (numbers.next(), numbers.next(), numbers.next())
        {
            text.push_str(&format!("{inside} {inside} {length}\n"));
            count += length.parse::<u64>().unwrap_or(0);
        }
    }
    (text, count)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_passes_on_what_it_has() {
        let map = "         0       1000          1\n         1     100000      65536\n";
        assert_eq!(inherited(map), ("0 0 1\n1 1 65536\n".to_owned(), 65537));
        assert_eq!(inherited(""), (String::new(), 0));
    }
}
