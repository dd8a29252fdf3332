//! `seatrial watch`, with the embedded engine and builds on a daemon.

mod support;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use support::Project;

/// Nothing hangs for longer; a machine may be slow.
const LIMIT: Duration = Duration::from_secs(180);

/// A project of two images, the second made of the first.
struct Family {
    project: Project,
    name: String,
}

impl Family {
    /// `name` is that of the test.
    fn new(name: &str) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let name = format!("seatrial-test-watch-{name}-{}", since.as_nanos());
        let file = format!(
            "images:\n  base:\n    dockerfile: base/Dockerfile\n    reference: {name}-base:1\n  \
             leaf:\n    dockerfile: leaf/Dockerfile\n    reference: {name}-leaf:1\n    \
             args: {{BASE: \"${{{{ image.base }}}}\"}}\n"
        );
        let base = format!("FROM debian:bookworm-slim\nLABEL test={name}\nCOPY said /said\n");
        let project = Project::new(&[
            ("seatrial.yaml", &file),
            ("base/Dockerfile", &base),
            ("base/said", "one\n"),
            (
                "leaf/Dockerfile",
                "ARG BASE\nFROM ${BASE}\nRUN echo leaf > /leaf\n",
            ),
            (
                "test-specs/base.yaml",
                "image: base\nchecks:\n  - {name: says, run: cat /said, stdout: one}\n  \
                 - {name: reads, run: cat /x, mounts: {fixtures/x: /x}, stdout: x}\n",
            ),
            (
                "test-specs/leaf.yaml",
                "image: leaf\ninherit: [base]\nchecks:\n  - {name: leaf, run: cat /leaf, stdout: leaf}\n",
            ),
            ("fixtures/x", "x\n"),
        ]);
        Self { project, name }
    }

    fn watch(&self, args: &[&str]) -> Watch {
        let mut command = self.project.seatrial(&["watch"]);
        command.args(args).env("SEATRIAL_ENGINE", "embedded");
        Watch::start(command)
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        for image in ["leaf", "base"] {
            let reference = format!("{}-{image}:1", self.name);
            let _ = Command::new("docker")
                .args(["rmi", "--force", &reference])
                .output();
        }
        let label = format!("label=test={}", self.name);
        let prune = ["image", "prune", "--force", "--filter", &label];
        let _ = Command::new("docker").args(prune).output();
    }
}

/// One that watches, and what it says, line by line.
struct Watch {
    child: Child,
    lines: Receiver<String>,
    said: String,
}

impl Watch {
    fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        let streams: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().unwrap()),
            Box::new(child.stderr.take().unwrap()),
        ];
        for stream in streams {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        let said = String::new();
        Self { child, lines, said }
    }

    /// Waits for a line with this in it, and gives all lines since the last one that was waited for.
    #[track_caller]
    fn until(&mut self, text: &str) -> String {
        let mut since = String::new();
        loop {
            let Ok(line) = self.lines.recv_timeout(LIMIT) else {
                panic!("no `{text}` in:\n{since}\nbefore that:\n{}", self.said);
            };
            since.push_str(&line);
            since.push('\n');
            if line.contains(text) {
                self.said.push_str(&since);
                return since;
            }
        }
    }

    fn interrupt(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status().unwrap();
        assert!(sent.success());
    }

    fn end(mut self) {
        self.interrupt();
        assert_eq!(
            self.child.wait().unwrap().code(),
            Some(130),
            "{}",
            self.said
        );
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Of a test that failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command lines of all processes with this in them.
fn processes(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in Path::new("/proc").read_dir().unwrap().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(text) {
            found.push(line);
        }
    }
    found
}

/// The folder where the one that watches meets its runs.
fn folders_of(pid: u32) -> Vec<String> {
    let entries = std::env::temp_dir().read_dir().unwrap().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_its = |name: &String| {
        let mark = name.strip_prefix("seatrial-").unwrap_or_default();
        mark.split('-').any(|part| part == pid.to_string())
    };
    names.filter(is_its).collect()
}

/// The processes that this one has started.
fn children(pid: u32) -> Vec<u32> {
    let tasks = format!("/proc/{pid}/task");
    let mut found = Vec::new();
    for task in Path::new(&tasks).read_dir().unwrap().flatten() {
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        found.extend(text.split_whitespace().map(|it| it.parse::<u32>().unwrap()));
    }
    found
}

#[test]
fn an_edit_runs_again_what_it_concerns() {
    let family = Family::new("edits");
    let project = &family.project;
    // The report lies in the context of an image, which it is no part of.
    let mut watch = family.watch(&["--build", "--junit", "base/report.xml"]);
    watch.until("; 5 passed");
    let replace = |path: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(project.path(path)).unwrap();
        assert!(text.contains(from));
        // By a rename, as editors save.
        project.write("new~", text.replace(from, to).as_bytes());
        std::fs::rename(project.path("new~"), project.path(path)).unwrap();
    };

    // A spec: its checks, also where they are inherited.
    replace("test-specs/base.yaml", "stdout: one", "stdout: two");
    let said = watch.until("; 3 passed, 2 failed");
    assert!(
        said.contains("changed: base ← test-specs/base.yaml"),
        "{said}"
    );
    assert!(
        said.contains("leaf::says") && !said.contains("leaf::leaf"),
        "{said}"
    );
    assert!(!said.contains("building"), "{said}");

    // A file that an image is made of: it is built and tested, with what is made of it.
    project.write("base/said", b"two\n");
    let said = watch.until("; 5 passed");
    assert!(said.contains("changed: leaf ← base ← base/said"), "{said}");
    assert!(said.contains("leaf::leaf"), "{said}");

    // A fixture: the checks that use it.
    project.write("fixtures/x", b"y\n");
    let said = watch.until("; 3 passed, 2 failed");
    assert!(
        said.contains("base::reads") && !said.contains("base::says"),
        "{said}"
    );
    project.write("fixtures/x", b"x\n");
    watch.until("; 5 passed");

    // A Dockerfile.
    replace("leaf/Dockerfile", "echo leaf", "echo other");
    let said = watch.until("; 4 passed, 1 failed");
    assert!(said.contains("changed: leaf ← leaf/Dockerfile"), "{said}");
    assert!(!said.contains("base::"), "{said}");

    // One that can't be built: what is there is not what it says.
    replace(
        "leaf/Dockerfile",
        "RUN echo other",
        "RUN no-such-program && echo leaf",
    );
    let said = watch.until("; 2 passed, 3 not built");
    assert!(said.contains("no-such-program"), "{said}");
    replace("test-specs/leaf.yaml", "name: leaf", "name: of the leaf");
    watch.until("; 2 passed, 3 not built");
    replace("test-specs/leaf.yaml", "name: of the leaf", "name: leaf");
    watch.until("; 2 passed, 3 not built");
    replace(
        "leaf/Dockerfile",
        "RUN no-such-program && echo leaf",
        "RUN echo other",
    );
    watch.until("; 4 passed, 1 failed");

    // The project file: the images whose entries changed.
    replace(
        "seatrial.yaml",
        "images:",
        "# A comment changes nothing.\nimages:",
    );
    replace("leaf/Dockerfile", "echo other", "echo leaf");
    let said = watch.until("; 5 passed");
    assert!(!said.contains("base::"), "{said}");
    replace(
        "seatrial.yaml",
        "dockerfile: leaf/",
        "dockerfile: base/../leaf/",
    );
    let said = watch.until("; 5 passed");
    assert!(
        said.contains("leaf::leaf") && !said.contains("base::"),
        "{said}"
    );
    watch.end();
}

#[test]
fn a_mistake_is_shown_and_waited_for() {
    let name = "test-specs/a.yaml";
    let good = "image: debian:bookworm-slim\nchecks:\n  - {name: a, run: \"true\"}\n";
    for args in [&[][..], &["--poll"]] {
        let project = Project::new(&[(name, "image: debian:bookworm-slim\nchecks: [\n")]);
        let mut command = project.seatrial(&["watch"]);
        command.args(args).env("SEATRIAL_ENGINE", "embedded");
        let mut watch = Watch::start(command);
        let said = watch.until("watching");
        assert!(said.contains("test-specs/a.yaml:"), "{said}");
        project.write(name, good.as_bytes());
        watch.until("; 1 passed");
        project.write(name, good.replace("run:", "rum:").as_bytes());
        let said = watch.until("watching");
        assert!(said.contains("rum"), "{said}");
        // The folder goes, and comes again.
        std::fs::remove_dir_all(project.path("test-specs")).unwrap();
        watch.until("watching");
        project.write(name, good.replace("true", "false").as_bytes());
        watch.until("; 0 passed, 1 failed");
        project.write("test-specs/b.yaml", good.as_bytes());
        project.write(
            "test-specs/b.yaml",
            good.replace("name: a", "name: b").as_bytes(),
        );
        watch.until("; 1 passed, 1 failed");
        watch.end();
    }
}

#[test]
fn a_change_breaks_a_run_off_and_a_signal_ends_all() {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    // Nobody else sleeps as long.
    let sleeps = format!("sleep 9{}", since.as_nanos());
    let spec = |run: &str| {
        let timeout = "timeout: 10m";
        format!("image: debian:bookworm-slim\nchecks:\n  - {{name: a, run: {run}, {timeout}}}\n")
    };
    let name = "test-specs/a.yaml";
    let project = Project::new(&[(name, &spec(&sleeps))]);
    for engine in ["embedded", "docker"] {
        project.write(name, spec(&sleeps).as_bytes());
        let command = project.seatrial(&["watch", "--engine", engine]);
        let mut watch = Watch::start(command);
        let begun = || processes(&sleeps).iter().any(|it| it.starts_with("sleep"));
        let await_begin = || {
            let end = std::time::Instant::now() + LIMIT;
            while !begun() {
                assert!(std::time::Instant::now() < end, "it does not begin");
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        await_begin();
        project.write(name, spec("\"true\"").as_bytes());
        watch.until("broken off");
        watch.until("; 1 passed");
        assert!(!begun());

        project.write(name, spec(&sleeps).as_bytes());
        await_begin();
        let pid = watch.child.id();
        let runs = children(pid);
        assert_eq!(runs.len(), 1, "{runs:?}");
        watch.end();
        assert_eq!(processes(&sleeps), Vec::<String>::new());
        assert_eq!(folders_of(pid), Vec::<String>::new());
        for run in runs {
            assert!(!Path::new(&format!("/proc/{run}")).exists());
            assert_eq!(folders_of(run), Vec::<String>::new());
            assert_eq!(support::containers_of(run), "");
        }
    }
}
