//! Files that differ: one walk through each image. Contents are compared only where the sizes are
//! equal, and never where both images have the very same file.

use std::collections::HashMap;

use super::bounds::Bounds;
use super::model::{Aspect, Change, FileChange};
use super::seen::{Content, Names, Seen, hash};
use super::sizes::Growth;
use crate::engine::{EngineError, FileKind, Files};

/// What two walks showed.
#[derive(Debug)]
pub(super) struct Found {
    /// What differs, by path.
    pub(super) files: Vec<FileChange>,
    /// How much there is.
    pub(super) growth: Growth,
    /// Whether somewhere the owner could not be compared.
    pub(super) owners_unknown: bool,
}

/// A path that is in both images, and may differ.
struct Pair {
    path: Box<str>,
    old: Seen,
    new: Seen,
    differs: Vec<Aspect>,
}

/// Compares all files of two images.
pub(super) fn compare(
    old_files: &dyn Files,
    new_files: &dyn Files,
    bounds: Bounds,
) -> Result<Found, EngineError> {
    let mut buffer = Vec::new();
    let mut growth = Growth::default();
    let mut old_names = Names::default();
    let mut new_names = Names::default();
    let mut old: HashMap<Box<str>, Seen> = HashMap::new();
    old_files.walk("/", &mut |entry, content| {
        bounds.check()?;
        let seen = Seen::of(entry, content, true, &mut buffer)?;
        growth.old += old_names.note(&entry.path, &seen);
        old.insert(entry.path.as_str().into(), seen);
        Bounds::check_count(old.len())
    })?;
    let mut added: Vec<(Box<str>, Seen)> = Vec::new();
    let mut pairs: Vec<Pair> = Vec::new();
    let mut owners_unknown = false;
    new_files.walk("/", &mut |entry, content| {
        bounds.check()?;
        let path = entry.path.as_str();
        let before = old.get(path);
        let is_alike = before.is_some_and(|it| it.kind == FileKind::File);
        let wanted = is_alike && before.is_some_and(|it| it.size == entry.stat.size);
        let seen = Seen::of(entry, content, wanted, &mut buffer)?;
        growth.new += new_names.note(path, &seen);
        let Some((path, before)) = old.remove_entry(path) else {
            added.push((path.into(), seen));
            return Bounds::check_count(added.len());
        };
        owners_unknown |= before.owner.is_none() || seen.owner.is_none();
        let differs = attributes(&before, &seen);
        let may_differ = is_alike && seen.kind == FileKind::File && !is_same(&before, &seen);
        // Files with several names stay until all names are known, others only if they may differ.
        if may_differ || !differs.is_empty() {
            pairs.push(Pair {
                path,
                old: before,
                new: seen,
                differs,
            });
        }
        Ok(())
    })?;
    let mut files = Vec::new();
    for mut pair in pairs {
        let is_file = pair.old.kind == FileKind::File && pair.new.kind == FileKind::File;
        if is_file && content_differs(&pair, old_files, new_files, bounds)? {
            pair.differs.push(Aspect::Content);
            pair.differs.sort_unstable();
        }
        if !pair.differs.is_empty() {
            let before = pair.old.counted(&pair.path, &old_names);
            growth.add(&pair.path, before, pair.new.counted(&pair.path, &new_names));
            files.push(change(
                &pair.path,
                Some(&pair.old),
                Some(&pair.new),
                pair.differs,
            ));
        }
    }
    for (path, seen) in &added {
        growth.add(path, 0, seen.counted(path, &new_names));
        files.push(change(path, None, Some(seen), Vec::new()));
    }
    for (path, seen) in &old {
        growth.add(path, seen.counted(path, &old_names), 0);
        files.push(change(path, Some(seen), None, Vec::new()));
    }
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(Found {
        files,
        growth,
        owners_unknown,
    })
}

fn content_differs(
    pair: &Pair,
    old: &dyn Files,
    new: &dyn Files,
    bounds: Bounds,
) -> Result<bool, EngineError> {
    if pair.old.size != pair.new.size {
        return Ok(true);
    }
    if is_same(&pair.old, &pair.new) {
        return Ok(false);
    }
    let old = hash(old, &pair.path, &pair.old, bounds)?;
    Ok(old != hash(new, &pair.path, &pair.new, bounds)?)
}

/// Whether nothing more has to be looked at to know that two files hold the same.
fn is_same(old: &Seen, new: &Seen) -> bool {
    let is_known = !matches!(old.content, Content::Unread { .. });
    old.size == new.size && is_known && old.content == new.content
}

/// What differs apart from the content.
fn attributes(old: &Seen, new: &Seen) -> Vec<Aspect> {
    if old.kind != new.kind {
        return vec![Aspect::Type];
    }
    let is_link = old.kind == FileKind::Symlink;
    let mut differs = Vec::new();
    // A link has no permissions of its own.
    if old.mode != new.mode && !is_link {
        differs.push(Aspect::Mode);
    }
    if old.owner.is_some() && new.owner.is_some() && old.owner != new.owner {
        differs.push(Aspect::Owner);
    }
    if is_link && old.target != new.target {
        differs.push(Aspect::Target);
    }
    differs
}

fn change(path: &str, old: Option<&Seen>, new: Option<&Seen>, differs: Vec<Aspect>) -> FileChange {
    FileChange {
        path: path.to_owned(),
        change: match (old, new) {
            (None, _) => Change::Added,
            (Some(_), None) => Change::Removed,
            (Some(_), Some(_)) => Change::Changed,
        },
        differs,
        old: old.map(Seen::told),
        new: new.map(Seen::told),
    }
}
