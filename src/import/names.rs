//! What images are called, by where their Dockerfiles are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A name for each of `paths`, all different. `root` is what the top itself is called.
pub(super) fn names(paths: &[PathBuf], root: &str) -> Vec<String> {
    let mut names: Vec<String> = paths.iter().map(|path| name(path, root, 1)).collect();
    // Those with one name are told apart by more of their folders.
    for depth in 2..8 {
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        for name in &names {
            *count.entry(name.clone()).or_default() += 1;
        }
        for (path, known) in paths.iter().zip(&mut names) {
            if count[known] > 1 {
                *known = name(path, root, depth);
            }
        }
    }
    for at in 0..names.len() {
        let wanted = names[at].clone();
        let mut number = 2;
        while names[..at].contains(&names[at]) {
            names[at] = format!("{wanted}-{number}");
            number += 1;
        }
    }
    names
}

/// The name by the last `depth` folders: `sv-base` for `dockerfiles/sv-base/Dockerfile`, `tool-gpu` for
/// `tool/Dockerfile.gpu`, `gpu` for `gpu.Dockerfile`.
fn name(path: &Path, root: &str, depth: usize) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let lower = file.to_ascii_lowercase();
    let (own, suffix) = match lower.strip_suffix(".dockerfile") {
        Some(own) => (Some(own), None),
        None => (None, lower.strip_prefix("dockerfile.")),
    };
    let folders = path.parent().into_iter().flat_map(Path::components);
    let folders = folders.map(|part| part.as_os_str().to_string_lossy().into_owned());
    let folders: Vec<String> = folders.collect();
    let wanted = if own.is_some() { depth - 1 } else { depth };
    let mut parts: Vec<&str> = Vec::new();
    parts.extend(
        folders[folders.len().saturating_sub(wanted)..]
            .iter()
            .map(String::as_str),
    );
    if parts.is_empty() && own.is_none() && suffix.is_none() {
        parts.push(root);
    }
    parts.extend(own);
    parts.extend(suffix);
    sound(&parts.join("-"))
}

/// The nearest text that can be the name of an image.
fn sound(text: &str) -> String {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let lower = text.to_ascii_lowercase();
    let known = lower.chars().map(|c| {
        if is_inner(c) || "._-".contains(c) {
            c
        } else {
            '-'
        }
    });
    let known: String = known.collect();
    let trimmed = known.trim_matches(|c| !is_inner(c));
    if trimmed.is_empty() {
        return "image".to_owned();
    }
    trimmed.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_has_a_name_of_its_own() {
        let table: &[(&[&str], &[&str])] = &[
            (&["Dockerfile"], &["top"]),
            (&["dockerfiles/sv-base/Dockerfile"], &["sv-base"]),
            (
                &[
                    "tool/Dockerfile",
                    "tool/Dockerfile.gpu",
                    "tool/cpu.Dockerfile",
                ],
                &["tool", "tool-gpu", "cpu"],
            ),
            (
                &["a/base/Dockerfile", "b/base/Dockerfile"],
                &["a-base", "b-base"],
            ),
            (&["Dockerfile.gpu", "gpu.Dockerfile"], &["gpu", "gpu-2"]),
            (&["My Tool/Dockerfile", "_x_/Dockerfile"], &["my-tool", "x"]),
            (&["ü/Dockerfile", "ö/Dockerfile"], &["image", "image-2"]),
        ];
        for (paths, expected) in table {
            let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
            assert_eq!(names(&paths, "top"), *expected, "{paths:?}");
        }
    }
}
