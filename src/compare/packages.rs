//! Packages that differ.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{FileChange, PackageChange, Recorded, Told};
use crate::engine::{EngineError, FileKind, Files};
use crate::inspect::Facts;
use crate::inspect::packages::{Manager, Package, Records, Unreadable, installed};

/// The packages of both images; those that are the same in both may be missing.
#[derive(Debug, Default)]
pub(super) struct Both {
    pub(super) old: Vec<Package>,
    pub(super) new: Vec<Package>,
}

/// An image, as far as its packages are asked for: its files and its variables.
pub(super) struct Place<'a> {
    pub(super) files: &'a dyn Files,
    pub(super) env: &'a [(String, String)],
}

impl Both {
    /// Reads the databases that list all packages of an image.
    pub(super) fn add_listed(&mut self, old: &Place, new: &Place) -> Result<(), Unreadable> {
        for manager in [Manager::Dpkg, Manager::Apk] {
            let listed = |it: &Place| installed(manager, None, it.files, &Facts::default(), it.env);
            self.old.extend(listed(old)?.unwrap_or_default());
            self.new.extend(listed(new)?.unwrap_or_default());
        }
        Ok(())
    }

    /// Reads the records of single packages that differ: what is the same in both images tells the
    /// same of both.
    pub(super) fn add_recorded(
        &mut self,
        old: &Place,
        new: &Place,
        changes: &[FileChange],
    ) -> Result<(), EngineError> {
        let mut records = Records::default();
        for place in [old, new] {
            records.learn(place.files, place.env)?;
        }
        let is_file =
            |told: &Option<Told>| told.as_ref().is_some_and(|it| it.kind == FileKind::File);
        for change in changes.iter().filter(|it| records.describes(&it.path)) {
            if is_file(&change.old) {
                self.old.extend(records.package(old.files, &change.path)?);
            }
            if is_file(&change.new) {
                self.new.extend(records.package(new.files, &change.path)?);
            }
        }
        Ok(())
    }

    /// What differs, by manager and name.
    pub(super) fn changes(self) -> Vec<PackageChange> {
        let (mut old, mut new) = (by_name(self.old), by_name(self.new));
        let keys: BTreeSet<_> = old.keys().chain(new.keys()).cloned().collect();
        let mut changes = Vec::new();
        for key in keys {
            let (old_name, old) = old.remove(&key).unwrap_or_default();
            let (new_name, new) = new.remove(&key).unwrap_or_default();
            let name = if new.is_empty() { old_name } else { new_name };
            for (old, new) in pairs(old, new) {
                changes.push(PackageChange {
                    manager: key.0.to_owned(),
                    name: name.clone(),
                    old,
                    new,
                });
            }
        }
        changes
    }
}

type ByName = BTreeMap<(&'static str, String), (String, Vec<Recorded>)>;

fn by_name(packages: Vec<Package>) -> ByName {
    let mut all = ByName::new();
    for package in packages {
        let manager = Manager::of_word(package.manager);
        let plain = manager.map_or_else(|| package.name.clone(), |it| it.plain_name(&package.name));
        let (name, recorded) = all.entry((package.manager, plain)).or_default();
        *name = package.name;
        recorded.push(Recorded {
            at: package.at,
            version: package.version,
        });
    }
    all
}

/// What became of the records of one package: those that are in both are left out; then those of
/// one place belong together, such as those of one environment; then what is left, in order.
fn pairs(
    mut old: Vec<Recorded>,
    mut new: Vec<Recorded>,
) -> Vec<(Option<Recorded>, Option<Recorded>)> {
    old.sort_unstable();
    new.sort_unstable();
    take_pairs(&mut old, &mut new, |a, b| a == b);
    let mut pairs = take_pairs(&mut old, &mut new, |a, b| a.at == b.at);
    let one_place = |all: &[Recorded]| all.iter().all(|it| it.at == all[0].at);
    // An environment that moved, such as from one Python to the next; in several places nobody can
    // tell which became which.
    if one_place(&old) && one_place(&new) {
        pairs.extend(take_pairs(&mut old, &mut new, |_, _| true));
    }
    let pairs = pairs.into_iter().map(|(old, new)| (Some(old), Some(new)));
    let old = old.into_iter().map(|it| (Some(it), None));
    let new = new.into_iter().map(|it| (None, Some(it)));
    pairs.chain(old).chain(new).collect()
}

fn take_pairs(
    old: &mut Vec<Recorded>,
    new: &mut Vec<Recorded>,
    belong: impl Fn(&Recorded, &Recorded) -> bool,
) -> Vec<(Recorded, Recorded)> {
    let mut pairs = Vec::new();
    let mut rest = Vec::new();
    for before in old.drain(..) {
        match new.iter().position(|after| belong(&before, after)) {
            Some(at) => pairs.push((before, new.remove(at))),
            None => rest.push(before),
        }
    }
    *old = rest;
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(manager: &'static str, name: &str, version: &str, at: &str) -> Package {
        Package {
            manager,
            name: name.to_owned(),
            version: Some(version.to_owned()),
            at: at.to_owned(),
        }
    }

    fn changes(old: &[(&str, &str, &str)], new: &[(&str, &str, &str)]) -> Vec<String> {
        let all = |list: &[(&str, &str, &str)]| {
            let list = list.iter();
            list.map(|(name, version, at)| package("pip", name, version, at))
                .collect()
        };
        let both = Both {
            old: all(old),
            new: all(new),
        };
        let told = |it: Option<Recorded>| {
            it.map_or_else(String::new, |it| {
                format!("{}@{}", it.version.unwrap_or_default(), it.at)
            })
        };
        let changes = both.changes().into_iter();
        changes
            .map(|it| format!("{} {} > {}", it.name, told(it.old), told(it.new)))
            .collect()
    }

    #[test]
    fn packages_are_told_apart_by_name_and_place() {
        let none: &[&str] = &[];
        assert_eq!(changes(&[("a", "1", "/x")], &[("a", "1", "/x")]), none);
        assert_eq!(
            changes(&[("Py_A", "1", "/x")], &[("py-a", "1", "/x")]),
            none
        );
        assert_eq!(
            changes(
                &[("a", "1", "/x"), ("a", "1", "/y"), ("gone", "3", "/x")],
                &[("a", "1", "/x"), ("a", "2", "/y"), ("b", "1", "/x")],
            ),
            ["a 1@/y > 2@/y", "b  > 1@/x", "gone 3@/x > "]
        );
    }

    #[test]
    fn an_environment_may_move() {
        assert_eq!(
            changes(&[("a", "1", "/3.11")], &[("a", "2", "/3.12")]),
            ["a 1@/3.11 > 2@/3.12"]
        );
        assert_eq!(
            changes(&[("a", "1", "/x"), ("a", "1", "/y")], &[("a", "1", "/z")],),
            ["a 1@/x > ", "a 1@/y > ", "a  > 1@/z"]
        );
    }
}
