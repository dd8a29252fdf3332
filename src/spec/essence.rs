//! What an entry says, however it is written: the part of a check's fingerprint that stands in the
//! specs.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::digest::Sha256Digest;
use crate::yaml::{Kind, Node};

/// The form of what is hashed. Another one makes other fingerprints of all checks.
const FORM: &str = "seatrial check 1";

/// What changes no verdict: names, and words to select by.
const UNSAID: [&str; 2] = ["name", "tags"];

/// Maps whose order matters: what is mounted later can hide what was mounted before.
const ORDERED: [&str; 2] = ["mounts", "tmpfs"];

/// What an entry of `checks` says with everything filled in, and what its defaults say.
#[derive(Debug, Clone)]
pub(super) struct Essence(Sha256);

/// The digest of what `defaults` say.
pub(super) fn of_defaults(node: &Node) -> Sha256Digest {
    let mut hasher = Sha256::new_with_prefix(FORM);
    write_entry(&mut hasher, node, &HashSet::new());
    Sha256Digest::from(hasher)
}

impl Essence {
    /// Of an entry, in which the scalars that begin at `late` wait for the image.
    pub(super) fn new(node: &Node, late: &HashSet<usize>, defaults: Option<&Sha256Digest>) -> Self {
        let mut hasher = Sha256::new_with_prefix(FORM);
        write_text(&mut hasher, 'd', defaults.map_or("", Sha256Digest::hex));
        write_entry(&mut hasher, node, late);
        Self(hasher)
    }

    /// Of the check among those of the entry that is told from the others by `item`. Where it
    /// stands among them says nothing: the order of a map may change.
    pub(super) fn of_item(&self, item: &str) -> Sha256Digest {
        let mut hasher = self.0.clone();
        write_text(&mut hasher, 'i', item);
        Sha256Digest::from(hasher)
    }
}

fn write_entry(hasher: &mut Sha256, node: &Node, late: &HashSet<usize>) {
    let Kind::Mapping(entries) = &node.kind else {
        return write(hasher, node, late);
    };
    let said = entries.iter();
    let said = said.filter(|(key, _)| !key.scalar().is_some_and(|key| UNSAID.contains(&key)));
    write_map(hasher, said.collect(), false, late);
}

/// Every part begins with a letter and a length, so that no two trees come out the same.
fn write(hasher: &mut Sha256, node: &Node, late: &HashSet<usize>) {
    match &node.kind {
        Kind::Scalar { text, plain } => {
            let kind = match plain {
                _ if late.contains(&node.place.range().start) => 'e',
                _ if node.is_null() => return write_text(hasher, 'n', ""),
                // Quotes may tell `true` from a text.
                true if is_more_than_text(text) => 'p',
                _ => 's',
            };
            write_text(hasher, kind, text);
        }
        Kind::Sequence(items) => {
            write_head(hasher, 'l', items.len());
            for item in items {
                write(hasher, item, late);
            }
        }
        Kind::Mapping(entries) => write_map(hasher, entries.iter().collect(), false, late),
    }
}

fn write_map(
    hasher: &mut Sha256,
    mut entries: Vec<&(Node, Node)>,
    ordered: bool,
    late: &HashSet<usize>,
) {
    if !ordered {
        entries.sort_by_key(|(key, _)| key.scalar());
    }
    write_head(hasher, 'm', entries.len());
    for (key, value) in entries {
        write(hasher, key, late);
        let keeps_order = key.scalar().is_some_and(|key| ORDERED.contains(&key));
        match &value.kind {
            Kind::Mapping(inner) => write_map(hasher, inner.iter().collect(), keeps_order, late),
            _ => write(hasher, value, late),
        }
    }
}

fn is_more_than_text(text: &str) -> bool {
    matches!(text, "true" | "false") || text.parse::<f64>().is_ok()
}

fn write_head(hasher: &mut Sha256, kind: char, length: usize) {
    hasher.update(format!("{kind}{length}:"));
}

fn write_text(hasher: &mut Sha256, kind: char, text: &str) {
    write_head(hasher, kind, text.len());
    hasher.update(text);
}
