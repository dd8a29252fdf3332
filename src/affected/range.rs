//! What is compared: `BASE..HEAD`, or `BASE` for what is here now.

use super::git::GitError;

/// Two revisions, or one and the files as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Where the change began.
    pub base: String,
    /// Where it ends; `None` for the files as they are, committed or not.
    pub head: Option<String>,
}

impl Range {
    /// Reads `BASE..HEAD` (or `BASE...HEAD`, which means the same here), `BASE..` or `BASE`.
    ///
    /// # Errors
    /// What is none, or could be taken for an option.
    pub fn parse(said: &str) -> Result<Self, GitError> {
        let (base, head) = match said.split_once("...").or_else(|| said.split_once("..")) {
            Some((base, "")) => (base, Some("HEAD")),
            Some((base, head)) => (base, Some(head)),
            None => (said, None),
        };
        let head_is_sound = head.is_none_or(is_revision);
        if !is_revision(base) || !head_is_sound {
            return Err(GitError::NoRange(said.to_owned()));
        }
        Ok(Self {
            base: base.to_owned(),
            head: head.map(ToOwned::to_owned),
        })
    }
}

/// Whether it can be a revision, and is nothing else: git takes what begins with `-` for an option.
fn is_revision(text: &str) -> bool {
    let is_odd = |c: char| c.is_control() || c.is_whitespace();
    !text.is_empty() && !text.starts_with('-') && !text.contains("..") && !text.contains(is_odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_a_base() {
        let table: &[(&str, Option<(&str, Option<&str>)>)] = &[
            ("main", Some(("main", None))),
            ("origin/main..HEAD", Some(("origin/main", Some("HEAD")))),
            ("a...b", Some(("a", Some("b")))),
            ("a..", Some(("a", Some("HEAD")))),
            ("HEAD~1..feature/x", Some(("HEAD~1", Some("feature/x")))),
            ("", None),
            ("..HEAD", None),
            ("--output=/x..HEAD", None),
            ("main..--x", None),
            ("a..b..c", None),
            ("a b", None),
            ("a\n", None),
        ];
        for (said, expected) in table {
            let found = Range::parse(said).ok();
            let found = found.map(|range| (range.base, range.head));
            let expected = expected.map(|(base, head)| (base.to_owned(), head.map(str::to_owned)));
            assert_eq!(found, expected, "{said:?}");
        }
    }
}
