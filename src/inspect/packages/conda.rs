//! Conda packages: `PREFIX/conda-meta/NAME-VERSION-BUILD.json`.

use serde::Deserialize;

use super::super::path::{folder, name};
use super::database::Package;

#[derive(Deserialize)]
struct Record {
    name: String,
    version: String,
}

/// Whether this file describes a package of a conda environment.
pub(super) fn is_metadata(path: &str) -> bool {
    let is_record = path.ends_with(".json") && folder(path).ends_with("/conda-meta");
    // NAME-VERSION-BUILD; other files may lie there too.
    is_record && name(path).matches('-').count() >= 2
}

pub(super) fn package(path: &str, bytes: &[u8]) -> Package {
    let record: Option<Record> = serde_json::from_slice(bytes).ok();
    let by_file = name(path).rsplitn(3, '-').nth(2).unwrap_or_default();
    let (name, version) = match record {
        Some(record) => (record.name, Some(record.version)),
        None => (by_file.to_owned(), None),
    };
    Package {
        manager: "conda",
        name,
        version,
        at: folder(folder(path)).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_an_environment() {
        let path = "/opt/conda/envs/gatk/conda-meta/scikit-learn-1.3.0-py311h_0.json";
        assert!(is_metadata(path));
        assert!(!is_metadata("/opt/conda/conda-meta/history"));
        assert!(!is_metadata("/opt/conda/pkgs/a-1-0/info/index.json"));
        let json =
            br#"{"build": "py311h_0", "name": "scikit-learn", "version": "1.3.0", "files": ["x"]}"#;
        let good = package(path, json);
        assert_eq!(
            (good.name.as_str(), good.version.as_deref()),
            ("scikit-learn", Some("1.3.0"))
        );
        assert_eq!(good.at, "/opt/conda/envs/gatk");
        let broken = package(path, b"{");
        assert_eq!(
            (broken.name.as_str(), broken.version),
            ("scikit-learn", None)
        );
    }
}
