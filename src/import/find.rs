//! The Dockerfiles below a folder.

use std::io;
use std::path::{Path, PathBuf};

/// What is no Dockerfile although its name begins or ends like one.
const OTHER_ENDS: [&str; 6] = [".dockerignore", "~", ".bak", ".orig", ".swp", ".md"];

/// All files below `root`, relative to it, without those of git. Links are not followed.
pub(super) fn files(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    collect(root, Path::new(""), &mut found)?;
    found.sort();
    Ok(found)
}

/// Whether a file is a Dockerfile by its path: `Dockerfile`, `Dockerfile.x`, `x.Dockerfile`, and in no
/// hidden folder.
pub(super) fn is_dockerfile(path: &Path) -> bool {
    let mut folders = path.parent().into_iter().flat_map(Path::components);
    let is_left_out = |name: &str| name.starts_with('.') || name == "node_modules";
    if folders.any(|part| part.as_os_str().to_str().is_some_and(is_left_out)) {
        return false;
    }
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return false;
    };
    let lower = name.to_ascii_lowercase();
    let is_one = lower == "dockerfile"
        || lower.starts_with("dockerfile.")
        || lower.len() > ".dockerfile".len() && lower.ends_with(".dockerfile");
    is_one && !OTHER_ENDS.iter().any(|end| lower.ends_with(end))
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in root.join(folder).read_dir()? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        let kind = entry.file_type()?;
        if !kind.is_dir() {
            found.push(path);
        } else if entry.file_name() != ".git" {
            match collect(root, &path, found) {
                // What can't be read can't be a part of an image.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                result => result?,
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockerfiles_are_known_by_their_names() {
        let table = [
            ("Dockerfile", true),
            ("a/b/Dockerfile", true),
            ("a/dockerfile", true),
            ("a/Dockerfile.gpu", true),
            ("gpu.Dockerfile", true),
            ("a/Dockerfile.dockerignore", false),
            ("gpu.Dockerfile.dockerignore", false),
            ("Dockerfile~", false),
            ("Dockerfile.bak", false),
            ("Dockerfiles", false),
            (".Dockerfile", false),
            (".github/Dockerfile", false),
            ("a/node_modules/x/Dockerfile", false),
        ];
        for (path, expected) in table {
            assert_eq!(is_dockerfile(Path::new(path)), expected, "{path}");
        }
    }
}
