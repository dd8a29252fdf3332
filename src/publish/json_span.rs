//! Where the entries of a JSON object stand in its text, so that one of them can be changed and
//! everything else stays as it was written.

use std::ops::Range;

/// An entry of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The key, without quotes and escapes.
    pub(super) key: String,
    /// Where the key stands, with its quotes.
    pub(super) key_at: Range<usize>,
    /// Where its value stands.
    pub(super) value_at: Range<usize>,
}

/// The entries of an object, in order.
///
/// # Errors
/// When it is not JSON, or not an object.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>, serde_json::Error> {
    // Whatever comes now is sound: only its borders are sought.
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text)?;
    let mut scan = Scan { text, at: 0 };
    let mut found = Vec::new();
    scan.to(b'{');
    loop {
        scan.space();
        if scan.peek() != Some(b'"') {
            return Ok(found);
        }
        let key_at = scan.value();
        scan.to(b':');
        scan.space();
        let value_at = scan.value();
        found.push(Entry {
            key: serde_json::from_str(&text[key_at.clone()])?,
            key_at,
            value_at,
        });
        scan.space();
        if scan.peek() != Some(b',') {
            return Ok(found);
        }
        scan.at += 1;
    }
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Goes behind the next `byte`.
    fn to(&mut self, byte: u8) {
        while self.peek().is_some_and(|found| found != byte) {
            self.at += 1;
        }
        self.at += 1;
    }

    /// Goes behind the value that begins here.
    fn value(&mut self) -> Range<usize> {
        let start = self.at;
        let mut depth = 0;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => self.string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                // A number or a word goes on to whatever can't be in one.
                _ if depth > 0 => {
                    self.at += 1;
                    continue;
                }
                _ => {
                    let ends = |byte: u8| byte.is_ascii_whitespace() || b",}]:".contains(&byte);
                    while self.peek().is_some_and(|byte| !ends(byte)) {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                break;
            }
        }
        start..self.at
    }

    fn string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += match byte {
                b'\\' => 2,
                _ => 1,
            };
            if byte == b'"' {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_wherever_they_stand() {
        let text = "\n{ \"a\" :[1, {\"x\\\"}\": \"]\"}],\"b\\u0041\\\\\":\"v\\\\\"\t, \"c\": -1.5e3\n,\"d\":{} ,\"e\":null}\n";
        let found = entries(text).unwrap();
        let shown: Vec<_> = found
            .iter()
            .map(|entry| (entry.key.as_str(), &text[entry.value_at.clone()]))
            .collect();
        assert_eq!(
            shown,
            [
                ("a", "[1, {\"x\\\"}\": \"]\"}]"),
                ("bA\\", "\"v\\\\\""),
                ("c", "-1.5e3"),
                ("d", "{}"),
                ("e", "null"),
            ]
        );
        assert_eq!(entries(" {} ").unwrap(), []);
        for text in ["", "[]", "{\"a\": 1,}", "{\"a\" 1}", "{} x", "\u{feff}{}"] {
            assert!(entries(text).is_err(), "{text:?}");
        }
    }
}
