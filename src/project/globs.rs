//! The `files` of an image: which files of the project it depends on.

use std::fs;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};

use crate::diagnostic::Diagnostic;
use crate::source::Located;

/// Compiled globs over paths relative to the project.
#[derive(Debug, Clone)]
pub struct FileGlobs {
    patterns: Vec<String>,
    set: GlobSet,
}

impl FileGlobs {
    /// Whether `path`, relative to the project, is one of the files.
    pub fn is_match(&self, path: &Path) -> bool {
        self.set.is_match(path)
    }

    /// Whether a file below `folder`, relative to the project, could be one of the files.
    pub fn may_match_below(&self, folder: &Path) -> bool {
        let starts = self.patterns.iter().map(|pattern| literal_folder(pattern));
        let mut starts = starts.into_iter();
        starts.any(|start| start.starts_with(folder) || folder.starts_with(start))
            || self.is_match(folder)
    }

    /// The globs as they are written.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// Compiles `globs` and reports those that are wrong or match no file below `root`.
    pub(super) fn compile(
        globs: &[Located<String>],
        root: &Path,
        report: &mut dyn FnMut(Diagnostic),
    ) -> Self {
        let mut set = GlobSetBuilder::new();
        let mut patterns = Vec::new();
        for pattern in globs {
            match GlobBuilder::new(pattern).literal_separator(true).build() {
                Ok(glob) => {
                    if let Some(diagnostic) =
                        matches_nothing(pattern, &glob.compile_matcher(), root)
                    {
                        report(diagnostic);
                    }
                    set.add(glob);
                    patterns.push(pattern.value.clone());
                }
                Err(error) => {
                    let message = format!("not a valid glob: {}", error.kind());
                    report(Diagnostic::new(&pattern.place, message));
                }
            }
        }
        // Globs that compile alone compile together, unless they are too many for one automaton.
        let set = set.build().unwrap_or_else(|error| {
            if let Some(first) = globs.first() {
                report(Diagnostic::new(
                    &first.place,
                    format!("these globs are too much: {error}"),
                ));
            }
            GlobSet::empty()
        });
        Self { patterns, set }
    }
}

fn matches_nothing(
    pattern: &Located<String>,
    glob: &GlobMatcher,
    root: &Path,
) -> Option<Diagnostic> {
    let diagnostic = Diagnostic::new(
        &pattern.place,
        format!("no file matches `{}`", pattern.value),
    );
    if pattern.starts_with('/') || pattern.starts_with("./") || pattern.contains("../") {
        return Some(
            diagnostic.help(
                "globs are relative to the folder of the project file, without `./` or `../`",
            ),
        );
    }
    let start = literal_folder(pattern);
    if any_file(root, &start, glob) {
        return None;
    }
    if root.join(&pattern.value).is_dir() {
        let folder = pattern.trim_end_matches('/');
        return Some(diagnostic.help(format!("for all files of the folder write `{folder}/**`")));
    }
    Some(diagnostic.help(format!(
        "it was sought below {}; `*` stays within one folder, `**` goes through all",
        root.join(start).display()
    )))
}

/// The folders before the first wildcard: nothing outside of them can match.
fn literal_folder(pattern: &str) -> PathBuf {
    let parts: Vec<&str> = pattern.split('/').collect();
    let literal = parts
        .iter()
        .take(parts.len() - 1)
        .take_while(|part| !part.contains(['*', '?', '[', '{', '\\']));
    literal.collect()
}

fn any_file(root: &Path, folder: &Path, glob: &GlobMatcher) -> bool {
    // What can't be read can't match; the build itself says why if the file is needed.
    let entries = fs::read_dir(root.join(folder))
        .into_iter()
        .flatten()
        .flatten();
    let mut folders = Vec::new();
    for entry in entries {
        let path = folder.join(entry.file_name());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && entry.file_name() != ".git" => folders.push(path),
            Ok(kind) if !kind.is_dir() && glob.is_match(&path) => return true,
            _ => {}
        }
    }
    folders.iter().any(|folder| any_file(root, folder, glob))
}
