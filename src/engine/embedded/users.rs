//! Users and groups as runc finds them in an image's own files.

use super::helper::Identity;

/// Whose a process is, and where it is at home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    pub(super) identity: Identity,
    pub(super) home: String,
}

struct Entry<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

struct Group<'a> {
    name: &'a str,
    gid: u32,
    members: Vec<&'a str>,
}

/// Finds `asked` – a user, a group, both or nothing, by name or number – in the text of
/// `/etc/passwd` and `/etc/group`.
///
/// # Errors
/// When there is no such user or group.
pub(super) fn find(asked: &str, passwd: &str, group: &str) -> Result<User, String> {
    let (user, wanted_group) = asked.split_once(':').unwrap_or((asked, ""));
    let entries: Vec<Entry<'_>> = passwd.lines().filter_map(entry).collect();
    let groups: Vec<Group<'_>> = group.lines().filter_map(parse_group).collect();
    let number: Option<u32> = user.parse().ok();
    let found = entries.iter().find(|entry| {
        if user.is_empty() {
            entry.uid == 0
        } else {
            entry.name == user || number == Some(entry.uid)
        }
    });
    let uid = match (found, number) {
        (Some(entry), _) => entry.uid,
        (None, Some(number)) => number,
        (None, None) if user.is_empty() => 0,
        (None, None) => {
            let message = format!("unable to find user {user}: no matching entries in passwd file");
            return Err(message);
        }
    };
    let mut gid = found.map_or(0, |entry| entry.gid);
    let mut supplementary = Vec::new();
    if wanted_group.is_empty() {
        let name = found.map(|entry| entry.name);
        let of_user = groups
            .iter()
            .filter(|group| name.is_some_and(|name| group.members.contains(&name)));
        supplementary.extend(of_user.map(|group| group.gid));
    } else {
        let number: Option<u32> = wanted_group.parse().ok();
        let found = groups.iter().find(|group| match number {
            Some(number) => group.gid == number,
            None => group.name == wanted_group,
        });
        gid = match (found, number) {
            (Some(group), _) => group.gid,
            (None, Some(number)) => number,
            (None, None) => {
                return Err(format!(
                    "unable to find group {wanted_group}: no matching entries in group file"
                ));
            }
        };
    }
    let mut all = vec![gid];
    all.extend(supplementary.into_iter().filter(|other| *other != gid));
    // Which name was asked for does not matter here: the first entry of this number counts.
    let home = entries.iter().find(|entry| entry.uid == uid);
    let home = home.map_or("/", |entry| entry.home);
    Ok(User {
        identity: Identity {
            uid,
            gid,
            groups: all,
        },
        home: if home.is_empty() { "/" } else { home }.to_owned(),
    })
}

fn entry(line: &str) -> Option<Entry<'_>> {
    let fields: Vec<&str> = line.trim().split(':').collect();
    Some(Entry {
        name: fields.first().copied().filter(|name| !name.is_empty())?,
        // What is no number counts as 0 in runc; an entry without one is none here.
        uid: fields.get(2)?.parse().ok()?,
        gid: fields.get(3)?.parse().ok()?,
        home: fields.get(5).copied().unwrap_or_default(),
    })
}

fn parse_group(line: &str) -> Option<Group<'_>> {
    let fields: Vec<&str> = line.trim().split(':').collect();
    let members = fields.get(3).copied().unwrap_or_default();
    Some(Group {
        name: fields.first().copied().filter(|name| !name.is_empty())?,
        gid: fields.get(2)?.parse().ok()?,
        members: members.split(',').filter(|name| !name.is_empty()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
        daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
        admin:x:0:5:second name of root:/admin:/bin/sh\n\
        nohome:x:7:7:::\n\
        broken\n";
    const GROUP: &str =
        "root:x:0:\ndaemon:x:1:\nadm:x:4:daemon,other\nextra:x:777:daemon\n5:x:55:\n";

    #[test]
    fn users_are_found_as_runc_finds_them() {
        let cases = [
            ("", 0, 0, vec![0], "/root"),
            ("root", 0, 0, vec![0], "/root"),
            ("1", 1, 1, vec![1, 4, 777], "/usr/sbin"),
            ("daemon", 1, 1, vec![1, 4, 777], "/usr/sbin"),
            ("daemon:adm", 1, 4, vec![4], "/usr/sbin"),
            ("daemon:4", 1, 4, vec![4], "/usr/sbin"),
            ("daemon:5", 1, 5, vec![5], "/usr/sbin"),
            ("12345", 12345, 0, vec![0], "/"),
            ("12345:6789", 12345, 6789, vec![6789], "/"),
            (":adm", 0, 4, vec![4], "/root"),
            ("admin", 0, 5, vec![5], "/root"),
            ("nohome", 7, 7, vec![7], "/"),
        ];
        for (asked, uid, gid, groups, home) in cases {
            let user = find(asked, PASSWD, GROUP).unwrap();
            let identity = Identity { uid, gid, groups };
            assert_eq!(user.identity, identity, "{asked}");
            assert_eq!(user.home, home, "{asked}");
        }
        for asked in ["nobody-known", "daemon:nogroup", "-1", "4294967296"] {
            assert!(find(asked, PASSWD, GROUP).is_err(), "{asked}");
        }
        let none = find("", "", "").unwrap();
        assert_eq!((none.identity.uid, none.home.as_str()), (0, "/"));
    }
}
