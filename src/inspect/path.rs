//! Paths of the image, through all links in them.

use std::collections::VecDeque;

use crate::engine::{EngineError, FileKind, FileStat, Files};

/// As many links as Linux follows before it gives up (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// Where a path leads.
#[derive(Debug, Clone)]
pub enum Real {
    /// To this path, which has no link in it.
    Found(String, FileStat),
    /// Nowhere: nothing is at this path.
    Missing(String),
}

/// Follows every link of `path`, in its folders too.
///
/// # Errors
/// When the engine can't tell.
pub fn real_path(files: &dyn Files, path: &str) -> Result<Real, EngineError> {
    let mut ahead: VecDeque<String> = parts(path).collect();
    let mut here = String::new();
    let mut last = None;
    let mut links = 0;
    while let Some(part) = ahead.pop_front() {
        if part == ".." {
            here.truncate(here.rfind('/').unwrap_or(0));
            last = None;
            continue;
        }
        let next = format!("{here}/{part}");
        let Some(stat) = files.stat(&next)? else {
            return Ok(Real::Missing(next));
        };
        match &stat.link_target {
            Some(target) if stat.kind == FileKind::Symlink => {
                links += 1;
                if links > MAX_LINKS {
                    return Ok(Real::Missing(next));
                }
                if target.starts_with('/') {
                    here.clear();
                }
                last = None;
                for part in parts(target).collect::<Vec<_>>().into_iter().rev() {
                    ahead.push_front(part);
                }
            }
            _ if stat.kind != FileKind::Directory && !ahead.is_empty() => {
                return Ok(Real::Missing(format!("{next}/{}", ahead[0])));
            }
            _ => {
                here = next;
                last = Some(stat);
            }
        }
    }
    match last {
        Some(stat) => Ok(Real::Found(here, stat)),
        None => {
            let path = if here.is_empty() { "/" } else { &here };
            Ok(match files.stat(path)? {
                Some(stat) => Real::Found(path.to_owned(), stat),
                None => Real::Missing(path.to_owned()),
            })
        }
    }
}

fn parts(path: &str) -> impl Iterator<Item = String> {
    let parts = path.split('/');
    parts
        .filter(|part| !part.is_empty() && *part != ".")
        .map(ToOwned::to_owned)
}

/// The folder that a path is in.
pub(super) fn folder(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((folder, _)) => folder,
    }
}

/// The last part of a path.
pub(super) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// `path` as seen from `folder`.
pub(super) fn absolute(folder: &str, path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{}/{path}", folder.trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Tree;
    use super::*;

    #[test]
    fn links_are_followed_wherever_they_stand() {
        let tree = Tree::new()
            .file("/usr/lib/libz.so.1.2", "z")
            .link("/usr/lib/libz.so.1", "libz.so.1.2")
            .link("/lib", "usr/lib")
            .link("/opt/up", "../lib/../lib/./libz.so.1")
            .link("/circle", "/circle")
            .link("/dangling", "usr/nothing/x")
            .folder("/empty");
        let table = [
            ("/lib/libz.so.1", Ok("/usr/lib/libz.so.1.2")),
            ("/opt/up", Ok("/usr/lib/libz.so.1.2")),
            ("//usr/./lib/", Ok("/usr/lib")),
            ("/usr/..", Ok("/")),
            ("/lib/..", Ok("/usr")),
            ("/empty/../usr", Ok("/usr")),
            ("/circle", Err("/circle")),
            ("/dangling", Err("/usr/nothing")),
            ("/lib/libz.so.1/x", Err("/usr/lib/libz.so.1.2/x")),
        ];
        for (path, expected) in table {
            let found = real_path(&tree, path).unwrap();
            let found = match &found {
                Real::Found(path, _) => Ok(path.as_str()),
                Real::Missing(path) => Err(path.as_str()),
            };
            assert_eq!(found, expected, "{path}");
        }
    }
}
