//! Python packages: `*.dist-info/METADATA` and the older `*.egg-info` ("Recording installed
//! projects" of the Python packaging guide).

use super::super::path::{folder, name};
use super::database::Package;
use super::headers::{head, value};

/// Whether Python packages lie directly in this folder.
pub(super) fn is_folder(path: &str) -> bool {
    matches!(name(path), "site-packages" | "dist-packages")
}

/// Whether this file describes a package that can be imported. Copies that packages bring along
/// for themselves lie deeper.
pub(super) fn is_metadata(path: &str) -> bool {
    let above = folder(path);
    match name(path) {
        "METADATA" => above.ends_with(".dist-info") && is_folder(folder(above)),
        "PKG-INFO" if name(above) == "EGG-INFO" => {
            let egg = folder(above);
            egg.ends_with(".egg") && is_folder(folder(egg))
        }
        "PKG-INFO" => above.ends_with(".egg-info") && is_folder(folder(above)),
        file => file.ends_with(".egg-info") && is_folder(above),
    }
}

pub(super) fn package(path: &str, bytes: &[u8]) -> Package {
    let text = String::from_utf8_lossy(bytes);
    let record = head(&text);
    let home = path
        .rfind("-packages/")
        .map_or(path, |at| &path[..at + "-packages".len()]);
    // `samtools_helper-1.2.dist-info`
    let unit = path[home.len()..]
        .trim_start_matches('/')
        .split('/')
        .next()
        .unwrap_or_default();
    let by_file = unit.split('-').next().unwrap_or_default();
    let by_file = by_file.strip_suffix(".egg").unwrap_or(by_file);
    let by_file = by_file.strip_suffix(".egg-info").unwrap_or(by_file);
    Package {
        manager: "pip",
        name: value(record, "Name").unwrap_or(by_file).to_owned(),
        version: value(record, "Version").map(ToOwned::to_owned),
        at: home.to_owned(),
    }
}

/// A name as PEP 503 compares it.
pub(super) fn normal(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_known_by_their_place() {
        let lib = "/usr/lib/python3/dist-packages";
        let table = [
            (
                format!("{lib}/pysam-0.22.dist-info/METADATA"),
                Some("pysam"),
            ),
            (format!("{lib}/a_b-1.egg-info/PKG-INFO"), Some("a_b")),
            (format!("{lib}/six-1.16.0.egg-info"), Some("six")),
            (format!("{lib}/editable.egg-info"), Some("editable")),
            (format!("{lib}/x-1-py3.11.egg/EGG-INFO/PKG-INFO"), Some("x")),
            (format!("{lib}/pip/_vendor/rich-1.dist-info/METADATA"), None),
            ("/usr/share/x-1.dist-info/METADATA".to_owned(), None),
            (format!("{lib}/pysam-0.22.dist-info/RECORD"), None),
        ];
        for (path, expected) in table {
            assert_eq!(is_metadata(&path), expected.is_some(), "{path}");
            if let Some(expected) = expected {
                let broken = package(&path, b"nonsense");
                assert_eq!(
                    (broken.name.as_str(), broken.version),
                    (expected, None),
                    "{path}"
                );
                assert_eq!(broken.at, lib);
            }
        }
        let text =
            b"Metadata-Version: 2.1\nName: Py.Sam\nVersion: 0.22.0\n\nName: other\nVersion: 1\n";
        let package = package(
            "/venv/lib/python3.11/site-packages/x.dist-info/METADATA",
            text,
        );
        assert_eq!(
            (package.name.as_str(), package.version.as_deref()),
            ("Py.Sam", Some("0.22.0"))
        );
        assert_eq!(package.at, "/venv/lib/python3.11/site-packages");
    }

    #[test]
    fn names_are_compared_as_pip_does() {
        assert_eq!(normal("Ruamel.YAML__clib"), normal("ruamel-yaml-clib"));
        assert_ne!(normal("pysam"), normal("py-sam"));
    }
}
