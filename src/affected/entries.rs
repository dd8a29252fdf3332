//! Which entries of the project file changed.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::Source;
use crate::yaml::{Kind, Node, parse};

/// What changed in the project file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Difference {
    /// These images.
    Images(BTreeSet<String>),
    /// More than that: all images may be concerned. Says what.
    All(String),
}

/// Keys of the project file that say nothing about how images are built and tested.
const ELSEWHERE: [&str; 1] = ["registries"];

/// Compares a project file with an older one, without its places and the order of its keys.
pub(super) fn difference(old: Option<&[u8]>, new: &str) -> Difference {
    let all = |why: &str| Difference::All(why.to_owned());
    let Some(old) = old else {
        return all("it is new");
    };
    let old = std::str::from_utf8(old).ok().and_then(read);
    let Some(old) = old else {
        return all("what it said before can't be read");
    };
    let Some(new) = read(new) else {
        return all("what it says can't be read");
    };
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for key in keys.into_iter().filter(|key| *key != "images") {
        if !ELSEWHERE.contains(&key.as_str()) && !same(old.get(key), new.get(key)) {
            return Difference::All(format!("its key `{key}` changed"));
        }
    }
    let (old, new) = (images(&old), images(&new));
    let changed = new
        .iter()
        .filter(|(name, entry)| !same(old.get(*name), Some(entry)));
    Difference::Images(changed.map(|(name, _)| name.clone()).collect())
}

type Entries = BTreeMap<String, Node>;

fn read(text: &str) -> Option<Entries> {
    entries(&parse(&Source::new("", text)).ok()?)
}

fn entries(node: &Node) -> Option<Entries> {
    let Kind::Mapping(pairs) = &node.kind else {
        return None;
    };
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| Some((key.scalar()?.to_owned(), value.clone())))
        .collect()
}

fn images(file: &Entries) -> Entries {
    file.get("images").and_then(entries).unwrap_or_default()
}

fn same(one: Option<&Node>, other: Option<&Node>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => same_node(one, other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

fn same_node(one: &Node, other: &Node) -> bool {
    match (&one.kind, &other.kind) {
        (Kind::Scalar { text: a, .. }, Kind::Scalar { text: b, .. }) => {
            a == b && one.is_null() == other.is_null()
        }
        (Kind::Sequence(a), Kind::Sequence(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_node(a, b))
        }
        // Build arguments and globs mean the same in any order.
        (Kind::Mapping(a), Kind::Mapping(b)) => {
            let find = |key: &Node| b.iter().find(|(other, _)| other.scalar() == key.scalar());
            let is_there = |(key, value): &(Node, Node)| {
                find(key).is_some_and(|(_, other)| same_node(value, other))
            };
            a.len() == b.len() && a.iter().all(is_there)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_counts() {
        let old = "images:\n  a: {dockerfile: a, args: {X: 1, Y: '2'}}\n  b: {dockerfile: b, files: [x, y]}\n";
        let images = |names: &[&str]| {
            Difference::Images(names.iter().map(|name| (*name).to_owned()).collect())
        };
        let table: &[(&str, Difference)] = &[
            (old, images(&[])),
            // Comments, order, quotes and style.
            (
                "# new\nimages:\n  b:\n    files: [x, y]\n    dockerfile: b\n  a: {args: {Y: 2, X: '1'}, dockerfile: a}\nregistries: [x]\n",
                images(&[]),
            ),
            (
                "images:\n  a: {dockerfile: a, args: {X: 2, Y: '2'}}\n  b: {dockerfile: b, files: [x, y]}\n",
                images(&["a"]),
            ),
            (
                "images:\n  a: {dockerfile: a}\n  c: {dockerfile: b, files: [x, y]}\n",
                images(&["a", "c"]),
            ),
            (
                "images:\n  b: {dockerfile: b, files: [x, y, z]}\n",
                images(&["b"]),
            ),
            (
                &format!("specs: there\n{old}"),
                Difference::All("its key `specs` changed".to_owned()),
            ),
        ];
        for (new, expected) in table {
            assert_eq!(difference(Some(old.as_bytes()), new), *expected, "{new}");
        }
        let all = |old: Option<&[u8]>| matches!(difference(old, "images: {}"), Difference::All(_));
        assert!(all(None) && all(Some(b"images: [")) && all(Some(&[0xff])) && all(Some(b"x")));
    }
}
