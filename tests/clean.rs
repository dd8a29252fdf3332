//! Nothing is left behind, however a run ends, and nothing of others is touched.

mod support;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use seatrial::mark::Mark;
use support::proxy::Proxy;
use support::{Ended, Project, alone, containers_of, docker};

const IMAGE: &str = "debian:bookworm-slim";
/// Longer than anything takes on a machine that is busy.
const LONG: Duration = Duration::from_secs(60);

/// A project of these checks, with a folder for temporary files of its own.
fn project(checks: &str) -> Project {
    let spec = format!("image: {IMAGE}\nchecks:\n{checks}");
    let project = Project::new(&[("test-specs/a.yaml", &spec)]);
    std::fs::create_dir(project.path("tmp")).unwrap();
    project
}

/// The CLI, with the project's own folder for temporary files.
fn seatrial(project: &Project, args: &[&str]) -> Command {
    let mut command = project.seatrial(args);
    command.env("TMPDIR", project.path("tmp"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn clean(project: &Project) -> Ended {
    Ended::of(&mut seatrial(project, &["clean"]))
}

fn folders(project: &Project) -> Vec<PathBuf> {
    let entries = project.path("tmp").read_dir().unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The mark of a process that has ended.
fn dead() -> Mark {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    Mark {
        pid: child.id(),
        start: "1".to_owned(),
        ..Mark::ours()
    }
}

fn host() -> String {
    hostname::get().unwrap().into_string().unwrap()
}

/// Containers that the tests made, removed in the end.
#[derive(Default)]
struct Made(Vec<String>);

impl Made {
    /// Creates a container with the labels of a run.
    fn labelled(&mut self, name: &str, run: &str, host: &str, mark: &Mark) -> String {
        let labels = [
            ("run", run.to_owned()),
            ("host", host.to_owned()),
            ("boot", mark.boot.clone()),
            ("pid-ns", mark.namespace.clone()),
            ("pid", mark.pid.to_string()),
            ("pid-start", mark.start.clone()),
            ("expires", mark.expires.to_string()),
            ("for", "a check".to_owned()),
        ];
        let labels = labels.map(|(name, value)| format!("--label=seatrial.{name}={value}"));
        let mut args = vec!["create", "--name", name];
        args.extend(labels.iter().map(String::as_str));
        args.extend([IMAGE, "true"]);
        self.keep(docker(&args))
    }

    fn keep(&mut self, id: String) -> String {
        self.0.push(id.clone());
        id
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // A test that fails has more important things to say.
        let mut command = Command::new("docker");
        let _ = command.args(["rm", "--force"]).args(&self.0).output();
    }
}

/// A name for a run that no other test has.
fn run_id(number: u32) -> String {
    format!("{:08x}{number:08x}", std::process::id())
}

fn is_there(container: &str) -> bool {
    let mut command = Command::new("docker");
    let output = command.args(["inspect", "--format", "{{.State.Status}}", container]);
    output.output().unwrap().status.success()
}

/// A run that goes on until it is stopped, once its container runs.
fn living(project: &Project) -> Child {
    let child = seatrial(project, &["test"]).spawn().unwrap();
    let begun = Instant::now();
    while containers_of(child.id()).is_empty() {
        assert!(begun.elapsed() < LONG, "no container");
        std::thread::sleep(Duration::from_millis(50));
    }
    child
}

fn interrupt(child: &Child) {
    let pid = child.id().to_string();
    let status = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(status.success());
}

/// Kills a run after so many checks have passed.
fn kill_after(project: &Project, checks: usize) -> u32 {
    let mut child = seatrial(project, &["test"]).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let passed = lines
        .map_while(Result::ok)
        .filter(|line| line.starts_with("  ok "));
    assert_eq!(passed.take(checks).count(), checks, "it ended before");
    child.kill().unwrap();
    child.wait().unwrap();
    child.id()
}

/// splitmix64: the same moments each time.
fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// `SEATRIAL_KILLS` says how many runs are killed, `SEATRIAL_SEED` when.
#[test]
fn what_killed_runs_leave_is_removed_and_nothing_of_others() {
    let _alone = alone();
    let checks: String = (0..200)
        .map(|number| match number % 5 {
            0 => format!("  - {{name: c{number}, run: 'true'}}\n"),
            1 => format!("  - {{name: c{number}, run: sleep 0.1, network: bridge}}\n"),
            2 => format!("  - {{name: c{number}, file: /etc/passwd}}\n"),
            _ => format!("  - {{name: c{number}, run: 'true', isolation: shared}}\n"),
        })
        .collect();
    let killed = project(&checks);
    let lives = project("  - {run: sleep 3000, timeout: 4000s}\n");
    let living = living(&lives);
    let mut made = Made::default();
    let strangers = strangers(&mut made);

    let mut seed = number("SEATRIAL_SEED", 7);
    let mut pids = Vec::new();
    for _ in 0..number("SEATRIAL_KILLS", 4) {
        let moment = usize::try_from(next(&mut seed) % 200).unwrap();
        pids.push(kill_after(&killed, moment));
        // Each run cleans up after those before it, and tells of nothing that stays.
        assert_eq!(folders(&killed).len(), 1, "folders of earlier runs");
    }
    clean(&killed).expect(0);

    for pid in pids {
        assert_eq!(containers_of(pid), "");
    }
    assert_eq!(folders(&killed), Vec::<PathBuf>::new());
    for (what, id) in &strangers {
        assert!(is_there(id), "{what} was removed");
    }
    let running = containers_of(living.id());
    assert_eq!(running.lines().count(), 1, "{running}");
    interrupt(&living);
    let ended = Ended::wait(living);
    ended.expect(130);
    assert_eq!(containers_of(ended.pid), "");
}

/// What must be left alone.
fn strangers(made: &mut Made) -> Vec<(&'static str, String)> {
    let dead = dead();
    let mut other_boot = dead.clone();
    other_boot.boot = "0".repeat(32);
    let here = host();
    let plain = docker(&["create", IMAGE, "true"]);
    let named = format!("seatrial-{}-0", run_id(1));
    let (foreign, boot) = (run_id(2), run_id(3));
    vec![
        ("one without labels", made.keep(plain)),
        (
            "one with only a name",
            made.keep(docker(&["create", "--name", &named, IMAGE, "true"])),
        ),
        (
            "one of another host",
            made.labelled(
                &format!("seatrial-{foreign}-0"),
                &foreign,
                "elsewhere",
                &dead,
            ),
        ),
        (
            "one of another boot",
            made.labelled(&format!("seatrial-{boot}-0"), &boot, &here, &other_boot),
        ),
        // As `docker commit` and `docker run` of what it gives make them.
        (
            "one with inherited labels",
            made.labelled(&format!("stranger-{}", run_id(4)), &run_id(4), &here, &dead),
        ),
    ]
}

#[test]
fn several_clean_up_at_once() {
    let _alone = alone();
    let project = project("  - run: 'true'\n");
    let (mut made, dead, run) = (Made::default(), dead(), run_id(5));
    let expired = Mark {
        expires: 1,
        ..dead.clone()
    };
    let ids: Vec<String> = (0..8)
        .map(|number| {
            let name = format!("seatrial-{run}-{number}");
            match number {
                0 => made.labelled(&name, &run, "elsewhere", &expired),
                _ => made.labelled(&name, &run, &host(), &dead),
            }
        })
        .collect();
    let folder = project.path(&format!("tmp/seatrial-{dead}-abcdef"));
    std::fs::create_dir(&folder).unwrap();

    let dry = Ended::of(&mut seatrial(&project, &["clean", "--dry-run"]));
    dry.expect(0)
        .says(&["would remove the folder", "it expired at 1970-01-01"]);
    assert!(ids.iter().all(|id| is_there(id)) && folder.is_dir());

    let commands: [&[&str]; 3] = [&["clean"], &["clean"], &["test"]];
    let children = commands.map(|args| seatrial(&project, args).spawn().unwrap());
    for ended in children.map(Ended::wait) {
        ended.expect(0);
        assert_eq!(ended.stderr, "");
    }
    for id in &ids {
        assert!(!is_there(id), "{id} is still there");
    }
    assert_eq!(folders(&project), Vec::<PathBuf>::new());
}

#[test]
fn short_runs_leave_nothing() {
    let _alone = alone();
    let project = project(
        "  - run: 'true'\n  - {name: shared, run: 'true', isolation: shared}\n  - {run: sleep 9, timeout: 20ms}\n",
    );
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..25 {
                    let ended = Ended::of(&mut seatrial(&project, &["test"]));
                    ended.expect(1);
                    assert_eq!(
                        (containers_of(ended.pid).as_str(), ended.stderr.as_str()),
                        ("", "")
                    );
                }
            });
        }
    });
    assert_eq!(folders(&project), Vec::<PathBuf>::new());
}

#[test]
fn what_can_not_be_removed_is_told() {
    let _alone = alone();
    let project = project("  - {file: /etc/passwd, exists: true}\n");
    let (mut made, dead, run) = (Made::default(), dead(), run_id(6));
    let name = format!("seatrial-{run}-0");
    let id = made.labelled(&name, &run, &host(), &dead);
    let proxy = Proxy::refusing(&format!("DELETE [^ ]*/{name}"));
    for (command, code, kind) in [("test", 0, "warning"), ("clean", 3, "error")] {
        let mut command = seatrial(&project, &[command]);
        let ended = Ended::of(command.env("DOCKER_HOST", proxy.host()));
        ended.expect(code);
        let told = format!("{kind}: the container {name} (a check) could not be removed: ");
        assert!(ended.stderr.starts_with(&told), "{ended:#?}");
    }
    assert!(is_there(&id));
    clean(&project)
        .expect(0)
        .says(&[&format!("removed the container {name} (a check)")]);
    assert!(!is_there(&id));
}

#[test]
fn folders_are_cleaned_up_without_an_engine_too() {
    let _alone = alone();
    let project = project("  - run: 'true'\n");
    std::fs::create_dir(project.path(&format!("tmp/seatrial-{}-abcdef", dead()))).unwrap();
    let mut command = seatrial(&project, &["clean"]);
    let ended = Ended::of(command.env("DOCKER_HOST", "unix:///nonexistent.sock"));
    ended
        .expect(3)
        .says(&["removed the folder", "/nonexistent.sock"]);
    assert_eq!(folders(&project), Vec::<PathBuf>::new());
}
