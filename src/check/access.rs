//! Who can execute a file, by its permissions and those of the folders on the way to it.

use super::links::Way;
use super::names::{User, table};
use crate::engine::{EngineError, FileKind, FileOwner, Files};
use crate::source::Located;
use crate::spec::Executor;
use crate::verdict::Finding;

/// The bits that let somebody execute a file or search a folder.
mod execute {
    pub(super) const OWNER: u32 = 0o100;
    pub(super) const GROUP: u32 = 0o010;
    pub(super) const OTHER: u32 = 0o001;
    pub(super) const ANY: u32 = OWNER | GROUP | OTHER;
}

/// A file and the path it is known by.
pub(super) struct Target<'a> {
    /// As the spec has it: the folders on this way must let the user through.
    pub path: &'a str,
    /// For messages.
    pub shown: &'a str,
    pub mode: u32,
    pub owner: FileOwner,
}

/// Judges one of `executable_by`.
pub(super) fn judge(
    expected: &Located<Executor>,
    target: &Target<'_>,
    files: &dyn Files,
) -> Result<Option<Finding>, EngineError> {
    let (who, bits) = match &expected.value {
        Executor::User(user) => return judge_user(expected, user, target, files),
        Executor::Owner => ("its owner", execute::OWNER),
        Executor::Group => ("its group", execute::GROUP),
        Executor::Other => ("others", execute::OTHER),
        Executor::Any => ("somebody", execute::ANY),
    };
    Ok((target.mode & bits == 0).then(|| {
        let (shown, mode) = (target.shown, target.mode);
        let message = format!("{shown} must be executable by {who}, its mode is {mode:04o}");
        Finding::new(&expected.place, "file.executable_by", message)
    }))
}

fn judge_user(
    expected: &Located<Executor>,
    name: &str,
    target: &Target<'_>,
    files: &dyn Files,
) -> Result<Option<Finding>, EngineError> {
    let finding = |message: String| {
        let message = format!("{} must be executable by {name}, {message}", target.shown);
        Some(Finding::new(&expected.place, "file.executable_by", message))
    };
    // root is root, whatever passwd says or does not say.
    let user = match name {
        "root" => Some(User {
            uid: 0,
            gids: vec![0],
        }),
        name => User::find(files, name)?,
    };
    let Some(user) = user else {
        return Ok(finding(
            "whom /etc/passwd of the image does not know".to_owned(),
        ));
    };
    if !lets(&user, target.mode, target.owner) {
        let owner = shown_owner(target.owner, files)?;
        return Ok(finding(format!(
            "its mode is {:04o} and it belongs to {owner}",
            target.mode
        )));
    }
    // root searches every folder.
    if user.uid == 0 {
        return Ok(None);
    }
    let Some((folder, mode, owner)) = closed_folder(&user, target.path, files)? else {
        return Ok(None);
    };
    let owner = shown_owner(owner, files)?;
    Ok(finding(format!(
        "but the folder {folder} on the way has the mode {mode:04o} and belongs to {owner}"
    )))
}

/// Whether the permissions let `user` execute a file or search a folder.
fn lets(user: &User, mode: u32, owner: FileOwner) -> bool {
    let bit = if user.uid == 0 {
        execute::ANY
    } else if user.uid == owner.uid {
        execute::OWNER
    } else if user.gids.contains(&owner.gid) {
        execute::GROUP
    } else {
        execute::OTHER
    };
    mode & bit != 0
}

/// The first folder on the way to `path`, links followed, that `user` can't search.
fn closed_folder(
    user: &User,
    path: &str,
    files: &dyn Files,
) -> Result<Option<(String, u32, FileOwner)>, EngineError> {
    let mut way = Way::new(path);
    while let Some(step) = way.step() {
        let folder = way.folder();
        if let Some(stat) = files.stat(folder)? {
            let owner = files.owner(folder)?;
            if !lets(user, stat.mode, owner) {
                return Ok(Some((folder.to_owned(), stat.mode, owner)));
            }
        }
        let Some(stat) = files.stat(&step)? else {
            return Ok(None);
        };
        match &stat.link_target {
            Some(target) if stat.kind == FileKind::Symlink => {
                if !way.follow(target) {
                    return Ok(None);
                }
            }
            _ => way.enter(step),
        }
    }
    Ok(None)
}

fn shown_owner(owner: FileOwner, files: &dyn Files) -> Result<String, EngineError> {
    let name = |path: &str, id: u64| -> Result<String, EngineError> {
        let found = table(files, path)?.into_iter().find(|entry| entry.id == id);
        Ok(found.map_or_else(|| id.to_string(), |entry| entry.name))
    };
    let user = name("/etc/passwd", owner.uid)?;
    let group = name("/etc/group", owner.gid)?;
    Ok(format!("{user}:{group}"))
}
