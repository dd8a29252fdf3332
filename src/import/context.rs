//! From which folder an image is built, and which files it is made of.

use std::path::{Path, PathBuf};

use globset::{GlobBuilder, escape};

use super::sources::Source;

/// What was found out about a context.
#[derive(Debug, Default)]
pub(super) struct Context {
    /// The folder, if it is not that of the Dockerfile.
    pub(super) folder: Option<PathBuf>,
    /// Globs of the files; none if the whole context counts.
    pub(super) files: Vec<String>,
    /// What people should know, a line each.
    pub(super) notes: Vec<String>,
}

/// Guesses the context of `dockerfile`: the nearest folder, from its own up to the top, that has all of
/// `sources`. `files` are all there are; all paths are relative to the top.
pub(super) fn context(dockerfile: &Path, sources: &[Source], files: &[PathBuf]) -> Context {
    let own = dockerfile.parent().unwrap_or(Path::new(""));
    let paths = sources.iter().filter_map(|source| match source {
        Source::Path(path) => Some(path.as_str()),
        _ => None,
    });
    let paths: Vec<&str> = paths.collect();
    let missing = |folder: &Path| -> Vec<&str> {
        let missing = paths.iter().filter(|path| !is_there(folder, path, files));
        missing.copied().collect()
    };
    // Of equally good ones the nearest.
    let best = own.ancestors().min_by_key(|folder| missing(folder).len());
    let folder = best.unwrap_or(own);
    let mut found = Context::default();
    if folder != own {
        let at_own = missing(own);
        let example = at_own.first().copied().unwrap_or_default();
        let shown = if folder == Path::new("") {
            "the top".to_owned()
        } else {
            format!("`{}`", folder.display())
        };
        found.notes.push(format!(
            "context: a guess, because `{example}` is there from {shown} and not beside the Dockerfile"
        ));
        found.folder = Some(folder.to_owned());
    }
    for path in missing(folder) {
        found.notes.push(format!(
            "`{path}` is copied and was not found in the context"
        ));
    }
    let whole = sources.iter().find_map(|source| match source {
        Source::Whole => Some("all of it is copied".to_owned()),
        Source::Unknown(written) => Some(format!("what `{written}` copies is not known here")),
        Source::Path(path) if is_wild(path) && literal_folder(path).is_empty() => {
            Some(format!("`{path}` may be any file at its top"))
        }
        Source::Path(_) => None,
    });
    if let Some(why) = whole {
        found.notes.push(format!(
            "files: left out, so that the whole context counts: {why}"
        ));
        return found;
    }
    found.files.push(escape(&dockerfile.to_string_lossy()));
    for path in paths {
        let glob = glob(folder, path, files);
        if matches_any(&glob, files) && !found.files.contains(&glob) {
            found.files.push(glob);
        }
    }
    found
}

/// The glob for what is copied: a file, or all of a folder. What has wildcards may become any file of
/// their folder, and folders that match are copied with all that is in them.
fn glob(folder: &Path, path: &str, files: &[PathBuf]) -> String {
    let literal = if is_wild(path) {
        literal_folder(path)
    } else {
        path.to_owned()
    };
    let full = folder.join(&literal);
    let shown = escape(&full.to_string_lossy());
    let is_file = !is_wild(path) && files.contains(&full);
    if is_file {
        shown
    } else {
        format!("{shown}/**")
    }
}

fn is_there(folder: &Path, path: &str, files: &[PathBuf]) -> bool {
    let full = folder.join(path);
    if !is_wild(path) {
        return files.iter().any(|file| file.starts_with(&full));
    }
    let pattern = format!(
        "{}{path}",
        if folder == Path::new("") {
            String::new()
        } else {
            format!("{}/", escape(&folder.to_string_lossy()))
        }
    );
    matches_any(&pattern, files) || matches_any(&format!("{pattern}/**"), files)
}

fn matches_any(pattern: &str, files: &[PathBuf]) -> bool {
    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
    let glob = glob.map(|glob| glob.compile_matcher());
    glob.is_ok_and(|glob| files.iter().any(|file| glob.is_match(file)))
}

fn is_wild(path: &str) -> bool {
    path.contains(['*', '?', '[', '\\'])
}

/// The folders before the first wildcard.
fn literal_folder(path: &str) -> String {
    let parts = path.split('/');
    let parts: Vec<&str> = parts.take_while(|part| !is_wild(part)).collect();
    parts.join("/")
}
