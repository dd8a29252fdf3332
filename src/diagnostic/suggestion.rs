//! "Did you mean": the way out for a name that nobody knows.

use std::collections::HashSet;

/// No name that is known is longer, and the distance of long texts takes long to find.
const LONGEST_NAME: usize = 200;

/// Whether `found` is likely meant to be `name`.
pub fn is_close(found: &str, name: &str) -> bool {
    found.len() <= LONGEST_NAME
        && name.len() <= LONGEST_NAME
        && strsim::damerau_levenshtein(found, name) <= 1.max(name.chars().count() / 3)
}

/// The way out for an unknown name: the known name closest to `found`, or all of them when none is
/// close; `None` when nothing is known.
pub fn suggestion<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut known: Vec<&str> = known.into_iter().collect();
    // Two readers of one map may know the same key.
    let mut seen = HashSet::new();
    known.retain(|name| seen.insert(*name));
    let close = known.iter().filter(|name| is_close(found, name));
    let closest = close.min_by_key(|name| strsim::damerau_levenshtein(found, name));
    match closest {
        Some(name) => Some(format!("did you mean `{name}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known here: {}", known.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_name_is_offered_and_a_strange_one_gets_the_list() {
        let table = [
            ("stduot", Some("did you mean `stdout`?")),
            ("x", Some("known here: stdout, exit")),
            (&*"stdout".repeat(100_000), Some("known here: stdout, exit")),
        ];
        for (found, expected) in table {
            assert_eq!(suggestion(found, ["stdout", "exit"]).as_deref(), expected);
        }
        assert_eq!(suggestion("x", []), None);
        let twice = suggestion("x", ["stdout", "exit", "stdout"]);
        assert_eq!(twice.as_deref(), Some("known here: stdout, exit"));
    }
}
