//! What YAML allows and a spec can't hold, and what a merge key does.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde_saphyr::granit_parser::Tag;

use super::node::{Kind, Node};
use crate::diagnostic::Diagnostic;
use crate::source::Place;

/// Deeper nesting than any person writes; bounds the recursion of everything that walks a tree.
pub(super) const MAX_DEPTH: usize = 64;
/// Longer than the longest path of a file system, which is the longest key that makes sense.
const MAX_KEY: usize = 4096;

/// Refuses what is nested deeper than anybody nests.
pub(super) fn refuse_depth(depth: usize, place: &Place) -> Result<(), Diagnostic> {
    if depth <= MAX_DEPTH {
        return Ok(());
    }
    let message = format!("nested more than {MAX_DEPTH} levels deep");
    Err(Diagnostic::new(place, message))
}

/// The text of a key, and whether it is the merge key.
pub(super) fn key_text(key: &Node) -> Result<(&str, bool), Diagnostic> {
    match &key.kind {
        Kind::Scalar { .. } if key.is_null() => Err(Diagnostic::new(
            &key.place,
            "a key must be a text, this one is nothing",
        )
        .help("write a key before the `:`; quote `null` and `~` if they are meant as texts")),
        Kind::Scalar { text, .. } if text.len() > MAX_KEY => {
            let message = format!("a key has at most {MAX_KEY} bytes, this one {}", text.len());
            Err(Diagnostic::new(&key.place, message))
        }
        Kind::Scalar { text, plain } => Ok((text, *plain && text == "<<")),
        Kind::Sequence(_) | Kind::Mapping(_) => {
            let message = format!("a key must be a text, this one is {}", key.describe());
            Err(Diagnostic::new(&key.place, message)
                .help("quote a text that begins with `[` or `{`"))
        }
    }
}

/// Refuses a tag that would have a meaning, and says whether one makes sure of `kind`. To pass
/// over `!!binary` would be to read something else than what is written, and `run: ! grep x` would
/// lose its `!`.
pub(super) fn meaning(tag: Option<&Tag>, kind: &str, place: &Place) -> Result<bool, Diagnostic> {
    let Some(tag) = tag else { return Ok(false) };
    if tag.is_yaml_core_schema_tag(kind) {
        return Ok(true);
    }
    let shown = format!("{}{}", tag.original_handle(), tag.suffix());
    Err(
        Diagnostic::new(place, format!("the tag `{shown}` has no meaning here")).help(
            "remove it: what a value is follows from its key; quote a text that begins with `!`",
        ),
    )
}

/// Applies a merge key (`<<: *defaults`): what the map says itself wins, then the earlier source.
pub(super) fn merge(
    own: &mut Vec<(Node, Node)>,
    seen: &mut HashMap<String, Place>,
    value: Node,
) -> Result<(), Diagnostic> {
    let maps = match value.kind {
        Kind::Sequence(items) => items,
        _ => vec![value],
    };
    for map in maps {
        let Kind::Mapping(entries) = map.kind else {
            let message = format!(
                "`<<` merges a map or a list of maps, not {}",
                map.describe()
            );
            return Err(Diagnostic::new(&map.place, message));
        };
        for (key, value) in entries {
            let text = key.scalar().unwrap_or_default().to_owned();
            if let Entry::Vacant(entry) = seen.entry(text) {
                entry.insert(key.place.clone());
                own.push((key, value));
            }
        }
    }
    Ok(())
}
