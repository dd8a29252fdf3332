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

/// Whoever pushes an image knows nothing of why it may be pushed.
#[test]
fn registries_know_no_specs_and_no_verdicts() {
    let room = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/registry");
    let files = sources(&room);
    assert!(files.len() > 10, "the room was not found");
    let others = regex::Regex::new(
        r"crate::(spec|check|plan|run|verdict|event|report|expect|inspect|project|build|cli)\b",
    )
    .unwrap();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let found = others.find(&text).map(|it| it.as_str());
        assert_eq!(found, None, "{}", file.display());
    }
}

/// What the compiler can't vouch for is in one room. Everything else can't even say so: the lint is
/// denied, and only that room asks for an exception.
#[test]
fn only_the_sandbox_has_unsafe_code() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let room = src.join("engine/embedded/sandbox");
    let word = regex::Regex::new(r"\bunsafe(_code)?\b").unwrap();
    let mut inside = 0;
    for file in sources(&src) {
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let uses = code.filter(|line| word.is_match(line)).count();
        if file.starts_with(&room) {
            inside += uses;
        } else {
            assert_eq!(uses, 0, "{} has unsafe code", file.display());
        }
    }
    assert!(inside > 0, "the room was not found");
}
