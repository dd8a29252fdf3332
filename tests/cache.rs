//! Results of earlier runs, on a real engine: what is taken, what is not, and that no engine is
//! started when nothing is to be performed.

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use serde_json::Value;
use support::images::Made;
use support::{Ended, Project, docker};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const SPEC: &str = "image: debian:bookworm-slim
checks:
  - {name: command, run: echo hi, stdout: hi}
  - {name: file, file: /etc/passwd, mode: '0644'}
  - {name: mounted, run: cat /data, mounts: {fixtures/data: /data}, stdout: one}
  - {name: late, run: 'echo ${{ image.env.PATH }}'}
";

const CHECKS: usize = 4;

fn project(spec: &str) -> Project {
    let project = Project::new(&[("test-specs/a.yaml", spec), ("fixtures/data", "one\n")]);
    fs::create_dir(project.path("home")).unwrap();
    // A file that was just made may change without anybody being able to tell.
    std::thread::sleep(std::time::Duration::from_millis(80));
    project
}

fn command(project: &Project, args: &[&str]) -> Command {
    let mut command = project.command(args);
    command
        .env_remove("SEATRIAL_FRESH")
        .env("HOME", project.path("home"))
        .env_remove("XDG_CACHE_HOME")
        .env("SEATRIAL_STORE", project.path("home/store"));
    command
}

/// A run, and how many of its checks were taken from earlier ones.
fn run(project: &Project, args: &[&str]) -> (Ended, usize) {
    let args = [args, &["--json", "result.json"]].concat();
    let ended = Ended::of(&mut command(project, &args));
    let cached = record(project)["counts"]["cached"].as_u64().unwrap();
    (ended, cached as usize)
}

fn record(project: &Project) -> Value {
    serde_json::from_slice(&fs::read(project.path("result.json")).unwrap()).unwrap()
}

fn time(value: &Value) -> OffsetDateTime {
    OffsetDateTime::parse(value.as_str().unwrap(), &Rfc3339).unwrap()
}

fn results(project: &Project) -> Vec<std::path::PathBuf> {
    let folder = fs::read_dir(project.path("home/store/results")).unwrap();
    folder.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn what_passed_is_taken_until_something_changes() {
    for engine in ["docker", "embedded", "auto"] {
        let project = project(SPEC);
        let run = |args: &[&str]| {
            let (ended, cached) = run(&project, &[&["--engine", engine], args].concat());
            assert_eq!(ended.code, Some(0), "{engine}: {ended:?}");
            cached
        };
        assert_eq!(run(&[]), 0);
        assert_eq!(run(&[]), CHECKS);
        // The times of the first run are told, and nothing else is different.
        let told = record(&project);
        for check in told["checks"].as_array().unwrap() {
            assert_eq!(check["verdict"], "passed");
            assert_eq!(check["cached"], true);
            assert!(
                time(&check["performed"]) < time(&told["started"]),
                "{check}"
            );
        }
        assert_eq!(
            told["engine"]["kind"],
            if engine == "auto" { "embedded" } else { engine }
        );
        assert!(
            told["images"][0]["id"]
                .as_str()
                .unwrap()
                .starts_with("sha256:")
        );
        assert_eq!(run(&["--fresh"]), 0);
        assert_eq!(run(&["--repeat", "2"]), 0);
        assert_eq!(run(&["--exact", "debian:bookworm-slim::file"]), 1);

        // The way it is written, and what is not asked for, changes nothing.
        let other = SPEC.replace("mode: '0644'", "  mode: \"0644\"");
        project.write("test-specs/a.yaml", format!("# moved\n{other}").as_bytes());
        assert_eq!(run(&[]), CHECKS);
        // A touched file is performed with again.
        project.write("fixtures/data", b"one");
        assert_eq!(run(&[]), CHECKS - 1);
        let other = SPEC.replace("echo hi,", "echo 'hi',");
        project.write("test-specs/a.yaml", other.as_bytes());
        assert!(run(&[]) < CHECKS);
        // Modes are seen by containers.
        std::thread::sleep(std::time::Duration::from_millis(80));
        assert!(run(&[]) >= CHECKS - 1);
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(project.path("fixtures/data"), mode).unwrap();
        assert_eq!(run(&[]), CHECKS - 1);
        // Whoever can write a result can make one up.
        for file in results(&project) {
            fs::set_permissions(file, fs::Permissions::from_mode(0o666)).unwrap();
        }
        assert_eq!(run(&[]), 0);
    }
}

#[test]
fn what_does_not_pass_is_never_taken() {
    let spec = "image: debian:bookworm-slim
checks:
  - {name: fails, run: 'false'}
  - {name: known, run: 'false', xfail: is broken}
  - {name: in time, run: echo, within: 10s}
  - {name: skipped, skip: not now, run: echo}
  - {name: elsewhere, only: {engine: podman}, run: echo}
  - {name: passes, run: echo}
";
    let project = project(spec);
    for cached in [0, 1, 1] {
        let (ended, found) = run(&project, &[]);
        assert_eq!((ended.code, found), (Some(1), cached), "{ended:?}");
    }
    let told = record(&project);
    let checks = told["checks"].as_array().unwrap();
    for check in checks {
        assert_eq!(check["cached"], check["name"] == "passes", "{check}");
    }
    // A check that fails on the files of today passed on those of yesterday.
    let spec = "image: debian:bookworm-slim\nchecks:\n\
                - {run: cat /d, mounts: {fixtures/data: /d}, stdout: one}\n";
    project.write("test-specs/a.yaml", spec.as_bytes());
    assert_eq!(run(&project, &[]).0.code, Some(0));
    project.write("fixtures/data", b"two");
    let (ended, cached) = run(&project, &[]);
    assert_eq!((ended.code, cached), (Some(1), 0));
}

/// A command that does not do the same each time.
#[test]
fn a_failure_takes_the_earlier_result_back() {
    let spec = "image: debian:bookworm-slim\nchecks:\n\
                - run: test $(( $(cut -d. -f1 /proc/uptime) % 2 )) = 0\n";
    let project = project(spec);
    let code = |args: &[&str]| run(&project, args).0.code;
    let until = |wanted| {
        let found = (0..40).find(|_| {
            std::thread::sleep(std::time::Duration::from_millis(370));
            code(&["--fresh", "--engine", "embedded"]) == Some(wanted)
        });
        assert!(found.is_some(), "it never ended with {wanted}");
    };
    until(0);
    assert_eq!(run(&project, &["--engine", "embedded"]).1, 1);
    until(1);
    // Whatever it comes to now, it is performed.
    assert_eq!(run(&project, &["--engine", "embedded"]).1, 0);
}

#[test]
fn a_name_that_means_another_image_is_tested_anew() {
    let image = Made("seatrial-test/moved:latest".to_owned());
    docker(&["tag", "debian:bookworm-slim", &image.0]);
    let spec = format!("image: {}\nchecks:\n- file: /etc/debian_version\n", image.0);
    let project = project(&spec);
    assert_eq!(run(&project, &[]).1, 0);
    assert_eq!(run(&project, &[]).1, 1);
    project.write(
        "Dockerfile",
        b"FROM debian:bookworm-slim\nRUN rm /etc/debian_version\n",
    );
    let folder = project.root().to_str().unwrap();
    docker(&["build", "--tag", &image.0, folder]);
    let (ended, cached) = run(&project, &[]);
    assert_eq!((ended.code, cached), (Some(1), 0), "{ended:?}");
}

#[test]
fn nothing_is_started_for_what_is_known() {
    let project = project(SPEC);
    assert_eq!(run(&project, &["--engine", "embedded"]).1, 0);
    let trace = project.path("trace");
    let strace = Command::new("strace").arg("-V").output();
    if !strace.is_ok_and(|output| output.status.success()) {
        // The times in benches/ tell it too.
        return;
    }
    let seatrial = command(&project, &["--engine", "embedded"]);
    let mut traced = Command::new("strace");
    traced.args(["-f", "-e", "trace=mount,clone3,execve,unshare", "-o"]);
    traced.arg(&trace).arg(seatrial.get_program());
    traced.args(seatrial.get_args()).current_dir(project.root());
    for (name, value) in seatrial.get_envs() {
        match value {
            Some(value) => traced.env(name, value),
            None => traced.env_remove(name),
        };
    }
    assert_eq!(Ended::of(&mut traced).code, Some(0));
    let text = fs::read_to_string(trace).unwrap();
    assert_eq!(text.matches("execve(").count(), 1, "{text}");
    assert!(
        !text.contains("mount(") && !text.contains("CLONE_NEWNS"),
        "{text}"
    );
}

#[test]
fn every_report_tells_what_was_taken() {
    let project = project(SPEC);
    assert_eq!(run(&project, &[]).1, 0);
    let reports = [
        "--junit",
        "junit.xml",
        "--html",
        "report.html",
        "--tap",
        "report.tap",
        "--markdown",
        "report.md",
    ];
    let (ended, cached) = run(&project, &reports);
    assert_eq!(cached, CHECKS);
    let said = "4 passed, 4 of them cached";
    assert!(ended.stdout.contains(said), "{ended:?}");
    assert!(ended.stdout.contains("::command  cached"), "{ended:?}");
    let text = |path: &str| fs::read_to_string(project.path(path)).unwrap();
    assert_eq!(text("junit.xml").matches("name=\"cached\"").count(), CHECKS);
    assert!(text("report.html").contains(">cached</span>"));
    assert_eq!(text("report.tap").matches("cached:").count(), CHECKS);
    assert!(text("report.md").contains(said));
    // What results become together keeps it.
    let merged = project
        .seatrial(&["merge", "result.json", "--json", "merged.json"])
        .output();
    assert!(merged.unwrap().status.success());
    let merged: Value = serde_json::from_str(&text("merged.json")).unwrap();
    assert_eq!(merged["counts"]["cached"], CHECKS);
}

#[test]
fn results_are_removed_on_demand() {
    let project = project(SPEC);
    assert_eq!(run(&project, &[]).1, 0);
    let mut clean = project.seatrial(&["clean", "--results"]);
    let clean = clean.env("SEATRIAL_STORE", project.path("home/store"));
    let ended = Ended::of(clean);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.contains("removed the results of 1 image"),
        "{ended:?}"
    );
    assert_eq!(results(&project), Vec::<std::path::PathBuf>::new());
    assert_eq!(run(&project, &[]).1, 0);
}

#[test]
fn whether_containers_can_be_made_is_tried_once() {
    let project = project(SPEC);
    let kept = || fs::read_to_string(project.path("home/store/proven")).unwrap();
    let written = || {
        fs::metadata(project.path("home/store/proven"))
            .unwrap()
            .ino()
    };
    let fresh = || {
        let (ended, _) = run(&project, &["--engine", "embedded", "--fresh"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    };
    fresh();
    let (first, at) = (kept(), written());
    fresh();
    assert_eq!((kept(), written()), (first.clone(), at));
    // What was proven under other conditions says nothing.
    project.write("home/store/proven", b"something else");
    fresh();
    assert_eq!(kept(), first);
    // Rights are such conditions: what is proven with them is not believed without.
    let limited = ["--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"];
    let seatrial = command(&project, &["--engine", "embedded", "--fresh"]);
    let mut command = Command::new("setpriv");
    command.args(limited).arg(seatrial.get_program());
    command
        .args(seatrial.get_args())
        .current_dir(project.root());
    for (name, value) in seatrial.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    let ended = Ended::of(command.env_remove("SEATRIAL_FRESH"));
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stdout.contains("CAP_SYS_ADMIN"), "{ended:?}");
    assert_eq!(kept(), first);
}
