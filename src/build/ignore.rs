//! `.dockerignore`: which files of a context stay at home.
//!
//! Not the rules of `.gitignore`: patterns begin at the root of the context, and a file can come
//! back from a folder that is left out.

use regex::Regex;

use super::pattern::{compile, is_wild, literal_start};

/// The patterns of an ignore file. The last one that matches decides.
#[derive(Debug, Clone, Default)]
pub struct Ignore {
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone)]
struct Pattern {
    text: String,
    regex: Regex,
    is_exception: bool,
}

/// A pattern that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is not a valid pattern: {reason}")]
pub struct IgnoreError {
    /// Its line, counted from 1.
    pub line: usize,
    /// The pattern as it is written.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Ignore {
    /// Reads an ignore file.
    ///
    /// # Errors
    /// The first pattern that is not valid: to leave it out could send what must not be sent.
    pub fn parse(text: &str) -> Result<Self, IgnoreError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut patterns = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let written = line.trim();
            // Only a `#` at the very beginning makes a comment.
            if written.is_empty() || line.starts_with('#') {
                continue;
            }
            let refuse = |reason: String| IgnoreError {
                line: at + 1,
                pattern: written.to_owned(),
                reason,
            };
            let exception = written.strip_prefix('!').map(str::trim);
            if exception == Some("") {
                return Err(refuse("`!` must be followed by what it lets in".to_owned()));
            }
            let text = clean(exception.unwrap_or(written));
            patterns.push(Pattern {
                regex: compile(&text).map_err(refuse)?,
                text,
                is_exception: exception.is_some(),
            });
        }
        Ok(Self { patterns })
    }

    /// Whether `path`, relative to the context and with `/`, stays at home. A pattern that matches
    /// a folder matches all that is in it.
    pub fn is_ignored(&self, path: &str) -> bool {
        let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
        let with_folders: Vec<&str> = folders.chain([path]).collect();
        let mut ignored = false;
        for pattern in &self.patterns {
            let could_change = pattern.is_exception == ignored;
            if could_change && with_folders.iter().any(|path| pattern.regex.is_match(path)) {
                ignored = !pattern.is_exception;
            }
        }
        ignored
    }

    /// Whether an exception could let in something below `folder`, which itself is left out.
    pub fn has_exceptions_below(&self, folder: &str) -> bool {
        let folder = format!("{folder}/");
        let exceptions = self.patterns.iter().filter(|pattern| pattern.is_exception);
        exceptions.into_iter().any(|pattern| {
            let start = literal_start(&pattern.text);
            start.starts_with(&folder) || is_wild(&pattern.text) && folder.starts_with(start)
        })
    }
}

/// The shortest path that means the same, relative to the root of the context.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            // Above `/` there is only `/`.
            ".." if pattern.starts_with('/') => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of patterns, path, and whether the path stays at home.
    #[test]
    fn patterns_match_as_for_docker() {
        let table: &[(&[&str], &str, bool)] = &[
            // Rooted, whole names.
            (&["foo"], "foo", true),
            (&["foo"], "sub/foo", false),
            (&["foo"], "foobar", false),
            (&["/foo"], "foo", true),
            (&["foo/"], "foo", true),
            (&["./foo/../bar"], "bar", true),
            (&["foo"], "foo/deep/file", true),
            (&["/"], "foo", false),
            (&["."], "foo", false),
            (&["../foo"], "foo", false),
            // One element.
            (&["*"], "foo", true),
            (&["*.log"], "x.log", true),
            (&["*.log"], "sub/x.log", false),
            (&["*/temp*"], "somedir/temporary.txt", true),
            (&["*/temp*"], "temporary.txt", false),
            (&["*/*/temp*"], "somedir/subdir/temporary.txt", true),
            (&["temp?"], "tempa", true),
            (&["temp?"], "temp", false),
            (&["a?b"], "a/b", false),
            (&["a?b"], "a☺b", true),
            (&[".*"], ".foo", true),
            (&[".*"], "foo", false),
            (&["abc.def"], "abcZdef", false),
            (&["a(b)c|+{1}$^"], "a(b)c|+{1}$^", true),
            // Classes and escapes.
            (&["a[b-d]e"], "ace", true),
            (&["a[b-d]e"], "aae", false),
            (&["a[^b-d]e"], "aze", true),
            (&["[\\]a]"], "]", true),
            (&["[x\\-]"], "-", true),
            (&["[a&&b]"], "&", true),
            (&["a\\*b"], "a*b", true),
            (&["a\\*b"], "axb", false),
            // Any number of folders.
            (&["**"], "dir/file", true),
            (&["**/"], "file", true),
            (&["**/**"], "dir/file", true),
            (&["dir/**"], "dir/dir2/file", true),
            (&["dir/**"], "dir", false),
            (&["**/dir"], "dir", true),
            (&["**/dir"], "dir/file", true),
            (&["**/dir2/*"], "dir/dir2/file", true),
            (&["**/dir2/**"], "dir/dir2/dir3/file", true),
            (&["**/*.go"], "main.go", true),
            (&["**/*.go"], "a/b/main.go", true),
            (&["**/**/*.txt"], "file.txt", true),
            (&["**/*.txt2"], "dir/file.txt", false),
            (&["a**/*.txt"], "a/dir/dir/file.txt", true),
            (&["a/*.txt**"], "a/file.txt", true),
            (&["a/*.txt"], "a/dir/file.txt", false),
            (&["**/.foo"], "bar.foo", false),
            (&["**file"], "dir/myfile", true),
            (&["**file*"], "dir/myfile", false),
            (&["**/foo/bar"], "dir/dir2/foo/bar", true),
            // The last match decides.
            (&["*.md", "!README.md"], "README.md", false),
            (&["*.md", "!README.md"], "other.md", true),
            (
                &["*.md", "!README*.md", "README-secret.md"],
                "README-secret.md",
                true,
            ),
            (
                &["*.md", "README-secret.md", "!README*.md"],
                "README-secret.md",
                false,
            ),
            (&["!a.go", "*.go"], "a.go", true),
            (&["docs", "!docs/README.md"], "docs/README.md", false),
            (&["docs/", "  !docs/README.md  "], "docs/README.md", false),
            (&["docs", "! docs/README.md"], "docs/README.md", false),
            (&["docs", "!/docs/README.md"], "docs/README.md", false),
            (&["**", "!util/docker/web"], "util/docker/web/foo", false),
            (
                &["**", "!util/docker/web", "util/docker/web/foo"],
                "util/docker/web/foo",
                true,
            ),
            (&["*", "!src"], "src/a/b.rs", false),
            // Comments and empty lines.
            (&["# foo", "", "   ", "bar"], "bar", true),
            (&["#foo"], "#foo", false),
            (&[" #foo"], "#foo", true),
            (&["\\#foo"], "#foo", true),
            (&["\u{feff}foo"], "foo", true),
            (&["foo\r"], "foo", true),
            (&[], "foo", false),
        ];
        for (patterns, path, expected) in table {
            let ignore = Ignore::parse(&patterns.join("\n")).unwrap();
            assert_eq!(ignore.is_ignored(path), *expected, "{patterns:?} {path}");
        }
    }

    #[test]
    fn folders_are_entered_only_where_an_exception_could_be() {
        let table: &[(&[&str], &str, bool)] = &[
            (&["docs"], "docs", false),
            (&["docs", "!docs/README.md"], "docs", true),
            (&["docs", "!docs/README.md"], "docs/old", false),
            (&["docs", "!docs/*/keep"], "docs/old", true),
            (&["**", "!**/*.md"], "docs", true),
            (&["*", "!src/*.rs"], "target", false),
            (&["*", "!s*"], "target", false),
            (&["*", "!docsX"], "docs", false),
        ];
        for (patterns, folder, expected) in table {
            let ignore = Ignore::parse(&patterns.join("\n")).unwrap();
            assert_eq!(
                ignore.has_exceptions_below(folder),
                *expected,
                "{patterns:?} {folder}"
            );
        }
    }

    #[test]
    fn what_is_no_pattern_is_an_error_with_its_line() {
        let wrong = [
            "[", "a[", "[^", "[^bc", "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "\\", "!", "[z-a]",
        ];
        for pattern in wrong {
            let error = Ignore::parse(&format!("# first\nfoo\n{pattern}\n")).unwrap_err();
            assert_eq!((error.line, error.pattern.as_str()), (3, pattern));
        }
    }
}
