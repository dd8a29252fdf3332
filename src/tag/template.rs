//! A text with `{date}`, `{release}` and `{shaN}`, which becomes a tag.

use std::fmt;

use super::git::GitFacts;

/// What can stand in braces.
const KNOWN: &str = "known are {date}, {release}, {sha} and {sha4} to {sha40}";
/// The longest tag that registries take.
const LONGEST: usize = 128;
/// The end of a tag that no commit stands for.
const DIRTY: &str = "-dirty";

/// A template of tags, known to make one whatever git says: what is wrong with it was told when it
/// was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagTemplate {
    said: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Date,
    Release,
    /// So many digits of the commit, or all there are.
    Sha(usize),
}

/// Why there is no tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// Something in braces that stands for nothing.
    #[error("`{{{0}}}` stands for nothing in a tag: {KNOWN}")]
    Unknown(String),
    /// A brace that is alone.
    #[error("a brace is alone in the tag `{0}`: {KNOWN}")]
    Unclosed(String),
    /// No registry takes it.
    #[error(
        "`{tag}` can't be a tag: a tag is 1 to {LONGEST} letters, digits, `_`, `.` and `-`, and begins with none of the \
         last two"
    )]
    Invalid {
        /// What it would be.
        tag: String,
    },
    /// The name of a release has what no tag may have.
    #[error(
        "the release `{0}` can't be in a tag, which has letters, digits, `_`, `.` and `-` only: give `release` in the \
         project file"
    )]
    Release(String),
    /// `{release}`, and git knows none.
    #[error(
        "`{{release}}` needs a git tag that HEAD descends from, and there is none: fetch the tags (`git fetch --tags \
         --unshallow`), or give `release` in the project file"
    )]
    NoRelease,
}

impl TagTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// What is in braces and not known, and what no tag may have.
    pub fn parse(text: &str) -> Result<Self, TagError> {
        let unclosed = || TagError::Unclosed(text.to_owned());
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, after) = rest.split_at(at);
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let (name, behind) = after
                .strip_prefix('{')
                .and_then(|inner| inner.split_once('}'))
                .ok_or_else(unclosed)?;
            pieces.push(piece(name)?);
            rest = behind;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        let template = Self {
            said: text.to_owned(),
            pieces,
        };
        // With any values at all, so that mistakes in the text itself show before anything is built.
        let sample = GitFacts {
            sha: "0".repeat(40),
            date: "2000-01-01".to_owned(),
            release: Some("0".to_owned()),
            uncommitted: Vec::new(),
        };
        template.fill(&sample).map_err(|error| match error {
            TagError::Invalid { .. } => TagError::Invalid {
                tag: text.to_owned(),
            },
            other => other,
        })?;
        Ok(template)
    }

    /// Whether it has nothing that git is asked for; then it is a tag itself.
    pub fn is_plain(&self) -> bool {
        self.pieces
            .iter()
            .all(|piece| matches!(piece, Piece::Text(_)))
    }

    /// The tag. Where something is not committed and git was asked for anything, it ends in `-dirty`:
    /// no commit stands for such an image.
    ///
    /// # Errors
    /// When there is no release, or it can't be in a tag, or all is too long.
    pub fn fill(&self, facts: &GitFacts) -> Result<String, TagError> {
        let mut tag = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => tag.push_str(text),
                Piece::Date => tag.push_str(&facts.date),
                Piece::Release => {
                    let release = facts.release.as_deref().ok_or(TagError::NoRelease)?;
                    if release.is_empty() || !release.chars().all(is_inner) {
                        return Err(TagError::Release(release.to_owned()));
                    }
                    tag.push_str(release);
                }
                Piece::Sha(digits) => tag.push_str(facts.sha.get(..*digits).unwrap_or(&facts.sha)),
            }
        }
        if !facts.uncommitted.is_empty() && !self.is_plain() {
            tag.push_str(DIRTY);
        }
        if is_tag(&tag) {
            Ok(tag)
        } else {
            Err(TagError::Invalid { tag })
        }
    }
}

impl fmt::Display for TagTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}

fn piece(name: &str) -> Result<Piece, TagError> {
    let unknown = || TagError::Unknown(name.to_owned());
    match name {
        "date" => Ok(Piece::Date),
        "release" => Ok(Piece::Release),
        "sha" => Ok(Piece::Sha(usize::MAX)),
        _ => {
            let digits = name.strip_prefix("sha").ok_or_else(unknown)?;
            let plain = !digits.starts_with(['0', '+']);
            let digits = digits
                .parse()
                .ok()
                .filter(|digits| plain && (4..=40).contains(digits));
            digits.map(Piece::Sha).ok_or_else(unknown)
        }
    }
}

fn is_inner(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

/// What registries take as a tag.
fn is_tag(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len())
        && text.chars().all(is_inner)
        && !text.starts_with(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> GitFacts {
        GitFacts {
            sha: "6b27c39f0123456789abcdef0123456789abcdef".to_owned(),
            date: "2024-10-25".to_owned(),
            release: Some("v0.29-beta".to_owned()),
            uncommitted: Vec::new(),
        }
    }

    fn filled(template: &str, facts: &GitFacts) -> Result<String, String> {
        TagTemplate::parse(template)
            .and_then(|template| template.fill(facts))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn templates_are_filled_with_what_git_knows() {
        let dirty = GitFacts {
            uncommitted: vec!["Dockerfile".to_owned()],
            ..facts()
        };
        let table = [
            ("{date}-{release}-{sha8}", "2024-10-25-v0.29-beta-6b27c39f"),
            ("{sha}", "6b27c39f0123456789abcdef0123456789abcdef"),
            ("r{sha4}_{sha12}.x", "r6b27_6b27c39f0123.x"),
        ];
        for (template, expected) in table {
            assert_eq!(filled(template, &facts()).as_deref(), Ok(expected));
            assert_eq!(filled(template, &dirty), Ok(format!("{expected}-dirty")));
        }
        // Nobody asked git.
        assert_eq!(filled("1.0", &dirty).as_deref(), Ok("1.0"));
        assert!(TagTemplate::parse("1.0").unwrap().is_plain());
        assert!(!TagTemplate::parse("{date}").unwrap().is_plain());
    }

    #[test]
    fn what_can_be_no_tag_is_told() {
        let table = [
            ("{sha8", "a brace is alone in the tag `{sha8`"),
            ("x}", "a brace is alone"),
            ("{sha3}", "`{sha3}` stands for nothing"),
            ("{sha08}", "`{sha08}` stands for nothing"),
            ("{sha41}", "`{sha41}` stands for nothing"),
            ("{Date}", "known are {date}, {release}, {sha}"),
            ("", "`` can't be a tag"),
            ("-{date}", "`-{date}` can't be a tag"),
            ("a/{sha8}", "`a/{sha8}` can't be a tag"),
            ("ü", "can't be a tag"),
        ];
        for (template, expected) in table {
            let error = TagTemplate::parse(template).unwrap_err().to_string();
            assert!(error.contains(expected), "{template}: {error}");
        }
        let long = "x".repeat(120);
        assert!(filled(&format!("{long}{{sha8}}"), &facts()).is_ok());
        assert!(filled(&format!("{long}{{sha9}}"), &facts()).is_err());
    }

    #[test]
    fn releases_must_fit_into_a_tag() {
        let table = [
            (None, "there is none: fetch the tags"),
            (Some("release/1.0"), "the release `release/1.0` can't be"),
            (Some("v1+htslib"), "give `release` in the project file"),
            (Some(""), "the release `` can't be"),
        ];
        for (release, expected) in table {
            let facts = GitFacts {
                release: release.map(ToOwned::to_owned),
                ..facts()
            };
            let error = filled("{release}", &facts).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(filled("{date}", &facts).is_ok());
        }
    }
}
