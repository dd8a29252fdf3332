//! The users and groups that an image knows by name.

use super::links::{Resolved, resolve};
use crate::engine::{EngineError, FileKind, Files};

/// passwd and group files are small.
const MAX_NAMES: u64 = 1 << 20;

/// A line of a passwd or group file.
pub(super) struct Entry {
    /// The name.
    pub name: String,
    /// The user id or group id.
    pub id: u64,
    /// What follows the id: of a user the id of the group, of a group its members.
    pub next: String,
}

/// Reads `/etc/passwd` or `/etc/group` of the image; one that is not there knows nobody.
pub(super) fn table(files: &dyn Files, path: &str) -> Result<Vec<Entry>, EngineError> {
    let text = match resolve(files, path)? {
        Resolved::Found(path, stat) if stat.kind == FileKind::File => {
            files.read(&path, MAX_NAMES)?
        }
        _ => Vec::new(),
    };
    let text = String::from_utf8_lossy(&text);
    let entries = text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let id = fields.nth(1)?.parse().ok()?;
        let next = fields.next().unwrap_or("").to_owned();
        Some(Entry { name, id, next })
    });
    Ok(entries.collect())
}

/// Somebody who runs a process.
pub(super) struct User {
    pub uid: u64,
    /// The first group and all others.
    pub gids: Vec<u64>,
}

impl User {
    /// Finds a user by name or number as an engine does; `None` if no such name is known.
    pub(super) fn find(files: &dyn Files, user: &str) -> Result<Option<Self>, EngineError> {
        let users = table(files, "/etc/passwd")?;
        let number = user.parse::<u64>().ok();
        let entry = users
            .iter()
            .find(|entry| entry.name == user)
            .or_else(|| users.iter().find(|entry| Some(entry.id) == number));
        let Some(entry) = entry else {
            // A number needs no name; its group is then root's.
            return Ok(number.map(|uid| Self { uid, gids: vec![0] }));
        };
        let mut gids = vec![entry.next.parse().unwrap_or(0)];
        for group in table(files, "/etc/group")? {
            if group.next.split(',').any(|member| member == entry.name) {
                gids.push(group.id);
            }
        }
        let uid = entry.id;
        Ok(Some(Self { uid, gids }))
    }
}
