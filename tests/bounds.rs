//! What a run may need, whatever its checks do.

mod support;

use std::process::{Command, Stdio};
use std::time::Duration;

use support::Project;

/// Memory that one run may need at most, in KiB.
const MOST: u64 = 32 * 1024;

/// The memory that the process has now beside its own program, in KiB; nothing when it has ended.
fn memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn a_flood_of_output_is_judged_in_little_memory() {
    let size = 1 << 30;
    let spec = format!(
        "image: debian:bookworm-slim\nchecks:\n  - name: floods\n    run: yes | head -c {size}\n    \
         timeout: 10m\n    stdout: {{contains: y, not_contains: z, matches: '^y$', lines: {}}}\n",
        size / 2
    );
    let project = Project::new(&[("test-specs/a.yaml", &spec)]);
    let mut command = project.command(&[]);
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        most = most.max(memory(child.id()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(child.wait().unwrap().success());
    assert!(0 < most && most < MOST, "{most} KiB");
}

#[test]
fn a_report_that_can_not_be_written_whole_is_an_error() {
    let script = r#"{"images": ["img:1"], "runs": [
        {"when": "floods", "stdout": "0123456789\n", "repeat": 20000}]}"#;
    let spec = "image: img:1\nchecks:\n  - run: floods\n";
    let project = Project::scripted(spec, script);
    // No file may grow beyond some KiB: what a full disk does, too.
    let limited = "trap '' XFSZ; ulimit -f 16; exec \"$@\"";
    let inner = project.command(&["--engine", "fake:script.json", "--junit", "junit.xml"]);
    let output = Command::new("/bin/bash")
        .args(["-c", limited, "bash"])
        .arg(inner.get_program())
        .args(inner.get_args())
        .current_dir(project.root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("junit.xml"), "{said}");
    // What is there says that it is no report of a whole run.
    let report = project.junit();
    assert_eq!((report.tests, report.errors), (1, 1));
    let left = std::fs::read_dir(project.root()).unwrap();
    let names = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().all(|name| !name.contains(".tmp")));
}
