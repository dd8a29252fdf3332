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
    uid: i64,
    gid: i64,
    home: &'a str,
}

struct Group<'a> {
    name: &'a str,
    gid: i64,
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
    // What can be a number is one, whoever may be called so.
    let number: Option<i64> = user.parse().ok();
    let found = entries.iter().find(|entry| match number {
        Some(number) => entry.uid == number,
        None if user.is_empty() => entry.uid == 0,
        None => entry.name == user,
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
        let number: Option<i64> = wanted_group.parse().ok();
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
    let mut all = vec![id(gid)?];
    for other in supplementary.into_iter().filter(|other| *other != gid) {
        all.push(id(other)?);
    }
    let uid = id(uid)?;
    Ok(User {
        identity: Identity {
            uid,
            gid: id(gid)?,
            groups: all,
        },
        home: home(uid, passwd),
    })
}

/// Where a user is at home. Which name was asked for does not matter: the first entry of this
/// number counts.
pub(super) fn home(uid: u32, passwd: &str) -> String {
    let mut entries = passwd.lines().filter_map(entry);
    let found = entries.find(|entry| entry.uid == i64::from(uid));
    found.map_or("/", |entry| entry.home).to_owned()
}

/// The kernel takes larger numbers, and the largest for "no change": the user would stay root.
fn id(number: i64) -> Result<u32, String> {
    let is_id = (0..=i64::from(i32::MAX)).contains(&number);
    let id = u32::try_from(number).ok().filter(|_| is_id);
    id.ok_or_else(|| format!("uids and gids must be in range 0-{}", i32::MAX))
}

fn entry(line: &str) -> Option<Entry<'_>> {
    let fields: Vec<&str> = line.trim().split(':').collect();
    let number = |at: usize| fields.get(at).and_then(|field| field.parse().ok());
    Some(Entry {
        name: fields.first().copied().filter(|name| !name.is_empty())?,
        // What is no number counts as 0.
        uid: number(2).unwrap_or(0),
        gid: number(3).unwrap_or(0),
        home: fields.get(5).copied().unwrap_or_default(),
    })
}

fn parse_group(line: &str) -> Option<Group<'_>> {
    let fields: Vec<&str> = line.trim().split(':').collect();
    let members = fields.get(3).copied().unwrap_or_default();
    Some(Group {
        name: fields.first().copied().filter(|name| !name.is_empty())?,
        gid: fields
            .get(2)
            .and_then(|field| field.parse().ok())
            .unwrap_or(0),
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
        88:x:89:89::/eight:\n\
        much:x:4294967295:1::/:\n\
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
            ("nohome", 7, 7, vec![7], ""),
            // A line that is none is an entry of noughts.
            ("broken", 0, 0, vec![0], "/root"),
            // What can be a number is no name.
            ("88", 88, 0, vec![0], "/"),
        ];
        for (asked, uid, gid, groups, home) in cases {
            let user = find(asked, PASSWD, GROUP).unwrap();
            let identity = Identity { uid, gid, groups };
            assert_eq!(user.identity, identity, "{asked}");
            assert_eq!(user.home, home, "{asked}");
        }
        // One of them is "no change" to the kernel.
        for asked in [
            "nobody-known",
            "daemon:nogroup",
            "-1",
            "2147483648",
            "4294967295",
            "4294967296",
            "0:4294967295",
            "much",
        ] {
            assert!(find(asked, PASSWD, GROUP).is_err(), "{asked}");
        }
        let none = find("", "", "").unwrap();
        assert_eq!((none.identity.uid, none.home.as_str()), (0, "/"));
    }
}
