//! The text of a published list: values of single keys are changed, all else stays as it is.

use std::collections::HashSet;

use super::json_span::{Entry, entries};

/// A key of a list and the reference that it gets.
pub type Update = (String, String);

/// A key whose value changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// What it said; nothing if it is new.
    pub old: Option<String>,
    /// What it says from now on.
    pub new: String,
}

/// Why the text is no list.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// It is no JSON object.
    #[error("it is no JSON map: {0}")]
    Json(#[from] serde_json::Error),
    /// A key is there twice, and readers differ in which one counts.
    #[error("the key `{0}` is in it twice")]
    Twice(String),
    /// A key has another value than a text.
    #[error("the key `{key}` has a value that is no text: {value}")]
    NoText {
        /// The key.
        key: String,
        /// Its value.
        value: String,
    },
}

/// The references by key, in order; values that are no texts are left out.
///
/// # Errors
/// When it is no list.
pub fn read(text: &str) -> Result<Vec<(String, String)>, TextError> {
    let entries = distinct(text)?;
    let pairs = entries.into_iter().filter_map(|entry| {
        let value = serde_json::from_str(&text[entry.value_at]).ok()?;
        Some((entry.key, value))
    });
    Ok(pairs.collect())
}

/// The text with the values of these keys, and what that changes. Keys that are not in it yet come
/// last, written like the entry before them.
///
/// # Errors
/// When it is no list, or a key has a value that is no text.
pub fn edit(text: &str, updates: &[Update]) -> Result<(String, Vec<Change>), TextError> {
    let entries = distinct(text)?;
    let mut edited = text.to_owned();
    let mut changes = Vec::new();
    let mut added = Vec::new();
    // From the end, so that the places before stay what they are.
    let known = entries.iter().rev();
    for entry in known {
        let Some((key, new)) = updates.iter().find(|(key, _)| *key == entry.key) else {
            continue;
        };
        let value = &text[entry.value_at.clone()];
        let old: String = serde_json::from_str(value).map_err(|_| TextError::NoText {
            key: key.clone(),
            value: value.chars().take(60).collect(),
        })?;
        if old == *new {
            continue;
        }
        edited.replace_range(entry.value_at.clone(), &quoted(new));
        changes.push(Change {
            key: key.clone(),
            old: Some(old),
            new: new.clone(),
        });
    }
    changes.reverse();
    for (key, new) in updates {
        if !entries.iter().any(|entry| entry.key == *key) {
            added.push(Change {
                key: key.clone(),
                old: None,
                new: new.clone(),
            });
        }
    }
    if !added.is_empty() {
        edited = append(edited, &added)?;
        changes.extend(added);
    }
    Ok((edited, changes))
}

fn distinct(text: &str) -> Result<Vec<Entry>, TextError> {
    let entries = entries(text)?;
    let mut known = HashSet::new();
    match entries.iter().find(|entry| !known.insert(&entry.key)) {
        Some(entry) => Err(TextError::Twice(entry.key.clone())),
        None => Ok(entries),
    }
}

fn append(mut text: String, added: &[Change]) -> Result<String, TextError> {
    let entries = entries(&text)?;
    let (at, before, colon, after) = match entries.last() {
        Some(last) => {
            let head = &text[..last.key_at.start];
            let start = head.trim_end().len();
            let colon = &text[last.key_at.end..last.value_at.start];
            (
                last.value_at.end,
                head[start..].to_owned(),
                colon.to_owned(),
                "",
            )
        }
        // An empty map: whatever stands between its brackets goes on to stand there.
        None => {
            let at = text.find('{').map_or(0, |at| at + 1);
            let is_blank = text[at..].trim_start() != text[at..].trim_end_matches('\n');
            let after = if is_blank { "" } else { "\n" };
            (at, "\n  ".to_owned(), ": ".to_owned(), after)
        }
    };
    let pairs: Vec<String> = added
        .iter()
        .map(|change| {
            format!(
                "{before}{}{colon}{}",
                quoted(&change.key),
                quoted(&change.new)
            )
        })
        .collect();
    let comma = if entries.is_empty() { "" } else { "," };
    text.insert_str(at, &format!("{comma}{}{after}", pairs.join(",")));
    Ok(text)
}

/// A JSON string. Serialising a text can't fail.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    fn update(key: &str, value: &str) -> Update {
        (key.to_owned(), value.to_owned())
    }

    /// As GATK-SV has it, with what people do to such files.
    const LIST: &str = "{\n    \"name\": \"dockers\",\n    \"sv_base_docker\" : \"gcr.io/x/sv-base:old\",\n\n    \
         \"linux_docker\": \"marketplace.gcr.io/google/ubuntu1804\", \"n\": 1,\n    \
         \"wham_docker\":\"gcr.io/x/wham:old\"\n}\n";

    #[test]
    fn only_values_of_published_images_change() {
        let updates = [
            update("wham_docker", "gcr.io/x/wham:new"),
            update("sv_base_docker", "gcr.io/x/sv-base:new"),
        ];
        let (text, changes) = edit(LIST, &updates).unwrap();
        assert_eq!(text, LIST.replace(":old", ":new"));
        let keys: Vec<&str> = changes.iter().map(|change| change.key.as_str()).collect();
        assert_eq!(keys, ["sv_base_docker", "wham_docker"]);
        assert_eq!(changes[0].old.as_deref(), Some("gcr.io/x/sv-base:old"));
        // Once more changes nothing.
        assert_eq!(edit(&text, &updates).unwrap(), (text.clone(), Vec::new()));
    }

    #[test]
    fn new_keys_come_last_and_look_like_the_others() {
        let table = [
            ("{}", "{\n  \"a\": \"x\",\n  \"b\": \"y\"\n}"),
            ("{\n}\n", "{\n  \"a\": \"x\",\n  \"b\": \"y\"\n}\n"),
            ("{\"z\":\"0\"}", "{\"z\":\"0\",\"a\":\"x\",\"b\":\"y\"}"),
            (
                "{\n\t\"z\" : \"0\"\n}",
                "{\n\t\"z\" : \"0\",\n\t\"a\" : \"x\",\n\t\"b\" : \"y\"\n}",
            ),
        ];
        for (before, after) in table {
            let updates = [update("a", "x"), update("b", "y")];
            assert_eq!(edit(before, &updates).unwrap().0, after, "{before:?}");
        }
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let table = [
            ("[]", "it is no JSON map"),
            ("{\"a\": \"x\", \"a\": \"y\"}", "the key `a` is in it twice"),
            (
                "{\"a\": [1]}",
                "the key `a` has a value that is no text: [1]",
            ),
            ("{\"a\": \"x\"", "it is no JSON map"),
        ];
        for (text, message) in table {
            let error = edit(text, &[update("a", "z")]).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
        assert_eq!(read(LIST).unwrap().len(), 4);
    }

    fn space() -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(vec![" ", "\n", "\t", "\r\n"]), 0..3)
            .prop_map(|parts| parts.concat())
    }

    proptest! {
        /// Whatever a list looks like: the values are the new ones, and every byte that is not one
        /// of them stays.
        #[test]
        fn all_but_the_values_stays(
            pairs in prop::collection::btree_map("\\PC{0,6}", ("\\PC{0,8}", any::<bool>()), 0..6),
            spaces in prop::collection::vec(space(), 40),
            new in "\\PC{1,8}",
            added in "new[a-z]{20}",
        ) {
            let mut next = spaces.iter().cycle();
            let mut space = || next.next().cloned().unwrap_or_default();
            let mut text = format!("{}{{{}", space(), space());
            let mut kept = text.clone();
            for (at, (key, (value, is_changed))) in pairs.iter().enumerate() {
                let comma = if at == 0 { "" } else { "," };
                let head = format!("{comma}{}{}{}:{}", space(), quoted(key), space(), space());
                let tail = space();
                text += &format!("{head}{}{tail}", quoted(value));
                let shown = if *is_changed { quoted(&new) } else { quoted(value) };
                kept += &format!("{head}{shown}{tail}");
            }
            let end = format!("{}}}{}", space(), space());
            text += &end;
            kept += &end;
            let updates: Vec<Update> = pairs
                .iter()
                .filter(|(_, (_, is_changed))| *is_changed)
                .map(|(key, _)| (key.clone(), new.clone()))
                .collect();
            prop_assert_eq!(&edit(&text, &updates).unwrap().0, &kept);

            let more = [updates, vec![(added.clone(), new.clone())]].concat();
            let (text, _) = edit(&text, &more).unwrap();
            let read: Map<String, Value> = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read.len(), pairs.len() + 1);
            for (key, value) in &more {
                prop_assert_eq!(read.get(key), Some(&Value::from(value.as_str())));
            }
        }
    }
}
