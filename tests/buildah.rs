//! Building without a daemon: `buildah` on this machine, whose engine is hidden from the CLI.
//!
//! Needs root, to hide it; buildah and its base image (`ci/base-image --buildah`).

mod support;

use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use support::daemonless::{HIDE, project, seatrial};
use support::{Ended, Project};

fn run(project: &Project, args: &[&str]) -> Ended {
    Ended::of(&mut seatrial(project, args))
}

/// The name, the word and the id of each image of a summary.
fn summary(ended: &Ended) -> Vec<(String, String, String)> {
    let words = |line: &str| {
        let mut words = line.split_whitespace().map(ToOwned::to_owned);
        Some((words.next()?, words.next()?, words.next()?))
    };
    let found = ended.stdout.lines().filter_map(words);
    let ends = ["built", "cached", "failed"];
    found
        .filter(|(_, word, _)| ends.contains(&word.as_str()))
        .collect()
}

/// The working containers that buildah has of this store.
fn left_behind(project: &Project) -> Vec<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let store = project.path("home/store");
    let mounts = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    let mut found: Vec<PathBuf> = mounts
        .map(PathBuf::from)
        .filter(|place| place.starts_with(&store))
        .collect();
    for entry in store.join("temporary").read_dir().unwrap() {
        found.push(entry.unwrap().path());
    }
    found
}

const FAMILY: [(&str, &str); 9] = [
    (
        "seatrial.yaml",
        "images:\n  \
         child: {dockerfile: child/Dockerfile, args: {BASE: '${{ image.parent }}'}, target: wanted}\n  \
         parent: {dockerfile: files/parent.Dockerfile, context: parent, args: {WORD: given}}\n",
    ),
    (
        "files/parent.Dockerfile",
        "FROM debian:bookworm-slim\nARG WORD=default\nRUN echo $WORD >/word; echo told\nCOPY . /all/\n",
    ),
    ("parent/.dockerignore", "secret*\n!secret-not\n"),
    ("parent/.containerignore", "plain\n"),
    ("parent/secret", "s"),
    ("parent/secret-not", "n"),
    ("parent/plain", "p"),
    (
        "child/Dockerfile",
        "ARG BASE\nFROM $BASE AS wanted\nRUN chown 12:34 /word\nUSER 12\nFROM wanted\nRUN false\n",
    ),
    (
        "test-specs/child.yaml",
        "image: child\nchecks:\n\
         \x20 - {run: 'cat /word && id -u && ls -A /all', stdout: \"given\\n12\\n.containerignore\\n.dockerignore\\nplain\\nsecret-not\"}\n\
         \x20 - {file: /word, owner: '12', group: '34'}\n\
         \x20 - {config: {user: '12'}}\n",
    ),
];

#[test]
fn a_family_is_built_found_by_its_name_and_cached() {
    let Some(project) = project(&FAMILY) else {
        return;
    };
    let built = run(&project, &["build"]);
    built.expect(0);
    for text in [
        "no engine answers: building with buildah",
        "parent  step 3/4 RUN echo $WORD >/word; echo told",
        "parent  | told",
    ] {
        assert!(built.stderr.contains(text), "{}", built.stderr);
    }
    let first = summary(&built);
    let names: Vec<_> = first
        .iter()
        .map(|(name, word, _)| (name.as_str(), word.as_str()))
        .collect();
    assert_eq!(names, [("parent", "built"), ("child", "built")]);

    let tested = run(&project, &["test", "--build", "--quiet"]);
    tested.expect(0);
    let second = summary(&tested);
    for (before, after) in first.iter().zip(&second) {
        assert_eq!((&before.0, &before.2), (&after.0, &after.2));
        assert_eq!(after.1, "cached");
    }
    assert!(tested.stdout.contains("3 passed"), "{}", tested.stdout);
    assert_eq!(left_behind(&project), Vec::<PathBuf>::new());

    // Another parent: the child is another, and what the old ones were made of is gone.
    project.write("parent/plain", b"other");
    run(&project, &["build", "--quiet"]).expect(0);
    let images = std::fs::read_to_string(
        project.path("home/store/buildah/overlay/overlay-images/images.json"),
    );
    let images = images.unwrap();
    let (_, _, old) = &first[1];
    assert!(
        !images.contains(&format!("\"id\":\"{old}")),
        "{old} is there yet"
    );

    let cleared = run(&project, &["clean", "--store"]);
    cleared.expect(0);
    assert!(
        cleared.stdout.contains("layers of the store"),
        "{}",
        cleared.stdout
    );
    assert!(!project.path("home/store/buildah").exists());
    let layers = project.path("home/store/layers/sha256");
    assert_eq!(layers.read_dir().unwrap().count(), 0);
    let gone = run(&project, &["test", "--quiet"]);
    gone.expect(3);
    assert!(gone.stdout.contains("no image `child"), "{}", gone.stdout);
}

#[test]
fn a_build_that_fails_names_its_step_and_its_last_lines() {
    let table = [
        (
            "RUN echo out; echo err >&2; exit 3",
            "a step failed: exit status 3",
            "| err",
        ),
        (
            "COPY nosuch /",
            "no such file or directory",
            "COPY nosuch /",
        ),
        ("NOSUCH x", "NOSUCH", "Dockerfile"),
    ];
    for (step, reason, place) in table {
        let dockerfile = format!("FROM debian:bookworm-slim\n{step}\n");
        let files = [
            (
                "seatrial.yaml",
                "images: {app: {dockerfile: app/Dockerfile}}\n",
            ),
            ("app/Dockerfile", dockerfile.as_str()),
        ];
        let Some(project) = project(&files) else {
            return;
        };
        let ended = run(&project, &["build", "--quiet"]);
        ended.expect(1);
        assert!(ended.stderr.contains(reason), "{}", ended.stderr);
        assert!(ended.stderr.contains(place), "{}", ended.stderr);
        assert_eq!(left_behind(&project), Vec::<PathBuf>::new());
    }
}

fn sleeping() -> Option<Project> {
    project(&[
        (
            "seatrial.yaml",
            "images: {app: {dockerfile: app/Dockerfile}}\n",
        ),
        (
            "app/Dockerfile",
            "FROM debian:bookworm-slim\nRUN echo begun; exec sleep 4321.5\n",
        ),
    ])
}

/// Whether a process with this command line lives.
fn sleeps() -> bool {
    let output = Command::new("pgrep")
        .args(["-f", "^sleep 4321.5$"])
        .output();
    output.unwrap().status.success()
}

#[test]
fn builds_that_take_too_long_or_are_interrupted_leave_nothing_behind() {
    let Some(project) = sleeping() else { return };
    let ended = run(&project, &["build", "--quiet", "--build-timeout", "4s"]);
    ended.expect(1);
    assert!(ended.stderr.contains("longer than 4s"), "{}", ended.stderr);
    assert!(!sleeps());

    let child = seatrial(&project, &["build", "--quiet"]).spawn().unwrap();
    await_sleep();
    interrupt(&child);
    Ended::wait(child).expect(130);
    assert!(!sleeps());
    assert_eq!(left_behind(&project), Vec::<PathBuf>::new());
}

fn await_sleep() {
    let begun = Instant::now();
    while !sleeps() {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing runs");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn interrupt(child: &Child) {
    let pid = child.id().to_string();
    let status = Command::new("kill").args(["-INT", &pid]).status();
    assert!(status.unwrap().success());
}

#[test]
fn without_buildah_its_package_is_named() {
    let Some(project) = sleeping() else { return };
    let mut command = seatrial(&project, &["build"]);
    let folder = project.path("bin");
    std::fs::create_dir(&folder).unwrap();
    for program in ["sh", "mount", "unshare"] {
        let place = ["/usr/bin", "/bin"].map(|bin| PathBuf::from(bin).join(program));
        let place = place.iter().find(|place| place.exists()).unwrap();
        std::os::unix::fs::symlink(place, folder.join(program)).unwrap();
    }
    let ended = Ended::of(command.env("PATH", &folder));
    ended.expect(3);
    assert!(
        ended.stderr.contains("apt-get install buildah"),
        "{}",
        ended.stderr
    );
}

#[test]
fn what_is_cleaned_up_on_no_engine_is_told() {
    let Some(project) = project(&[]) else { return };
    std::fs::create_dir(project.path("tmp")).unwrap();
    let mut command = seatrial(&project, &["clean"]);
    let ended = Ended::of(command.env("TMPDIR", project.path("tmp")));
    ended.expect(0);
    assert!(
        ended.stderr.contains("no engine answers"),
        "{}",
        ended.stderr
    );
    // Tests beside this one may have control groups of their own.
    let others = |line: &&str| line.starts_with("left the control group");
    let is_empty = ended.stdout.contains("nothing of any run");
    assert!(
        is_empty || ended.stdout.lines().all(|line| others(&line)),
        "{}",
        ended.stdout
    );
}

#[test]
fn every_check_names_the_line_that_failed_and_nothing_is_built_without_room() {
    let files = [
        (
            "seatrial.yaml",
            "images:\n  base: {dockerfile: base/Dockerfile}\n  app: {dockerfile: app/Dockerfile, args: {BASE: '${{ \
             image.base }}'}}\n",
        ),
        (
            "base/Dockerfile",
            "FROM debian:bookworm-slim\nRUN echo one\nRUN echo two \\\n  && true\nRUN echo compiling; exit 7\n",
        ),
        ("app/Dockerfile", "ARG BASE\nFROM ${BASE}\n"),
        (
            "test-specs/all.yaml",
            "images: [base, app]\nchecks:\n  - {name: a file, file: /bin/sh}\n",
        ),
    ];
    let Some(project) = project(&files) else {
        return;
    };
    let test = [
        "test", "--build", "--quiet", "--engine", "embedded", "--junit", "r.xml",
    ];
    run(&project, &test).expect(3);
    let junit = std::fs::read_to_string(project.path("r.xml")).unwrap();
    for words in [
        "base/Dockerfile:5: `RUN echo compiling; exit 7` failed with exit code 7",
        "its last lines:\n| compiling",
        "because its parent base could not be",
    ] {
        assert!(junit.contains(words), "{words}: {junit}");
    }

    let small = project.path("small");
    std::fs::create_dir(&small).unwrap();
    let mut command = Command::new("unshare");
    let mount = format!(
        "mount -t tmpfs -o size=64m none '{}' && {HIDE}",
        small.display()
    );
    command
        .args([
            "--mount",
            "sh",
            "-c",
            &mount,
            "sh",
            env!("CARGO_BIN_EXE_seatrial"),
        ])
        .args(test)
        .current_dir(project.root())
        .env("SEATRIAL_STORE", small.join("store"))
        .env_remove("DOCKER_HOST")
        .env_remove("DOCKER_CONTEXT");
    let ended = Ended::of(&mut command);
    ended.expect(3);
    let junit = std::fs::read_to_string(project.path("r.xml")).unwrap();
    assert!(
        junit.contains("no build begins with less than 1 GiB"),
        "{junit}"
    );
    assert!(junit.contains("seatrial.build-space"), "{junit}");
    assert!(
        junit.contains("because its parent base could not be"),
        "{junit}"
    );
}
