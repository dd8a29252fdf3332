//! The rooms keep to themselves: only one knows the Engine API, and no file grows out of hand.

use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn only_the_docker_engine_knows_bollard_and_files_stay_small() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources(&src);
    assert!(files.len() > 50, "the sources were not found");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let shown = file.display();
        let is_docker = file.starts_with(src.join("engine/docker"));
        let uses_bollard = text.contains("use bollard") || text.contains("bollard::");
        assert!(is_docker || !uses_bollard, "{shown} uses bollard");
        let lines = text.lines().count();
        assert!(lines <= 600, "{shown} has {lines} lines");
    }
}
