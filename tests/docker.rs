//! `seatrial test` against a real engine.

mod support;

use std::process::Command;
use std::time::{Duration, Instant};

use support::{Ended, Project, Report};

const IMAGE: &str = "debian:bookworm-slim";

/// Runs `checks` on the image and reads the report.
fn run(checks: &str) -> (Ended, Report) {
    run_in(&Project::new(&[]), checks)
}

fn run_in(project: &Project, checks: &str) -> (Ended, Report) {
    write_spec(project, checks);
    let ended = project.test(&["--junit", "junit.xml"]);
    assert_ne!(ended.code, Some(78), "{}", ended.stderr);
    assert_eq!(containers(ended.pid, &[]), "", "left behind");
    let report = project.junit();
    report.agrees();
    (ended, report)
}

fn write_spec(project: &Project, checks: &str) {
    let spec = format!("image: {IMAGE}\ndefaults: {{network: none}}\nchecks:\n{checks}");
    project.write("test-specs/a.yaml", spec.as_bytes());
}

#[track_caller]
fn passes(checks: &str) {
    run(checks).0.expect(0);
}

/// The check named `name` must fail for this kind of reason, with these words.
#[track_caller]
fn fails(report: &Report, name: &str, kind: &str, words: &str) {
    let case = report.case(name);
    assert_eq!(
        (case.verdict.as_str(), case.kind.as_str()),
        ("failure", kind),
        "{case:?}"
    );
    assert!(case.message.contains(words), "{case:?}");
}

/// The containers of the seatrial of this process id.
fn containers(pid: u32, options: &[&str]) -> String {
    let host = hostname::get().unwrap().into_string().unwrap();
    let output = Command::new("docker")
        .args(["ps", "--all", "--no-trunc"])
        .args(["--filter", "label=seatrial.run"])
        .args(["--filter", &format!("label=seatrial.host={host}")])
        .args(["--filter", &format!("label=seatrial.pid={pid}")])
        .args(["--format", "{{.ID}} {{.Label \"seatrial.for\"}}"])
        .args(options)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn commands_that_do_what_is_expected() {
    passes(
        r#"
  - name: shell form
    run: echo "$((6 * 7))" | cat
    stdout: "42"
  - name: exec form
    run: [echo, "$HOME", "a  b"]
    stdout: $HOME a  b
  - name: exit code
    run: exit 42
    exit: 42
  - name: killed by a signal
    run: sh -c 'kill -TERM $$'
    exit: 143
  - name: both streams apart
    run: echo out; echo err >&2
    stdout: {equals: out, not_contains: err}
    stderr: {equals: err, not_contains: out}
  - name: matchers
    run: printf 'one\ntwo\nthree\n'
    stdout:
      - contains: [one, three]
        not_contains: four
      - matches: ['^two$', 't.*e{2}']
        not_matches: '^wo'
    stderr: {empty: true}
  - name: env
    run: echo "$GREETING, ${PATH:+there is a path}"
    env: {GREETING: "hello = world"}
    stdout: hello = world, there is a path
  - name: user by name
    run: id -un
    user: nobody
    stdout: nobody
  - name: user and group by number
    run: id -u; id -g
    user: "1234:5678"
    stdout: |
      1234
      5678
  - name: workdir
    run: [pwd]
    workdir: /var/tmp
    stdout: /var/tmp
  - name: no stdin
    run: cat
    stdout: {empty: true}
  - name: stdin of a text
    run: [cat]
    stdin: {text: "line 1\nno end of line"}
    stdout: "line 1\nno end of line"
  - name: stdin that is not read
    run: 'true'
    stdin: {text: ignored}
  - name: entrypoint
    run: [-c, 'echo "$0" "$@"', a, b]
    entrypoint: [/bin/sh]
    stdout: a b
  - name: a fresh container for each 1
    run: test ! -e /marker; touch /marker
  - name: a fresh container for each 2
    run: test ! -e /marker && touch /marker
"#,
    );
}

#[test]
fn commands_that_do_not() {
    let (ended, report) = run(r#"
  - {name: exit, run: exit 3}
  - {name: exit of a failing tool, run: 'false', exit: 2}
  - {name: success where failure is expected, run: 'true', exit: 1}
  - {name: stdout, run: echo hello, stdout: hello world}
  - {name: stderr, run: echo hello, stderr: hello}
  - {name: contains, run: echo hello, stdout: {contains: world}}
  - {name: matches, run: echo hello, stdout: {matches: ^ello}}
  - {name: not empty, run: echo, stdout: {empty: true}}
  - {name: not found by the shell, run: no-such-tool --version}
  - {name: not found, run: [no-such-tool, --version]}
  - {name: not executable, run: [/etc/passwd]}
  - {name: good, run: 'true'}
"#);
    ended.expect(1);
    assert_eq!(
        (report.failures, report.errors, report.count("passed")),
        (11, 0, 1)
    );
    fails(
        &report,
        "exit",
        "seatrial.exit",
        "expected exit code 0, got 3",
    );
    fails(
        &report,
        "exit of a failing tool",
        "seatrial.exit",
        "expected exit code 2, got 1",
    );
    fails(
        &report,
        "success where failure is expected",
        "seatrial.exit",
        "expected exit code 1, got 0",
    );
    for name in ["stdout", "contains", "matches", "not empty"] {
        fails(&report, name, "seatrial.stdout", "");
    }
    fails(&report, "stderr", "seatrial.stderr", "");
    fails(
        &report,
        "not found by the shell",
        "seatrial.exit",
        "got 127 (command not found)",
    );
    fails(
        &report,
        "not found",
        "seatrial.exit",
        "could not be run (127)",
    );
    fails(
        &report,
        "not executable",
        "seatrial.exit",
        "could not be run (126)",
    );
}

#[test]
fn a_missing_command_can_be_what_is_expected() {
    passes(
        "  - {name: exec form, run: [no-such-tool], exit: 127}\n  \
         - {name: shell form, run: no-such-tool, exit: 127}\n",
    );
}

#[test]
fn files_of_the_project() {
    let project = Project::new(&[
        ("data/input.txt", "from the host\n"),
        ("data/more/x", "x\n"),
    ]);
    let checks = r#"
  - name: stdin of a file
    run: cat
    stdin: {file: data/input.txt}
    stdout: from the host
  - name: a file
    run: cat /in.txt
    mounts: {data/input.txt: /in.txt}
    stdout: from the host
  - name: a folder
    run: cd /data && find . -type f | sort
    mounts: {data: /data}
    stdout: |
      ./input.txt
      ./more/x
  - name: a file is read-only, to root too
    run: id -u && echo changed > /in.txt
    mounts: {data/input.txt: /in.txt}
    exit: 2
    stdout: "0"
    stderr: {contains: Read-only file system}
  - name: a folder is read-only
    run: touch /data/new
    mounts: {data: /data}
    exit: 1
    stderr: {contains: Read-only file system}
"#;
    run_in(&project, checks).0.expect(0);
    let content = std::fs::read_to_string(project.path("data/input.txt")).unwrap();
    assert_eq!(content, "from the host\n");
    assert!(!project.path("data/new").exists());
}

#[test]
fn files_that_a_command_leaves() {
    let (ended, report) = run(
        "  - {name: left, run: echo hi > /root/a, files: {/root/a: hi, /etc/hosts: {}}}\n  \
         - {name: not left, run: 'true', files: {/root/a: hi}}\n",
    );
    ended.expect(1);
    assert_eq!(report.case("left").verdict, "passed");
    fails(
        &report,
        "not left",
        "seatrial.file.exists",
        "/root/a does not exist",
    );
}

#[test]
fn a_command_that_hangs_is_killed_and_removed() {
    let started = Instant::now();
    let (ended, report) = run(
        "  - {name: hangs, run: echo begun; exec sleep 600, timeout: 1s, stdout: begun}\n  \
         - {name: ignores, run: trap '' TERM INT; while :; do sleep 1; done, timeout: 1s}\n",
    );
    ended.expect(1).says(&["| begun"]);
    for name in ["hangs", "ignores"] {
        fails(
            &report,
            name,
            "seatrial.timeout",
            "did not end within 1s and was killed",
        );
    }
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[test]
fn an_image_that_does_not_exist() {
    let project = Project::new(&[(
        "test-specs/a.yaml",
        "image: seatrial-no-such-image:1\nchecks:\n  - run: 'true'\n  - file: /etc\n",
    )]);
    let ended = project.test(&["--junit", "junit.xml"]);
    ended
        .expect(3)
        .says(&["`docker pull seatrial-no-such-image:1` may fetch it"]);
    let report = project.junit();
    assert_eq!((report.agrees().tests, report.errors), (2, 2));
    assert!(
        report
            .cases
            .iter()
            .all(|case| case.kind == "seatrial.image"),
        "{report:?}"
    );
}

#[test]
fn an_engine_that_is_not_there() {
    let project = Project::new(&[]);
    write_spec(
        &project,
        "  - run: 'true'\n  - file: /etc\n  - config: {user: ''}\n",
    );
    let mut command = project.command(&["--junit", "junit.xml"]);
    command.env("DOCKER_HOST", "unix:///nonexistent.sock");
    let ended = Ended::of(&mut command);
    ended
        .expect(3)
        .says(&["/nonexistent.sock", "without an engine"]);
    let report = project.junit();
    assert_eq!((report.agrees().tests, report.errors), (3, 3));
    for case in &report.cases {
        assert!(case.message.contains("/nonexistent.sock"), "{case:?}");
    }
}

#[test]
fn files_of_the_image() {
    passes(
        r#"
  - {file: /etc/passwd, type: file, mode: "0644", owner: root, group: "0"}
  - {name: no such file, file: /no/such/file, exists: false}
  - {file: /tmp, type: directory, mode: "1777"}
  - {file: /etc/shadow, mode: "640", owner: root, group: shadow}
  - {name: the link, file: /bin, type: symlink}
  - {name: where the link leads, file: /bin, type: directory}
  - {name: through a link, file: /bin/sh, type: file, mode: "0755"}
  - {file: /etc/debian_version, content: {matches: '^12\.\d+$'}, size: {min: 4, max: 8}}
  - {file: /usr/bin/su, mode: "4755"}
"#,
    );
    let (ended, report) = run(r#"
  - {name: missing, file: /no/such/file}
  - {name: there, file: /etc/passwd, exists: false}
  - {name: type, file: /tmp, type: file}
  - {name: mode, file: /tmp, mode: "0777"}
  - {name: owner, file: /etc/passwd, owner: nobody}
  - {name: group, file: /etc/shadow, group: root}
  - {name: link, file: /etc/passwd, type: symlink}
  - {name: content, file: /etc/debian_version, content: {contains: trixie}}
  - {name: size, file: /etc/debian_version, size: {min: 10kB}}
  - {name: content of a folder, file: /etc, content: {contains: x}}
"#);
    ended.expect(1);
    assert_eq!(report.failures, 10);
    fails(
        &report,
        "missing",
        "seatrial.file.exists",
        "/no/such/file does not exist",
    );
    fails(
        &report,
        "there",
        "seatrial.file.exists",
        "/etc/passwd exists, which it must not",
    );
    fails(&report, "type", "seatrial.file.type", "must be a file");
    fails(
        &report,
        "mode",
        "seatrial.file.mode",
        "must be 0777, it is 1777",
    );
    fails(&report, "owner", "seatrial.file.owner", "nobody");
    fails(&report, "group", "seatrial.file.group", "root");
    fails(&report, "link", "seatrial.file.type", "must be a symlink");
    fails(
        &report,
        "content",
        "seatrial.file.content",
        "/etc/debian_version",
    );
    fails(
        &report,
        "size",
        "seatrial.file.size",
        "at least 10000 bytes",
    );
    fails(
        &report,
        "content of a folder",
        "seatrial.file.content",
        "no content",
    );
}

/// An image made of files, removed in the end.
struct Made(String);

impl Made {
    fn new(name: &str, tar: &[u8]) -> Self {
        let made = Self(format!("seatrial-test-{name}-{}:1", std::process::id()));
        let project = Project::new(&[]);
        project.write("image.tar", tar);
        let import = Command::new("docker")
            .args(["import", "image.tar", &made.0])
            .current_dir(project.root())
            .output()
            .unwrap();
        assert!(import.status.success(), "{import:?}");
        made
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // A test that fails has more important things to say.
        let _ = Command::new("docker")
            .args(["rmi", "--force", &self.0])
            .output();
    }
}

#[test]
fn links_of_the_image() {
    let mut tar = tar::Builder::new(Vec::new());
    let links = [
        ("dangling", "/no/such/target"),
        ("circle", "/circle"),
        ("absolute", "/folder/file"),
        ("folder/relative", "file"),
        ("folder/above", "../../../folder/file"),
        ("way", "folder"),
        // The way up begins where the folder is, not where the link to it is.
        ("folder/deep/up", "../file"),
        ("way_down", "folder/deep"),
    ];
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o640);
    header.set_uid(1000);
    header.set_gid(2000);
    header.set_size(7);
    tar.append_data(&mut header, "folder/file", &b"content"[..])
        .unwrap();
    for (path, target) in links {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, path, target).unwrap();
    }
    let image = Made::new("links", &tar.into_inner().unwrap());
    let spec = format!(
        r#"image: {}
checks:
  - {{name: the dangling link itself, file: /dangling, type: symlink}}
  - {{name: dangling, file: /dangling}}
  - {{name: dangling is something, file: /dangling, exists: false}}
  - {{name: circle, file: /circle}}
  - {{file: /absolute, content: content, mode: "0640", owner: "1000", group: "2000"}}
  - {{file: /folder/relative, content: content}}
  - {{file: /folder/above, content: content, size: 7}}
  - {{file: /way/relative, content: content, owner: "1000"}}
  - {{file: /way_down/up, content: content}}
  - {{name: name without passwd, file: /folder/file, owner: someone}}
"#,
        image.0
    );
    let project = Project::new(&[("test-specs/a.yaml", &spec)]);
    let ended = project.test(&["--junit", "junit.xml"]);
    ended.expect(1);
    assert_eq!(containers(ended.pid, &[]), "");
    let report = project.junit();
    report.agrees();
    assert_eq!(report.count("passed"), 6, "{}", ended.stdout);
    fails(
        &report,
        "dangling",
        "seatrial.file.exists",
        "/dangling is a link to /no/such/target, where nothing is",
    );
    fails(
        &report,
        "dangling is something",
        "seatrial.file.exists",
        "/dangling exists",
    );
    // Docker 20.10 refuses to look at it.
    fails(
        &report,
        "circle",
        "seatrial.file.exists",
        "/circle is a link that leads in a circle",
    );
    fails(
        &report,
        "name without passwd",
        "seatrial.file.owner",
        "someone",
    );
}

#[test]
fn the_configuration_of_the_image() {
    passes(
        r#"
  - config:
      env: {PATH: {contains: /usr/bin, matches: '^/usr/local/sbin:'}}
      cmd: [bash]
      entrypoint: []
      user: ""
      os: linux
"#,
    );
    let (ended, report) = run(r#"
  - {name: env, config: {env: {NO_SUCH_VARIABLE: x}}}
  - {name: value, config: {env: {PATH: /bin}}}
  - {name: label, config: {labels: {no.such.label: x}}}
  - {name: cmd, config: {cmd: [sh]}}
  - {name: entrypoint, config: {entrypoint: [/init]}}
  - {name: user, config: {user: nobody}}
  - {name: workdir, config: {workdir: /work}}
  - {name: architecture, config: {architecture: s390x}}
  - {name: os, config: {os: windows}}
"#);
    ended.expect(1);
    assert_eq!(report.failures, 9);
    fails(
        &report,
        "env",
        "seatrial.config.env",
        "the variable `NO_SUCH_VARIABLE` is not set",
    );
    fails(&report, "value", "seatrial.config.env", "PATH");
    fails(
        &report,
        "label",
        "seatrial.config.labels",
        "the label `no.such.label` is not set",
    );
    fails(
        &report,
        "cmd",
        "seatrial.config.cmd",
        r#"must be ["sh"], it is ["bash"]"#,
    );
    for name in ["entrypoint", "user", "workdir", "architecture", "os"] {
        fails(&report, name, &format!("seatrial.config.{name}"), "must be");
    }
}

#[test]
fn an_interrupted_run_leaves_no_container() {
    let project = Project::new(&[]);
    let hangs = "run: trap '' INT TERM; while :; do sleep 1; done";
    write_spec(
        &project,
        &format!("  - {{name: first, {hangs}}}\n  - {{name: second, {hangs}}}\n"),
    );
    let started = Instant::now();
    let ended = project.interrupt(&["--junit", "junit.xml"], |_, pid| {
        while containers(pid, &["--filter", "status=running"])
            .lines()
            .count()
            < 2
        {
            assert!(started.elapsed() < Duration::from_secs(60), "no container");
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    ended.expect(130).says(&["stopped by SIGINT"]);
    assert_eq!(containers(ended.pid, &[]), "");
    let report = project.junit();
    assert_eq!((report.agrees().tests, report.errors), (2, 2));
    assert!(
        report
            .cases
            .iter()
            .all(|case| case.kind == "seatrial.interrupted"),
        "{report:?}"
    );
}

#[test]
fn output_of_any_bytes_and_of_any_size() {
    let (ended, report) = run(r#"
  - {name: bytes pass, run: 'printf "\377\376\000\033[31m]]>\001"', stdout: {matches: '(?-u)^\xff\xfe\x00'}}
  - {name: bytes fail, run: 'printf "\377\376\000\033[31m]]>\001" | tee /dev/stderr', stdout: text}
  - {name: much passes, run: 'head -c 5000000 /dev/zero | tr "\0" x; echo end', stdout: {contains: [xxx, xend], empty: false}}
  - {name: much without expectations, run: 'head -c 5000000 /dev/urandom; head -c 5000000 /dev/zero >&2'}
  - {name: much fails, run: 'yes | head -c 5000000', stdout: {empty: true}}
  - {name: much decides nothing, run: 'yes | head -c 5000000', stdout: {json: .}}
"#);
    ended.expect(1);
    assert_eq!(report.case("bytes pass").verdict, "passed");
    assert_eq!(report.case("much passes").verdict, "passed");
    assert_eq!(report.case("much without expectations").verdict, "passed");
    fails(&report, "bytes fail", "seatrial.stdout", "");
    fails(&report, "much fails", "seatrial.stdout", "");
    let undecided = report.case("much decides nothing");
    assert_eq!(
        (undecided.verdict.as_str(), undecided.kind.as_str()),
        ("error", "seatrial.output-limit")
    );
    // Nothing that a terminal obeys.
    assert!(
        !ended.stdout.contains(['\u{1b}', '\u{1}', '\0']),
        "{}",
        ended.stdout
    );
}

/// What a process can see of its network and of its confinement.
const PROBE: &str = r#"
cat /etc/hosts
echo -- resolv.conf
cat /etc/resolv.conf
echo -- files
stat -c '%A %u %g %s %n' /etc/hosts /etc/resolv.conf /etc/hostname
echo -- names
getent hosts localhost; getent ahosts localhost; getent hosts "$(hostname)"; getent hosts example.org
echo -- ipv6
cat /proc/sys/net/ipv6/conf/all/disable_ipv6 /proc/net/if_inet6
echo -- interfaces
tail -n +3 /proc/net/dev | cut -d: -f1
tail -n +2 /proc/net/route
echo -- mounts
cut -d' ' -f5 /proc/self/mountinfo | sort
echo -- confinement
grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups)' /proc/self/status
id
umask
pwd
env | grep -v ^HOSTNAME= | sort
hostname | sed 's/[0-9a-f]\{12\}/ID/'
touch /etc/hosts && echo 'hosts can be written to'
exit 0
"#;

#[test]
fn no_network_is_what_docker_run_gives() {
    let theirs = Command::new("docker")
        .args([
            "run",
            "--rm",
            "--network",
            "none",
            IMAGE,
            "/bin/sh",
            "-c",
            PROBE,
        ])
        .output()
        .unwrap();
    assert!(theirs.status.success(), "{theirs:?}");
    let stdout = String::from_utf8(theirs.stdout).unwrap();
    assert!(
        stdout.contains("127.0.0.1\tlocalhost") && stdout.contains("CapEff:"),
        "{stdout}"
    );
    let json = |text: &str| serde_json::to_string(text).unwrap();
    let stderr = String::from_utf8(theirs.stderr).unwrap();
    passes(&format!(
        "  - {{name: probe, network: none, run: {}, stdout: {}, stderr: {}}}\n",
        json(PROBE),
        json(&stdout),
        if stderr.is_empty() {
            "{empty: true}".to_owned()
        } else {
            json(&stderr)
        },
    ));
}

#[test]
fn a_network_that_was_asked_for_is_there() {
    passes(
        "  - {name: bridge, network: bridge, run: 'tail -n +3 /proc/net/dev | grep -c eth0', stdout: '1'}\n  \
         - {name: none, network: none, run: 'tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d \" \"', stdout: lo}\n",
    );
}
