//! `$ORIGIN`, `$LIB` and `$PLATFORM` in search paths.

/// What the tokens stand for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tokens<'a> {
    /// The folder of the object that the path stands in.
    pub(super) origin: &'a str,
    /// `lib64` and the like, which is glibc's alone.
    pub(super) lib: Option<&'a str>,
    /// The processor, which is glibc's alone.
    pub(super) platform: Option<&'a str>,
}

impl Tokens<'_> {
    /// The path without tokens; `None` if one stands for nothing, and the loader leaves it out.
    pub(super) fn expand(&self, path: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = path;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let known = [
                ("ORIGIN", Some(self.origin)),
                ("LIB", self.lib),
                ("PLATFORM", self.platform),
            ];
            let token = known.iter().find_map(|(name, value)| {
                let braced = rest
                    .strip_prefix('{')
                    .and_then(|rest| rest.strip_prefix(name));
                let after = braced.and_then(|rest| rest.strip_prefix('}')).or_else(|| {
                    let after = rest.strip_prefix(name)?;
                    let goes_on =
                        after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
                    (!goes_on).then_some(after)
                })?;
                Some((after, *value))
            });
            match token {
                Some((after, value)) => {
                    out.push_str(value?);
                    rest = after;
                }
                None => out.push('$'),
            }
        }
        out.push_str(rest);
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_with_and_without_braces() {
        let tokens = Tokens {
            origin: "/opt/x/bin",
            lib: Some("lib64"),
            platform: None,
        };
        let table = [
            ("$ORIGIN/../lib", Some("/opt/x/bin/../lib")),
            ("${ORIGIN}", Some("/opt/x/bin")),
            ("/a/$LIB/b", Some("/a/lib64/b")),
            ("/a/$LIBRARY", Some("/a/$LIBRARY")),
            ("/a/${LIB", Some("/a/${LIB")),
            ("/a/$PLATFORM", None),
            ("/plain", Some("/plain")),
            ("$", Some("$")),
        ];
        for (path, expected) in table {
            assert_eq!(tokens.expand(path).as_deref(), expected, "{path}");
        }
    }
}
