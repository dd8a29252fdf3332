//! One row of the matrix: faults, a check that meets them, and what it must come to.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::proxy::{Act, Fault, Hook, Proxy};
use crate::support::{Ended, Project, Report};

/// The engine of this machine.
pub const ENGINE: &str = "/var/run/docker.sock";

/// What a check came to: `passed`, or the element of the report with its kind and words of it.
#[derive(Clone, Copy)]
pub enum Came {
    Passed,
    Failed(&'static str, &'static str),
    Error(&'static str, &'static str),
}

pub struct Row {
    pub name: &'static str,
    pub faults: Vec<Fault>,
    /// The check named `target`, between `before` and `after`.
    pub target: &'static str,
    pub came: Came,
    /// What becomes of `after`.
    pub after: Came,
    /// The exit code, if it is not that of the verdicts.
    pub code: Option<i32>,
}

/// A row whose neighbours pass.
pub fn row(name: &'static str, target: &'static str, faults: Vec<Fault>, came: Came) -> Row {
    Row {
        name,
        faults,
        target,
        came,
        after: Came::Passed,
        code: None,
    }
}

/// Does something to a container with Docker's command line.
pub fn docker(args: &'static [&'static str]) -> Hook {
    Arc::new(move |container| {
        let output = Command::new("docker").args(args).arg(container).output();
        let output = output.unwrap();
        // seatrial may be at it already.
        let said = String::from_utf8_lossy(&output.stderr);
        let is_gone = ["is already in progress", "No such container"];
        let is_done = output.status.success() || is_gone.iter().any(|it| said.contains(it));
        assert!(is_done, "{output:?}");
    })
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl Row {
    /// Runs it; what is wrong, if anything.
    pub fn run(self) -> Result<(), String> {
        let spec = format!(
            "image: debian:bookworm-slim\nchecks:\n  \
             - {{name: before, run: 'true'}}\n  - name: target\n{}\n  \
             - {{name: after, run: 'true'}}\n",
            self.target
        );
        let project = Project::new(&[("test-specs/a.yaml", &spec)]);
        let proxy = Proxy::start(Path::new(ENGINE), self.faults);
        let ended = test(&project, &proxy.host());
        assert_ne!(ended.code, Some(78), "{}: {}", self.name, ended.stderr);
        // What an engine that is gone still holds can't be removed by anybody but us.
        let is_gone = ended
            .stderr
            .contains("whether all containers are removed is not known");
        let left = containers(ended.pid, None);
        for container in left.lines().filter(|_| is_gone) {
            let name = container.split(' ').next().unwrap();
            docker(&["rm", "--force"])(name);
        }
        let report = project.junit();
        report.agrees();
        let code = self.code.unwrap_or(match (self.came, self.after) {
            (Came::Failed(..), _) => 1,
            (Came::Passed, Came::Passed) => 0,
            _ => 3,
        });
        let mut wrong = Vec::new();
        if ended.code != Some(code) {
            wrong.push(format!("exit code {:?}, not {code}", ended.code));
        }
        if !is_gone && !left.is_empty() {
            wrong.push(format!("left behind: {left}"));
        }
        for (name, came) in [("target", self.came), ("after", self.after)] {
            wrong.extend(differs(&report, name, came));
        }
        let unused = proxy.unused();
        if !unused.is_empty() {
            wrong.push(format!("no request for {unused:?}"));
        }
        if wrong.is_empty() {
            return Ok(());
        }
        Err(format!(
            "=== {}\n{}\n{}{}\n{}",
            self.name,
            wrong.join("\n"),
            ended.stdout,
            ended.stderr,
            proxy.log()
        ))
    }
}

/// One check after the other, so that it is known which container is whose: 0 is that of `before`,
/// 1 is the one that shows whether the engine sees our files, 2 is the first of `target`.
pub fn test(project: &Project, host: &str) -> Ended {
    let args = ["--junit", "junit.xml", "--test-threads", "1"];
    Ended::of(project.command(&args).env("DOCKER_HOST", host))
}

fn differs(report: &Report, name: &str, came: Came) -> Option<String> {
    let case = report.case(name);
    let (verdict, kind, words) = match came {
        Came::Passed => ("passed", "", ""),
        Came::Failed(kind, words) => ("failure", kind, words),
        Came::Error(kind, words) => ("error", kind, words),
    };
    let is_so = case.verdict == verdict && case.kind.contains(kind) && case.message.contains(words);
    (!is_so).then(|| format!("{verdict} {kind} `{words}` expected, but {case:?}"))
}

/// The containers that the seatrial of this process id has left.
pub fn containers(pid: u32, host: Option<&str>) -> String {
    let mut command = Command::new("docker");
    if let Some(host) = host {
        command.env("DOCKER_HOST", host);
    }
    let output = command
        .args(["ps", "--all", "--filter", "label=seatrial.run"])
        .args(["--filter", &format!("label=seatrial.pid={pid}")])
        .args(["--format", "{{.Names}} {{.Status}}"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs all rows, two at a time, and tells all that is wrong.
#[track_caller]
pub fn all(rows: Vec<Row>) {
    let rows = std::sync::Mutex::new(rows.into_iter());
    let next = || rows.lock().unwrap().next();
    let work = || {
        let mut wrong = Vec::new();
        while let Some(row) = next() {
            wrong.extend(row.run().err());
        }
        wrong
    };
    let wrong = std::thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        threads.map(|thread| thread.join().unwrap()).concat()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An answer of the engine's kind.
pub fn refuses(status: u16, body: &'static str) -> Act {
    Act::Answer(status, body)
}
