//! Specs for an engine that does as it is told.

use super::{Ended, Project, Report};

/// Knows some images; all commands work but those that say otherwise.
pub const SCRIPT: &str = r#"{
    "images": ["img:1", "img:2", "base:1", "mid:1", "child:1", "other:1", "tool:latest"],
    "runs": [
        {"when": "breaks", "exit": 1},
        {"when": "hangs", "takes": 60000},
        {"when": "lost", "error": "no space left on device"},
        {"when": "missing", "exit": 127},
        {"when": ""}
    ]
}"#;

pub fn project(files: &[(&str, &str)]) -> Project {
    let project = Project::new(&[("script.json", SCRIPT)]);
    for (path, text) in files {
        project.write(path, text.as_bytes());
    }
    project
}

/// The names of the checks, as `--list` tells them.
#[track_caller]
pub fn list(project: &Project, args: &[&str]) -> Vec<String> {
    let ended = project.fake(&[&["--list"], args].concat());
    ended.expect(0);
    let names = ended
        .stdout
        .lines()
        .filter_map(|line| line.strip_suffix(": test"));
    names.map(str::to_owned).collect()
}

#[track_caller]
pub fn run(project: &Project, args: &[&str], code: i32) -> (Ended, Report) {
    let ended = project.fake(&[&["--junit", "junit.xml"], args].concat());
    ended.expect(code);
    let report = project.junit();
    report.agrees();
    (ended, report)
}

/// The mistakes in these files, as people see them. Nothing may have been run.
#[track_caller]
pub fn refused(files: &[(&str, &str)]) -> String {
    let project = project(files);
    let ended = project.fake(&[]);
    ended.expect(78);
    assert_eq!(ended.stdout, "");
    ended.stderr
}

#[track_caller]
pub fn refused_checks(checks: &str) -> String {
    refused(&[(
        "test-specs/a.yaml",
        &format!("image: img:1\nchecks:\n{checks}"),
    )])
}
