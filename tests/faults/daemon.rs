//! A daemon of the tests' own, which is killed, stopped and restarted; never that of the machine.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::row::{containers, test};
use crate::support::{Ended, Project};

const IMAGE: &str = "debian:bookworm-slim";
/// Only there so that a hang fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon with a folder of its own for all that it has.
struct Daemon {
    folder: tempfile::TempDir,
    process: Option<Child>,
}

impl Daemon {
    /// Starts one that has the image; `None`, and why, where that can't be.
    fn start() -> Option<Self> {
        let has = |program: &str, args: &[&str], said: &str| {
            let output = Command::new(program).args(args).output();
            output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(said))
        };
        if !has("id", &["-u"], "0\n") || has("id", &["-u"], "10") {
            eprintln!("skipped: a daemon of its own needs root");
            return None;
        }
        if !has("dockerd", &["--version"], "Docker") {
            eprintln!("skipped: there is no dockerd");
            return None;
        }
        let mut daemon = Self {
            folder: tempfile::tempdir().unwrap(),
            process: None,
        };
        daemon.run();
        let save = Command::new("docker")
            .args(["save", IMAGE])
            .stdout(Stdio::piped())
            .spawn();
        let mut save = save.unwrap();
        let load = daemon
            .docker(&["load"])
            .stdin(save.stdout.take().unwrap())
            .output();
        let load = load.unwrap();
        assert!(
            save.wait().unwrap().success() && load.status.success(),
            "{load:?}"
        );
        Some(daemon)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn host(&self) -> String {
        format!("unix://{}", self.path("d.sock").display())
    }

    fn docker(&self, args: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.env("DOCKER_HOST", self.host()).args(args);
        command
    }

    fn answers(&self) -> bool {
        let output = self.docker(&["version"]).output();
        output.unwrap().status.success()
    }

    /// Starts the process and waits until it answers.
    fn run(&mut self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.path("log"))
            .unwrap();
        // In a network of its own: with `--bridge=none` it would take away `docker0`, which belongs
        // to the machine's own daemon.
        let process = Command::new("unshare")
            .args(["--net", "dockerd"])
            .args(["--bridge=none", "--iptables=false", "--host", &self.host()])
            .arg("--data-root")
            .arg(self.path("data"))
            .arg("--exec-root")
            .arg(self.path("exec"))
            .arg("--pidfile")
            .arg(self.path("pid"))
            // Where the machine has a containerd, it is shared, but not what is in it.
            .args(["--containerd-namespace", "seatrial-test"])
            .args(["--containerd-plugins-namespace", "seatrial-test-plugins"])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.process = Some(process.unwrap());
        wait("the daemon answers", || self.answers());
    }

    /// Ends the process by a signal, and waits for its end.
    fn end(&mut self, signal: &str) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        let id = process.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.unwrap().success());
        process.wait().unwrap();
        // One that was killed leaves them behind, and the next would believe in them.
        for name in ["pid", "exec/containerd/containerd.pid"] {
            let _ = std::fs::remove_file(self.path(name));
        }
    }

    /// Waits until the container of this check runs.
    fn wait_for(&self, check: &str) {
        let filter = format!("label=seatrial.for={IMAGE}::{check}");
        wait(check, || {
            let args = [
                "ps",
                "--quiet",
                "--filter",
                &filter,
                "--filter",
                "status=running",
            ];
            let output = self.docker(&args).output();
            !output.unwrap().stdout.is_empty()
        });
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // What runs outlives a daemon that was killed: only a daemon can end it.
        if self.process.is_none() && !thread::panicking() {
            self.run();
        }
        let all = self.docker(&["ps", "--all", "--quiet"]).output();
        let all = String::from_utf8(all.unwrap().stdout).unwrap();
        for container in all.lines() {
            let _ = self.docker(&["rm", "--force", container]).output();
        }
        self.end("-TERM");
        // One that was killed leaves its folder mounted on itself.
        let unmount = || Command::new("umount").arg(self.path("data")).output();
        while unmount().is_ok_and(|output| output.status.success()) {}
    }
}

fn wait(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(
            begun.elapsed() < PATIENCE,
            "{what}: not within {PATIENCE:?}"
        );
        thread::sleep(Duration::from_millis(50));
    }
}

/// A run of three checks, during whose second one something is done to the daemon.
fn disturbed(
    daemon: &mut Daemon,
    target: &str,
    disturb: impl FnOnce(&mut Daemon),
) -> (Project, Ended) {
    let spec = format!(
        "image: {IMAGE}\nchecks:\n  - {{name: before, run: 'true'}}\n  - name: target\n{target}\n  \
         - {{name: after, run: 'true'}}\n"
    );
    let project = Project::new(&[("test-specs/a.yaml", &spec)]);
    let host = daemon.host();
    let ended = thread::scope(|scope| {
        let run = scope.spawn(|| test(&project, &host));
        daemon.wait_for("target");
        disturb(daemon);
        run.join().unwrap()
    });
    (project, ended)
}

fn verdicts(project: &Project) -> [String; 3] {
    let report = project.junit();
    report.agrees();
    ["before", "target", "after"].map(|name| report.case(name).verdict.clone())
}

#[test]
fn a_daemon_that_is_killed_and_restarted() {
    let Some(mut daemon) = Daemon::start() else {
        return;
    };
    // Ends well only if nobody stops it; and when it is asked to stop, it ends as expected, too early.
    let target = "    run: trap 'exit 0' TERM; printf one; sleep 3 & wait; printf two\n    \
                  stdout: {equals: onetwo}";
    for signal in ["-KILL", "-TERM"] {
        let (project, ended) = disturbed(&mut daemon, target, |daemon| {
            daemon.end(signal);
            daemon.run();
        });
        ended.expect(0);
        assert_eq!(verdicts(&project), ["passed"; 3], "{signal}");
        assert_eq!(containers(ended.pid, Some(&daemon.host())), "", "{signal}");
    }
    // Frozen is slow, not gone.
    let signal = |daemon: &Daemon, signal: &str| {
        let id = daemon.process.as_ref().unwrap().id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.unwrap().success());
    };
    let (project, ended) = disturbed(&mut daemon, target, |daemon| {
        signal(daemon, "-STOP");
        thread::sleep(Duration::from_secs(4));
        signal(daemon, "-CONT");
    });
    ended.expect(0);
    assert_eq!(verdicts(&project), ["passed"; 3]);
    assert_eq!(containers(ended.pid, Some(&daemon.host())), "");
}

#[test]
fn a_daemon_that_is_killed_and_stays_away() {
    let Some(mut daemon) = Daemon::start() else {
        return;
    };
    let begun = Instant::now();
    let (project, ended) = disturbed(
        &mut daemon,
        "    run: sleep 300\n    timeout: 200s",
        |daemon| {
            daemon.end("-KILL");
        },
    );
    ended.expect(3).says(&[
        "did not answer again",
        "whether all containers are removed is not known",
    ]);
    assert_eq!(verdicts(&project), ["passed", "error", "error"]);
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    for name in ["target", "after"] {
        assert_eq!(project.junit().case(name).kind, "seatrial.engine");
    }
}

#[test]
fn a_daemon_that_was_never_there() {
    let project = Project::new(&[(
        "test-specs/a.yaml",
        &format!("image: {IMAGE}\nchecks:\n  - run: 'true'\n  - {{file: /etc/passwd}}\n"),
    )]);
    let host = format!("unix://{}", project.path("d.sock").display());
    let ended = test(&project, &host);
    ended
        .expect(3)
        .says(&["no container engine answers at", "is no socket"]);
    let report = project.junit();
    assert_eq!(report.agrees().errors, 2);
}
