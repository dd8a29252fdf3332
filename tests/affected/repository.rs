//! Repositories of git with the family in them.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::support::family::{files, project};
use crate::support::{Ended, Project};

/// Specs of a few of the family, and of an image that is none of it.
pub const SPECS: [(&str, &str); 6] = [
    (
        "test-specs/sv-base-mini.yaml",
        "image: sv-base-mini\nchecks: [{run: bash --version}]\n",
    ),
    (
        "test-specs/sv-base.yaml",
        "image: sv-base\ninherit: sv-base-mini\ninclude: shared/tools.yaml\n\
         checks:\n  - {name: cat, run: cat /x, mounts: {fixtures/x.txt: /x}, stdout: {equals_file: fixtures/golden.txt}}\n",
    ),
    ("shared/tools.yaml", "checks: [{run: samtools --version}]\n"),
    (
        "test-specs/wham.yaml",
        "image: wham\ndefaults: {mounts: {fixtures/folder: /data}}\n\
         checks: [{run: 'true', stdin: {file: fixtures/in.txt}, env: {A: '${{ image.env.PATH }}'}}]\n",
    ),
    (
        "test-specs/other.yaml",
        "images: ['debian:bookworm-slim', stripy]\nchecks: [{run: 'true'}]\n",
    ),
    (
        "test-specs/manta.yaml",
        "image: manta\nchecks: [{run: 'true'}]\n",
    ),
];

/// A repository with one commit, on the branch `main`.
pub fn family() -> Project {
    let repository = Project::new(&SPECS);
    for (path, text) in files() {
        repository.write(&path, text.as_bytes());
    }
    repository.write("seatrial.yaml", project().as_bytes());
    for path in ["x.txt", "golden.txt", "in.txt", "folder/deep/y.txt"] {
        repository.write(&format!("fixtures/{path}"), b"x\n");
    }
    init(&repository);
    repository
}

pub fn init(repository: &Project) {
    git(repository, &["init", "--quiet", "--initial-branch=main"]);
    commit(repository);
}

/// Commits all that is there.
pub fn commit(repository: &Project) {
    // In the same second and with the same words, two commits can be one.
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let words = COUNT.fetch_add(1, Ordering::Relaxed).to_string();
    git(repository, &["add", "--all"]);
    git(
        repository,
        &["commit", "--quiet", "--allow-empty", "--message", &words],
    );
}

#[track_caller]
pub fn git(repository: &Project, args: &[&str]) -> String {
    git_in(&repository.root().to_owned(), args)
}

#[track_caller]
pub fn git_in(folder: &PathBuf, args: &[&str]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=x",
            "-c",
            "user.email=x@example.org",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(["-c", "protocol.file.allow=always"])
        .args(args)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub fn affected(repository: &Project, args: &[&str]) -> Ended {
    Ended::of(&mut repository.seatrial(&[&["affected"], args].concat()))
}

/// `build NAME` or `test NAME` for each image, in the order of the list.
#[track_caller]
pub fn list(repository: &Project, changed: &str) -> Vec<String> {
    let ended = affected(repository, &["--json", "--changed", changed]);
    ended.expect(0);
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
    let list: Value = serde_json::from_str(&ended.stdout).unwrap();
    let list = list.as_array().unwrap().iter().map(|entry| {
        assert_eq!(entry.as_object().unwrap().len(), 3, "{entry}");
        let because = entry["because"].as_str().unwrap();
        let name = entry["name"].as_str().unwrap();
        assert!(because.starts_with(&format!("{name} ← ")), "{because}");
        format!("{} {name}", entry["action"].as_str().unwrap())
    });
    list.collect()
}
