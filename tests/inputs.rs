//! What builds may use besides their context: secrets, keys, caches; and the platform they are for.
//!
//! Needs a Docker engine, its command line, buildah, openssh-client and docker-registry.

mod support;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::registry::Registry;
use support::{Ended, Project, daemonless, docker};

/// What nothing but the build may ever see.
const SECRET: &str = "hunter2 of the tests";

/// Asks the agent for its keys and takes nothing but its answer.
const ASK: &str = "perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new($ENV{SSH_AUTH_SOCK}) or die; \
                   syswrite $s, pack \"NC\", 1, 11; read $s, $a, 5; \
                   print((unpack \"NC\", $a)[1] == 12 ? \"keys\" : \"none\")' > /agent";

fn files(image: &str) -> [(&'static str, String); 4] {
    let catalogue = format!(
        "images:\n  {image}:\n    dockerfile: Dockerfile\n    secrets:\n      \
         variable: {{env: SEATRIAL_TEST_SECRET}}\n      file: {{file: hidden/file}}\n    ssh: default\n"
    );
    let dockerfile = format!(
        "FROM debian:bookworm-slim\n\
         RUN --mount=type=secret,id=variable --mount=type=secret,id=file \
         cat /run/secrets/variable /run/secrets/file | wc -c > /count && echo {image}\n\
         RUN --mount=type=ssh {ASK}\n"
    );
    let spec = format!(
        "image: {image}\nchecks:\n\
         \x20 - {{file: /count, content: \"{}\\n\"}}\n\
         \x20 - {{file: /agent, content: keys}}\n\
         \x20 - {{file: /run/secrets/variable, exists: false}}\n\
         \x20 - {{file: /run/secrets/file, exists: false}}\n\
         \x20 - {{run: env, stdout: {{not_contains: hunter2}}}}\n",
        2 * SECRET.len()
    );
    [
        ("seatrial.yaml", catalogue),
        ("Dockerfile", dockerfile),
        ("test-specs/app.yaml", spec),
        ("hidden/file", SECRET.to_owned()),
    ]
}

fn refs<'a>(files: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    files
        .iter()
        .map(|(path, text)| (*path, text.as_str()))
        .collect()
}

/// An agent without keys, ended with the test.
struct Agent(Child, tempfile::TempDir);

impl Agent {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("ssh-agent");
        command.args(["-D", "-a"]).arg(folder.path().join("socket"));
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        let agent = Self(child, folder);
        let begun = Instant::now();
        while !agent.1.path().join("socket").exists() {
            assert!(begun.elapsed() < Duration::from_secs(30), "no agent");
            std::thread::sleep(Duration::from_millis(10));
        }
        agent
    }

    fn run(&self, command: &mut Command) -> Ended {
        command.env("SSH_AUTH_SOCK", self.1.path().join("socket"));
        Ended::of(command.env("SEATRIAL_TEST_SECRET", SECRET))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An image of the engine, removed in the end.
struct Image(String);

impl Image {
    fn new(what: &str) -> Self {
        Self(format!("seatrial-test-{what}-{}", std::process::id()))
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let mut command = Command::new("docker");
        let _ = command.args(["rmi", "--force", &self.0]).output();
    }
}

#[track_caller]
fn is_nowhere(secret: &str, ended: &Ended, project: &Project) {
    for file in ["junit.xml", "report.json"] {
        let text = std::fs::read_to_string(project.path(file)).unwrap();
        assert!(!text.contains(secret), "{file}");
    }
    assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret));
}

const BUILT: [&str; 6] = [
    "test",
    "--build",
    "--junit",
    "junit.xml",
    "--json",
    "report.json",
];

#[test]
fn secrets_and_keys_are_there_while_docker_builds_and_nowhere_else() {
    let image = Image::new("secrets");
    let files = files(&image.0);
    let project = Project::new(&refs(&files));
    let ended = Agent::start().run(&mut project.seatrial(&BUILT));
    ended
        .expect(0)
        .says(&["5 passed", "step 2/3 RUN --mount=type=secret"]);
    is_nowhere(SECRET, &ended, &project);
    let saved = project.path("saved.tar");
    docker(&["save", "--output", saved.to_str().unwrap(), &image.0]);
    let saved = std::fs::read(saved).unwrap();
    let found = saved
        .windows(SECRET.len())
        .any(|part| part == SECRET.as_bytes());
    assert!(!found, "the secret is in the image");
}

#[test]
fn secrets_and_keys_are_there_while_buildah_builds_and_nowhere_else() {
    let files = files("app");
    let Some(project) = daemonless::project(&refs(&files)) else {
        return;
    };
    let ended = Agent::start().run(&mut daemonless::seatrial(&project, &BUILT));
    ended.expect(0).says(&["5 passed", "building with buildah"]);
    is_nowhere(SECRET, &ended, &project);
    let found = Command::new("grep")
        .args(["--recursive", "--quiet", SECRET])
        .arg(project.path("home/store"))
        .status()
        .unwrap();
    assert_eq!(found.code(), Some(1), "the secret is in the store");
}

#[test]
fn a_step_that_fails_in_a_client_is_named_as_any_other() {
    let image = Image::new("secret-fails");
    let project = Project::new(&[
        (
            "seatrial.yaml",
            &format!(
                "images: {{{0}: {{dockerfile: Dockerfile, secrets: {{a: {{env: A}}}}}}}}",
                image.0
            ),
        ),
        (
            "Dockerfile",
            "FROM debian:bookworm-slim\nRUN true\nRUN --mount=type=secret,id=a echo said; exit 7\n",
        ),
        (
            "test-specs/app.yaml",
            &format!(
                "image: {}\nchecks:\n  - {{run: 'true', exit: 0}}\n",
                image.0
            ),
        ),
    ]);
    let mut command = project.seatrial(&["test", "--build", "--junit", "junit.xml"]);
    let ended = Ended::of(command.env("A", "a"));
    ended
        .expect(3)
        .says(&["Dockerfile:3", "exit code: 7", "said"]);
    assert_eq!(project.junit().count("error"), 1);
}

#[test]
fn what_is_not_there_is_told_before_anything_is_built() {
    let files = files("app");
    let project = Project::new(&refs(&files));
    std::fs::remove_file(project.path("hidden/file")).unwrap();
    let mut command = project.seatrial(&["build"]);
    let ended = Ended::of(command.env_remove("SSH_AUTH_SOCK"));
    ended.expect(78).says(&[
        "the variable `SEATRIAL_TEST_SECRET` is not set",
        "seatrial.yaml:5:23",
        "the secret can't be read: ",
        "SSH_AUTH_SOCK is not set",
    ]);
    let ended = Ended::of(project.seatrial(&["build"]).env("SEATRIAL_TEST_SECRET", ""));
    // As CI systems set it where they have no such secret.
    ended
        .expect(78)
        .says(&["the variable `SEATRIAL_TEST_SECRET` is empty"]);
    assert!(!ended.stderr.contains("building"), "{}", ended.stderr);
}

#[test]
fn without_a_client_that_can_it_is_told_what_to_install() {
    let files = files("app");
    let project = Project::new(&refs(&files));
    let agent = Agent::start();
    let ended = agent.run(project.seatrial(&["build"]).env("PATH", project.root()));
    ended
        .expect(1)
        .says(&["no `docker` in PATH", "install buildx"]);
    let ended = agent.run(project.seatrial(&["build"]).env("DOCKER_BUILDKIT", "0"));
    ended
        .expect(1)
        .says(&["need BuildKit", "DOCKER_BUILDKIT=0"]);
}

#[test]
fn layers_are_kept_in_the_image_and_a_cache_that_is_not_there_is_no_mistake() {
    let registry = Registry::open();
    let image = Image(format!("{}/cached:1", registry.host));
    let project = Project::new(&[
        (
            "seatrial.yaml",
            &format!(
                "images:\n  cached:\n    dockerfile: Dockerfile\n    reference: {0}\n    \
                 cache_to: inline\n    cache_from: [\"{0}\", \"{1}/none:1\"]\n",
                image.0, registry.host
            ),
        ),
        (
            "Dockerfile",
            &format!("FROM scratch\nCOPY seatrial.yaml /{}\n", std::process::id()),
        ),
    ]);
    Ended::of(&mut project.seatrial(&["build"])).expect(0);
    docker(&["push", "--quiet", &image.0]);
    let config = support::registry::run(&[
        "skopeo",
        "inspect",
        "--config",
        "--raw",
        "--tls-verify=false",
        &format!("docker://{}", image.0),
    ]);
    assert!(config.contains("moby.buildkit.cache.v0"), "{config}");
    let again = Ended::of(&mut project.seatrial(&["build"]));
    again.expect(0).says(&["cached"]);
}

#[test]
fn an_image_is_built_for_its_platform() {
    let image = Image::new("platforms");
    let catalogue = |platforms: &str| {
        format!(
            "images: {{{}: {{dockerfile: Dockerfile, platforms: [{platforms}]}}}}",
            image.0
        )
    };
    let dockerfile = format!("FROM scratch\nCOPY seatrial.yaml /{}\n", std::process::id());
    let project = Project::new(&[("seatrial.yaml", ""), ("Dockerfile", &dockerfile)]);
    let table = [
        ("linux/arm64", None, "arm64"),
        ("linux/s390x, linux/arm64", Some("linux/arm64"), "arm64"),
        ("linux/s390x, linux/amd64", None, "amd64"),
    ];
    let built = |args: &[&str]| Ended::of(project.seatrial(args).env("SEATRIAL_ENGINE", "docker"));
    for (platforms, flag, expected) in table {
        project.write("seatrial.yaml", catalogue(platforms).as_bytes());
        let mut args = vec!["build", "--no-diff"];
        args.extend(flag.iter().flat_map(|platform| ["--platform", platform]));
        built(&args).expect(0);
        let found = docker(&[
            "image",
            "inspect",
            "--format",
            "{{.Architecture}}",
            &image.0,
        ]);
        assert_eq!(found, expected, "{platforms}");
    }
    // The classic builder takes the layers of the other platform: no such image counts as built.
    for platform in ["linux/amd64", "linux/s390x"] {
        let args = ["build", "--no-diff", "--platform", platform];
        let ended = Ended::of(project.seatrial(&args).env("DOCKER_BUILDKIT", "0"));
        if ended.code == Some(0) {
            let found = docker(&[
                "image",
                "inspect",
                "--format",
                "{{.Os}}/{{.Architecture}}",
                &image.0,
            ]);
            assert_eq!(found, platform);
        } else {
            let words = format!("an image for linux/amd64 was built, and none for {platform}");
            ended.expect(1).says(&[&words]);
        }
    }
    built(&["build", "--platform", "linux/riscv64"])
        .expect(78)
        .says(&[
            "is not made for linux/riscv64",
            "its platforms are linux/s390x, linux/amd64",
        ]);
}

#[test]
fn mistakes_are_told_with_their_places() {
    let project = Project::new(&[
        (
            "seatrial.yaml",
            "images:\n  app:\n    dockerfile: Dockerfile\n    secrets:\n      both: {env: A, file: b}\n      \
             none: {}\n      a b: {env: A}\n      odd: {env: A=B}\n    ssh: [default, '=x', 'a=']\n    \
             cache_to: [inline, somewhere]\n    cache_from: ['--x', '']\n",
        ),
        ("Dockerfile", "FROM scratch\n"),
    ]);
    let ended = Ended::of(&mut project.seatrial(&["build"]));
    ended.expect(78);
    insta::assert_snapshot!(ended.stderr);
}
