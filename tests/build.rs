//! `seatrial build` against a real engine.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bollard::Docker;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, PruneImagesOptionsBuilder, RemoveImageOptionsBuilder,
};
use seatrial::engine::docker::connect;

/// A project whose images are removed in the end.
struct Project {
    folder: tempfile::TempDir,
    name: String,
    references: Vec<String>,
}

impl Project {
    /// `NAME` in the texts becomes a name that no other test and no other run uses: contents must
    /// differ too, or the cache would know them.
    fn new(name: &str, images: &[&str], files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let name = format!("seatrial-test-{name}-{}", since.as_nanos());
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let text = text.replace("NAME", &name);
            fs::File::create(path)
                .unwrap()
                .write_all(text.as_bytes())
                .unwrap();
        }
        let references = images.iter().map(|image| format!("{name}-{image}:latest"));
        let references = references.collect();
        Self {
            folder,
            name,
            references,
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("seatrial"));
        command.args(args).current_dir(self.folder.path());
        command.env("SEATRIAL_FRESH", "1");
        command
    }

    fn run(&self, args: &[&str], buildkit: &str) -> Ended {
        let mut command = self.command(args);
        Ended::new(&command.env("DOCKER_BUILDKIT", buildkit).output().unwrap())
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        for reference in self.references.iter().rev() {
            let remove = RemoveImageOptionsBuilder::default().force(true).build();
            // A test that failed may not have built all of them.
            let _ = ask(async |docker| docker.remove_image(reference, Some(remove), None).await);
        }
        // The classic builder leaves the stages that are not the target.
        let label = format!("seatrial.test={}", self.name);
        let filters = HashMap::from([("dangling", vec!["true"]), ("label", vec![label.as_str()])]);
        let prune = PruneImagesOptionsBuilder::default()
            .filters(&filters)
            .build();
        let _ = ask(async |docker| docker.prune_images(Some(prune)).await);
    }
}

struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn new(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    fn expect(&self, code: i32, stderr: &[&str]) -> &Self {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        for text in stderr {
            assert!(
                self.stderr.contains(text),
                "no `{text}` in:\n{}",
                self.stderr
            );
        }
        self
    }

    /// The words of the summary, line by line.
    fn summary(&self) -> Vec<Vec<&str>> {
        let lines = self.stdout.lines();
        lines
            .map(|line| line.split_whitespace().collect())
            .collect()
    }
}

fn ask<T>(question: impl AsyncFnOnce(&Docker) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut connection = connect(&|name| std::env::var(name).ok()).unwrap();
    runtime.block_on(async {
        connection.identify().await.unwrap();
        question(connection.docker()).await
    })
}

const BUILDERS: [&str; 2] = ["0", "1"];

#[test]
fn a_family_is_built_parents_first_and_then_comes_from_the_cache() {
    for buildkit in BUILDERS {
        let project = Project::new(
            &format!("family{buildkit}"),
            &["base", "app"],
            &[
                (
                    "seatrial.yaml",
                    "images:\n  NAME-app: {dockerfile: app/Dockerfile, args: {BASE: '${{ image.NAME-base }}'}}\n  \
                     NAME-base: {dockerfile: base/Dockerfile}\n",
                ),
                ("base/Dockerfile", "FROM scratch\nCOPY file /base\n"),
                ("base/file", "NAME"),
                ("app/Dockerfile", "ARG BASE\nFROM $BASE\nCOPY file /app\n"),
                ("app/file", "NAME"),
            ],
        );
        fs::create_dir(project.path().join("below")).unwrap();
        let mut command = project.command(&["build"]);
        command
            .env("DOCKER_BUILDKIT", buildkit)
            .current_dir(project.path().join("below"));
        let first = Ended::new(&command.output().unwrap());
        first.expect(0, &["COPY file /app"]);
        let summary = first.summary();
        for (words, reference) in summary.iter().zip(&project.references) {
            assert_eq!(
                (words[1], words[3]),
                ("built", reference.as_str()),
                "{summary:?}"
            );
            let id = ask(async |docker| docker.inspect_image(reference).await)
                .unwrap()
                .id;
            assert!(id.unwrap().starts_with(&format!("sha256:{}", words[2])));
        }
        let app = project.references[1].trim_end_matches(":latest");
        let again = project.run(&["build", app, "--quiet"], buildkit);
        assert_eq!(again.expect(0, &[]).stderr, "");
        let again = again.summary();
        assert_eq!(again.len(), 2);
        for (first, again) in summary.iter().zip(&again) {
            assert_eq!((again[1], again[2]), ("cached", first[2]));
        }
    }
}

#[test]
fn a_failed_step_shows_its_last_lines_and_its_children_are_not_built() {
    for buildkit in BUILDERS {
        let project = Project::new(
            &format!("failed{buildkit}"),
            &["other"],
            &[
                (
                    "seatrial.yaml",
                    "images:\n  NAME-base: {dockerfile: base/Dockerfile}\n  NAME-app: {dockerfile: \
                     other/Dockerfile, args: {BASE: '${{ image.NAME-base }}'}}\n  NAME-other: \
                     {dockerfile: other/Dockerfile}\n",
                ),
                (
                    "base/Dockerfile",
                    "FROM debian:bookworm-slim\nRUN seq 100 130; exit 7\n",
                ),
                ("other/Dockerfile", "FROM scratch\nCOPY Dockerfile /NAME\n"),
            ],
        );
        let ended = project.run(&["build", "--quiet"], buildkit);
        ended.expect(
            1,
            &[
                "base/Dockerfile:2, step 2/2",
                "RUN seq 100 130; exit 7",
                "code: 7",
                "| 111\n",
                "| 130\n",
            ],
        );
        assert!(!ended.stderr.contains("| 110\n"), "{}", ended.stderr);
        // Which of the first two ends first is not said.
        let mut words: Vec<&str> = ended.summary().iter().map(|line| line[1]).collect();
        words.sort_unstable();
        assert_eq!(words, ["built", "failed", "not"]);
        let lacks = format!("not built: its parent {}-base is not there", project.name);
        assert!(ended.stdout.contains(&lacks), "{}", ended.stdout);
    }
}

#[test]
fn a_mistake_in_a_dockerfile_is_told_in_the_words_of_the_engine() {
    for buildkit in BUILDERS {
        let project = Project::new(
            &format!("mistake{buildkit}"),
            &[],
            &[
                (
                    "seatrial.yaml",
                    "images:\n  NAME: {dockerfile: Dockerfile}\n",
                ),
                ("Dockerfile", "FROM scratch\nCOPPY a b\n"),
            ],
        );
        let ended = project.run(&["build"], buildkit);
        ended.expect(1, &["unknown instruction: COPPY", "--> Dockerfile"]);
    }
}

#[test]
fn the_context_has_what_docker_would_send() {
    for buildkit in BUILDERS {
        let project = Project::new(
            &format!("context{buildkit}"),
            &["a", "b"],
            &[
                (
                    "seatrial.yaml",
                    "images:\n  NAME-a: {dockerfile: docker/Dockerfile, context: ., target: wanted, \
                     args: {WORD: '$HOME ${{ env.SEATRIAL_TEST_WORD }}'}}\n  NAME-b: {dockerfile: \
                     docker/Dockerfile, context: src, target: small}\n",
                ),
                (
                    "docker/Dockerfile",
                    "FROM debian:bookworm-slim AS small\nLABEL seatrial.test=NAME\nCOPY . /deep\nFROM debian:bookworm-slim AS \
                     wanted\nARG WORD\nCOPY . /c\nRUN cd /c && test ! -e secret && test ! -e x.log && \
                     test -e src/deep/x.log && test -x run && test \"$(readlink link)\" = /nowhere && \
                     test \"$WORD\" = '$HOME word'\nFROM nowhere.invalid/missing\n",
                ),
                (".dockerignore", "secret\n*.log\n"),
                ("secret/key", ""),
                ("x.log", ""),
                ("src/deep/x.log", ""),
                ("run", ""),
            ],
        );
        std::os::unix::fs::symlink("/nowhere", project.path().join("link")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(project.path().join("run"), mode).unwrap();
        let mut command = project.command(&["build"]);
        command
            .env("DOCKER_BUILDKIT", buildkit)
            .env("SEATRIAL_TEST_WORD", "word");
        Ended::new(&command.output().unwrap()).expect(0, &[]);
        project
            .run(&["build"], buildkit)
            .expect(78, &["`SEATRIAL_TEST_WORD` is not set"]);
    }
}

#[test]
fn a_context_that_can_not_be_read_leaves_no_image() {
    for buildkit in BUILDERS {
        let project = Project::new(
            &format!("pipe{buildkit}"),
            &["x"],
            &[
                (
                    "seatrial.yaml",
                    "images:\n  NAME-x: {dockerfile: Dockerfile}\n",
                ),
                ("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n"),
            ],
        );
        let pipe = project.path().join("pipe");
        assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
        project
            .run(&["build"], buildkit)
            .expect(1, &["pipe is a pipe or a device"]);
        let image = ask(async |docker| docker.inspect_image(&project.references[0]).await);
        assert!(image.is_err());
    }
}

#[test]
fn a_build_that_takes_too_long_is_given_up() {
    for buildkit in ["0", "1"] {
        let project = Project::new(
            &format!("slow{buildkit}"),
            &[],
            &[
                (
                    "seatrial.yaml",
                    "images:\n  NAME: {dockerfile: Dockerfile}\n",
                ),
                (
                    "Dockerfile",
                    "FROM debian:bookworm-slim\nRUN echo ready NAME; sleep 300\n",
                ),
                (
                    "test-specs/a.yaml",
                    "image: NAME\nchecks:\n  - run: echo never\n",
                ),
            ],
        );
        project
            .run(&["build", "--build-timeout", "3s"], buildkit)
            .expect(1, &["it took longer than 3s and was given up"]);
        let args = [
            "test",
            "--build",
            "--build-timeout",
            "3s",
            "--junit",
            "j.xml",
        ];
        project
            .run(&args, buildkit)
            .expect(3, &["took longer than 3s"]);
        let report = fs::read_to_string(project.path().join("j.xml")).unwrap();
        assert!(report.contains("seatrial.build-timeout"), "{report}");
        wait_until(|| !someone_runs(&project.name));
    }
}

#[test]
fn a_signal_stops_the_build_and_leaves_nothing_behind() {
    for (buildkit, signal, code) in [("0", "INT", 130), ("1", "TERM", 143)] {
        let project = Project::new(
            &format!("signal{buildkit}"),
            &[],
            &[
                (
                    "seatrial.yaml",
                    "images:\n  NAME: {dockerfile: Dockerfile}\n",
                ),
                (
                    "Dockerfile",
                    "FROM debian:bookworm-slim\nRUN echo ready NAME; sleep 300\n",
                ),
            ],
        );
        let mut command = project.command(&["build"]);
        let command = command.env("DOCKER_BUILDKIT", buildkit);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines =
            std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
        lines
            .find(|line| line.as_ref().is_ok_and(|line| line.contains("| ready ")))
            .unwrap()
            .unwrap();
        let sent = Instant::now();
        let id = child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", signal, &id])
                .status()
                .unwrap()
                .success()
        );
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        assert!(sent.elapsed() < Duration::from_secs(5));
        wait_until(|| !someone_runs(&project.name));
    }
}

/// Looks at the containers of the engine and at the processes of this machine: BuildKit's are not
/// containers.
fn someone_runs(marker: &str) -> bool {
    let all = ListContainersOptionsBuilder::default().all(true).build();
    let containers = ask(async |docker| docker.list_containers(Some(all)).await).unwrap();
    let mut commands = containers
        .into_iter()
        .filter_map(|container| container.command);
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    commands.any(|command| command.contains(marker))
        || lines.any(|line| String::from_utf8_lossy(&line).contains(marker))
}

#[track_caller]
fn wait_until(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "still not");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_can_not_begin_has_its_own_exit_code() {
    let project = Project::new(
        "usage",
        &[],
        &[
            (
                "seatrial.yaml",
                "images:\n  samtools: {dockerfile: Dockerfile}\n",
            ),
            ("invalid.yaml", "images:\n  x: {dockerfil: Dockerfile}\n"),
            ("Dockerfile", "FROM scratch\n"),
        ],
    );
    let table: &[(&[&str], i32, &str)] = &[
        (&["build", "samtool"], 2, "did you mean `samtools`?"),
        (
            &["build", "--project", "no.yaml"],
            2,
            "there is no project file no.yaml",
        ),
        (
            &["build", "--project", "invalid.yaml"],
            78,
            "invalid.yaml:2:7",
        ),
        (&["build", "--unknown"], 2, "unexpected argument"),
        (&["biuld"], 2, "unrecognized subcommand"),
        (&[], 2, "Usage: seatrial"),
        (
            &["build"],
            3,
            "no container engine answers at unix:///nowhere.sock (from DOCKER_HOST)",
        ),
    ];
    for (args, code, stderr) in table {
        let mut command = project.command(args);
        let output = command
            .env("DOCKER_HOST", "unix:///nowhere.sock")
            .output()
            .unwrap();
        Ended::new(&output).expect(*code, &[stderr]);
    }
    let mut command = project.command(&["build"]);
    let output = command.current_dir("/").output().unwrap();
    Ended::new(&output).expect(2, &["there is no seatrial.yaml"]);
}

/// A family whose base can't be built, and an image beside it that takes a while.
fn broken_family(name: &str) -> Project {
    Project::new(
        name,
        &["other"],
        &[
            (
                "seatrial.yaml",
                "images:\n  NAME-base: {dockerfile: base/Dockerfile}\n  NAME-app: {dockerfile: \
                 app/Dockerfile, args: {BASE: '${{ image.NAME-base }}'}}\n  NAME-other: \
                 {dockerfile: other/Dockerfile}\n",
            ),
            (
                "base/Dockerfile",
                "FROM debian:bookworm-slim\nRUN echo NAME\nRUN echo two \\\n  && true\n# third\nRUN echo \
                 compiling; \\\n  echo 'fatal: no such tool' >&2; exit 7\nRUN echo never\n",
            ),
            ("app/Dockerfile", "ARG BASE\nFROM ${BASE}\nRUN true\n"),
            ("other/Dockerfile", "FROM scratch\nCOPY Dockerfile /NAME\n"),
            (
                "test-specs/all.yaml",
                "images: [NAME-base, NAME-app]\nchecks:\n  - {name: a file, file: /bin/sh}\n  - {name: a \
                 command, run: 'true'}\n",
            ),
            (
                "test-specs/other.yaml",
                "image: NAME-other\nchecks:\n  - {name: a file, file: /NAME}\n",
            ),
        ],
    )
}

/// What the record says of each check: its name without that of the project, and the message.
fn told(project: &Project, file: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(project.path().join(file)).unwrap();
    let record: serde_json::Value =
        serde_json::from_str(&text.replace(&project.name, "P")).unwrap();
    let checks = record["checks"].as_array().unwrap().iter();
    let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    checks
        .map(|check| {
            let name = format!("{}::{}", word(&check["image"]), word(&check["name"]));
            let message = word(&check["problem"]["message"]);
            (name, format!("{} {message}", word(&check["verdict"])))
        })
        .collect()
}

#[test]
fn every_check_of_an_image_that_could_not_be_built_names_the_line_of_its_dockerfile() {
    for buildkit in BUILDERS {
        let project = broken_family(&format!("line{buildkit}"));
        let reports = ["test", "--build", "--json", "r.json", "--junit", "r.xml"];
        let ended = project.run(&reports, buildkit);
        ended.expect(3, &["base/Dockerfile:6, step 4/5", "| fatal: no such tool"]);
        let failed = "error the image could not be built: base/Dockerfile:6: `RUN echo compiling; echo 'fatal: no such \
                      tool' >&2; exit 7` failed with exit code 7\nits last lines:\n";
        let orphan = "error the image was not built, because its parent P-base could not be";
        let told = told(&project, "r.json");
        let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "P-base::a file",
            "P-base::a command",
            "P-app::a file",
            "P-app::a command",
        ];
        assert_eq!(names, [&expected[..], &["P-other::a file"]].concat());
        for (name, message) in &told[..2] {
            assert!(message.starts_with(failed), "{name}: {message}");
            // The engine may mix both streams.
            assert!(message.contains("\n| compiling"), "{message}");
            assert!(message.contains("\n| fatal: no such tool"), "{message}");
        }
        for (_, message) in &told[2..4] {
            assert_eq!(message, orphan);
        }
        assert_eq!(told[4].1, "passed ");
        let junit = fs::read_to_string(project.path().join("r.xml")).unwrap();
        assert_eq!(
            junit.matches("base/Dockerfile:6: `RUN echo").count(),
            4,
            "{junit}"
        );
        assert_eq!(junit.matches("its parent ").count(), 4, "{junit}");
        assert!(
            ended.stdout.contains("1 passed, 4 errors"),
            "{}",
            ended.stdout
        );
    }
}

/// An image that is there at once, and one that is not before a minute is over.
fn quick_and_slow(name: &str, seconds: u32) -> Project {
    Project::new(
        name,
        &["quick", "slow"],
        &[
            (
                "seatrial.yaml",
                "images:\n  NAME-slow: {dockerfile: slow/Dockerfile}\n  NAME-quick: {dockerfile: \
                 quick/Dockerfile}\n",
            ),
            ("quick/Dockerfile", "FROM scratch\nCOPY Dockerfile /NAME\n"),
            (
                "slow/Dockerfile",
                &format!("FROM debian:bookworm-slim\nRUN echo NAME; sleep {seconds}\n"),
            ),
            (
                "test-specs/all.yaml",
                "images: [NAME-slow, NAME-quick]\nchecks:\n  - {name: a file, file: /NAME}\n  - {name: no file, \
                 file: /nowhere, exists: false}\n",
            ),
        ],
    )
}

#[test]
fn checks_begin_when_their_image_is_there_while_others_are_built() {
    let project = quick_and_slow("stream", 5);
    // A single thread must not wait for what is not there yet either.
    for threads in ["1", "4"] {
        let ended = project.run(
            &[
                "test",
                "--build",
                "--json-lines",
                "-",
                "--test-threads",
                threads,
            ],
            "0",
        );
        // The slow one has no such file.
        ended.expect(1, &[]);
        let line = |what: &str, image: &str| {
            let image = format!("{}-{image}", project.name);
            let lines = ended
                .stdout
                .lines()
                .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            let of = |line: &serde_json::Value| {
                (line["image"] == *image || line["name"] == *image)
                    && line.to_string().contains(what)
            };
            let found: Vec<usize> = (lines.enumerate())
                .filter(|(_, line)| of(line))
                .map(|(at, _)| at)
                .collect();
            assert!(!found.is_empty(), "{what} of {image}: {}", ended.stdout);
            *found.last().unwrap()
        };
        let order = [
            line("\"id\":\"sha256", "quick"),
            line("\"verdict\"", "quick"),
            line("\"id\":\"sha256", "slow"),
            line("\"verdict\"", "slow"),
        ];
        if threads == "1" {
            assert!(order.is_sorted(), "{order:?}\n{}", ended.stdout);
        }
    }
}

#[test]
fn a_run_that_ends_early_ends_its_builds() {
    let table: [(&[&str], i32, &str); 2] = [
        (&["--deadline", "12s"], 3, "the deadline of the run"),
        (
            &["--max-failures", "1"],
            1,
            "a check did not pass, and the run ends with the first",
        ),
    ];
    for (at, (args, code, message)) in table.into_iter().enumerate() {
        let project = quick_and_slow(&format!("early{at}"), 300);
        let spec = project.path().join("test-specs/bad.yaml");
        let bad = format!(
            "image: {}-quick\nchecks:\n  - {{name: bad, file: /nowhere}}\n",
            project.name
        );
        if at == 1 {
            fs::File::create(spec)
                .unwrap()
                .write_all(bad.as_bytes())
                .unwrap();
        }
        let begun = Instant::now();
        let ended = project.run(
            &[&["test", "--build", "--json", "r.json"], args].concat(),
            "0",
        );
        assert_eq!(ended.code, Some(code), "{}{}", ended.stdout, ended.stderr);
        assert!(begun.elapsed() < Duration::from_secs(100));
        let told = told(&project, "r.json");
        for (name, said) in told.iter().filter(|(name, _)| name.contains("slow")) {
            assert!(
                said.starts_with("error not run: ") && said.contains(message),
                "{name} {said}"
            );
        }
        wait_until(|| !someone_runs(&project.name));
    }
}

#[test]
fn what_was_built_is_removed_as_soon_as_nothing_needs_it_and_nothing_else_is() {
    let project = Project::new(
        "prune",
        &["base", "app", "other"],
        &[
            (
                "seatrial.yaml",
                "images:\n  NAME-base: {dockerfile: base/Dockerfile}\n  NAME-app: {dockerfile: \
                 app/Dockerfile, args: {BASE: '${{ image.NAME-base }}'}}\n  NAME-other: {dockerfile: \
                 other/Dockerfile}\n",
            ),
            (
                "base/Dockerfile",
                "FROM scratch\nCOPY Dockerfile /NAME-base\n",
            ),
            (
                "app/Dockerfile",
                "ARG BASE\nFROM ${BASE}\nCOPY Dockerfile /NAME-app\n",
            ),
            (
                "other/Dockerfile",
                "FROM scratch\nCOPY Dockerfile /NAME-other\n",
            ),
            (
                "test-specs/all.yaml",
                "images: [NAME-base, NAME-app, NAME-other]\nchecks:\n  - {name: a file, file: /NAME-x, exists: false}\n",
            ),
        ],
    );
    let other = format!("{}-other", project.name);
    project
        .run(&["build", "--quiet", &other], "0")
        .expect(0, &[]);
    let ended = project.run(&["test", "--build", "--prune-after-each"], "0");
    ended.expect(0, &[]);
    let removed: Vec<&str> = ended
        .stderr
        .lines()
        .filter(|line| line.contains(": removed "))
        .collect();
    assert_eq!(removed.len(), 2, "{}", ended.stderr);
    let is_there = |name: &str| {
        let name = format!("{}-{name}:latest", project.name);
        ask(async |docker| docker.inspect_image(&name).await.is_ok())
    };
    assert!(!is_there("base") && !is_there("app"));
    // It was there before, and the run has not changed it.
    assert!(is_there("other"));
    project
        .run(&["test", "--prune-after-each"], "0")
        .expect(2, &["it needs --build"]);
}
