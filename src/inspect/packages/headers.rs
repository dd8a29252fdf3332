//! The format that most package managers keep their records in: `Name: value` lines.

/// The value of the first line `NAME: value` of a record, whatever the case of its name.
pub(super) fn value<'a>(record: &'a str, name: &str) -> Option<&'a str> {
    record.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// The records of a text, which are apart by empty lines.
pub(super) fn records(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(['\n', '\r']);
        if rest.is_empty() {
            return None;
        }
        let (record, after) = rest.split_once("\n\n").unwrap_or((rest, ""));
        rest = after;
        Some(record)
    })
}

/// The part of a text before its first empty line.
pub(super) fn head(text: &str) -> &str {
    let end = text.find("\n\n").or_else(|| text.find("\r\n\r\n"));
    &text[..end.unwrap_or(text.len())]
}
