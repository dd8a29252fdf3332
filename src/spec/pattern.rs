//! Paths of the image, with or without wildcards.

use globset::{GlobBuilder, GlobMatcher};

use crate::diagnostic::Diagnostic;
use crate::yaml::{Context, Decode, Node};

/// The signs that make a path a glob unless a backslash stands before them.
const WILDCARDS: [char; 4] = ['*', '?', '[', '{'];

/// An absolute path, or a glob of absolute paths.
#[derive(Debug, Clone)]
pub struct FilePattern {
    text: String,
    meaning: PatternKind,
}

/// What a [`FilePattern`] stands for.
#[derive(Debug, Clone)]
pub enum PatternKind {
    /// One path, its backslashes resolved.
    Path(String),
    /// All paths that match.
    Glob(FileGlob),
}

/// A glob whose wildcards stay within one folder, `**` aside.
#[derive(Debug, Clone)]
pub struct FileGlob {
    folder: String,
    matcher: GlobMatcher,
    /// How many slashes each match has, where the glob says so.
    slashes: Option<usize>,
}

impl FileGlob {
    /// The folder before the first wildcard, without a slash at its end; `/` for the root. Nothing
    /// outside of it can match.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// Whether an absolute path matches.
    pub fn is_match(&self, path: &str) -> bool {
        let slashes = path.bytes().filter(|byte| *byte == b'/').count();
        // globset lets a class such as `[!a]` match a slash.
        self.slashes.is_none_or(|wanted| slashes == wanted) && self.matcher.is_match(path)
    }
}

impl FilePattern {
    /// As it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// One path or many.
    pub fn kind(&self) -> &PatternKind {
        &self.meaning
    }

    /// Whether it has wildcards.
    pub fn is_glob(&self) -> bool {
        matches!(self.meaning, PatternKind::Glob(_))
    }

    /// Reads a path: the message and the help if it is none.
    fn parse(text: &str) -> Result<Self, (String, String)> {
        let help = |help: &str| help.to_owned();
        if !text.starts_with('/') {
            let message = "a file check needs an absolute path".to_owned();
            return Err((message, String::new()));
        }
        if text != "/" {
            let tidy: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
            if tidy.iter().any(|part| matches!(*part, "." | "..")) {
                let message = "`.` and `..` can't be parts of this path".to_owned();
                return Err((message, help("write the path that is meant")));
            }
            let tidy = format!("/{}", tidy.join("/"));
            if tidy != text {
                let message = "a slash too many".to_owned();
                return Err((message, format!("write `{tidy}`")));
            }
        }
        let Some((path, is_glob)) = unescape(text) else {
            let message = "a backslash at the end makes nothing literal".to_owned();
            return Err((message, help(r"for a backslash itself write `\\`")));
        };
        let meaning = if is_glob {
            let glob = GlobBuilder::new(text)
                .literal_separator(true)
                .backslash_escape(true)
                .build();
            let glob = glob.map_err(|error| {
                let message = format!("not a valid glob: {}", error.kind());
                (message, help(r"a backslash makes a sign literal: `\[`"))
            })?;
            PatternKind::Glob(FileGlob {
                folder: literal_folder(text),
                slashes: slashes(text),
                matcher: glob.compile_matcher(),
            })
        } else {
            PatternKind::Path(path)
        };
        let text = text.to_owned();
        Ok(Self { text, meaning })
    }
}

impl Decode for FilePattern {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let Some(text) = node.scalar().filter(|_| !node.is_null()) else {
            return context.mismatch(node, "an absolute path");
        };
        match Self::parse(text) {
            Ok(pattern) => Some(pattern),
            Err((message, help)) => {
                let mut diagnostic = Diagnostic::new(&node.place, message);
                if help.is_empty() {
                    diagnostic = diagnostic.label("does not begin with `/`");
                } else {
                    diagnostic = diagnostic.help(help);
                }
                context.report(diagnostic);
                None
            }
        }
    }
}

/// The text without its backslashes, and whether a wildcard stands in it. `None` when a backslash
/// has nothing behind it.
fn unescape(text: &str) -> Option<(String, bool)> {
    let mut plain = String::new();
    let mut is_glob = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            plain.push(chars.next()?);
        } else {
            is_glob |= WILDCARDS.contains(&c);
            plain.push(c);
        }
    }
    Some((plain, is_glob))
}

/// `None` if matches may have any number: for `**`, and for a slash within braces or brackets.
fn slashes(glob: &str) -> Option<usize> {
    let within = |part: &str| part.contains('/');
    let groups = glob.split(['{', '[']).skip(1);
    let mut groups = groups.map(|part| part.split(['}', ']']).next().unwrap_or(part));
    let open = glob.contains("**") || groups.any(within);
    (!open).then(|| glob.bytes().filter(|byte| *byte == b'/').count())
}

fn literal_folder(glob: &str) -> String {
    let mut folder = String::new();
    for part in glob.split('/').skip(1) {
        match unescape(part) {
            Some((plain, false)) => folder = format!("{folder}/{plain}"),
            _ => break,
        }
    }
    if folder.is_empty() {
        folder.push('/');
    }
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_make_a_glob_and_backslashes_make_them_literal() {
        let table = [
            ("/etc/passwd", None),
            (r"/a\*b", None),
            (r"/a\\b", None),
            ("/odd]}name", None),
            ("/usr/lib/*.so", Some("/usr/lib")),
            ("/*", Some("/")),
            ("/**/x", Some("/")),
            ("/usr/{lib/a,b}/c", Some("/usr")),
            (r"/a\[1]/b?", Some("/a[1]")),
        ];
        for (text, folder) in table {
            let pattern = FilePattern::parse(text).unwrap();
            let found = match pattern.kind() {
                PatternKind::Path(_) => None,
                PatternKind::Glob(glob) => Some(glob.folder()),
            };
            assert_eq!(found, folder, "{text}");
        }
        let escaped = FilePattern::parse(r"/a\*b\\c").unwrap();
        assert!(matches!(escaped.kind(), PatternKind::Path(path) if path == r"/a*b\c"));
    }

    #[test]
    fn wildcards_stay_in_their_folder() {
        let table = [
            ("/usr/*.so", "/usr/a.so", true),
            ("/usr/*.so", "/usr/lib/a.so", false),
            ("/usr/?.so", "/usr/a.so", true),
            ("/usr?a.so", "/usr/a.so", false),
            ("/usr/b[!a]c", "/usr/b/c", false),
            ("/usr/b[+-9]c", "/usr/b/c", false),
            ("/usr/b[+-9]c", "/usr/b7c", true),
            ("/usr/[!b].so", "/usr/a.so", true),
            ("/usr/**/a.so", "/usr/a.so", true),
            ("/usr/**/a.so", "/usr/x/y/a.so", true),
            ("/usr/**", "/usr/x/y", true),
            ("/usr/**", "/usr", false),
            ("/{a,b/c}/d", "/b/c/d", true),
            (r"/a\*/*", "/a*/x", true),
            (r"/a\*/*", "/ab/x", false),
            ("/.*", "/.hidden", true),
            ("/*", "/.hidden", true),
        ];
        for (text, path, expected) in table {
            let pattern = FilePattern::parse(text).unwrap();
            let PatternKind::Glob(glob) = pattern.kind() else {
                panic!("{text} is no glob")
            };
            assert_eq!(glob.is_match(path), expected, "{text} {path}");
        }
    }

    #[test]
    fn odd_paths_are_refused() {
        for text in [
            "etc", "", "/etc/", "//etc", "/a//b", "/a/./b", "/a/../b", "/a/..", r"/a\", "/[a",
            "/{a", "/a*}", "/[b-a]",
        ] {
            assert!(FilePattern::parse(text).is_err(), "{text}");
        }
    }
}
