//! What composes specs, and how commands are confined, against a real engine.

mod support;

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use support::{Ended, Project, Report};

const DEBIAN: &str = "debian:bookworm-slim";

fn docker(args: &[&str], stdin: &str) -> String {
    let mut child = Command::new("docker")
        .args(args)
        .env("DOCKER_BUILDKIT", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(stdin.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{args:?} {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// An image that is removed in the end.
struct Built(String);

impl Built {
    fn new(name: &str, dockerfile: &str) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let name = format!("seatrial-test-{name}-{}:1", since.as_nanos());
        docker(&["build", "--quiet", "--tag", &name, "-"], dockerfile);
        Self(name)
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        let _ = Command::new("docker")
            .args(["rmi", "--force", &self.0])
            .output();
    }
}

fn run_in(project: &Project, args: &[&str]) -> (Ended, Report) {
    let ended = project.test(&[&["--junit", "junit.xml"], args].concat());
    assert_ne!(ended.code, Some(78), "{}", ended.stderr);
    let left = docker(
        &[
            "ps",
            "--all",
            "--quiet",
            "--filter",
            &format!("label=seatrial.pid={}", ended.pid),
        ],
        "",
    );
    assert_eq!(left, "", "left behind");
    let report = project.junit();
    report.agrees();
    (ended, report)
}

fn run(image: &str, checks: &str) -> (Ended, Report) {
    let spec = format!("image: {image}\nchecks:\n{checks}");
    run_in(&Project::new(&[("test-specs/a.yaml", &spec)]), &[])
}

/// Verdict, kind and words of the check.
#[track_caller]
fn is(report: &Report, name: &str, verdict: &str, kind: &str, words: &str) {
    let case = report.case(name);
    let found = case.kind.strip_prefix("seatrial.").unwrap_or(&case.kind);
    assert_eq!((case.verdict.as_str(), found), (verdict, kind), "{case:?}");
    assert!(case.message.contains(words), "{case:?}");
}

#[track_caller]
fn passes(image: &str, checks: &str) {
    run(image, checks).0.expect(0);
}

const LABELLED: &str = r#"FROM debian:bookworm-slim
ENV PERL=5.36.0 WORD="a b" EMPTY=""
LABEL org.perl.version="5.36" odd.pattern="a(b" odd.number="many" literal="\${{ x }}"
RUN touch /etc/of-the-base
"#;

#[test]
fn what_the_image_says() {
    let image = Built::new("says", LABELLED);
    let (ended, report) = run(
        &image.0,
        r#"
  - {name: env, run: [printf, '%s', '${{ image.env.WORD }}|$WORD'], stdout: a b|$WORD}
  - {name: pin, version: {perl: '${{ image.label.org.perl.version }}'}}
  - {name: bad pin, version: {perl: '${{ image.env.WORD }}'}}
  - {name: empty pin, version: {perl: '${{ image.env.EMPTY }}'}}
  - {name: wrong pin, version: {perl: '>${{ image.env.PERL }}'}}
  - {name: pattern, run: echo a, stdout: {matches: '${{ image.label.odd.pattern }}'}}
  - {name: exit, run: 'true', exit: '${{ image.label.odd.number }}'}
  - {name: missing, run: 'echo ${{ image.env.NOTHING }}'}
  - name: literals
    run: [echo, "${{ 'it''s ${{ a }}' }}", '${{ image.label.literal }}', "${{ '${{ b }}' }} ${{ image.env.PERL }}"]
    stdout: "${{ 'it''s ${{ a }} ${{ x }} ${{ b }} 5.36.0' }}"
  - {name: key, run: 'echo $A5_36', env: {'A${{ image.env.EMPTY }}5_36': x}, stdout: x}
  - {name: file, file: '/etc/${{ image.env.EMPTY }}of-the-base', type: file}
  - {name: config, config: {env: {PERL: '${{ image.label.org.perl.version }}.0'}}}
"#,
    );
    ended.expect(1);
    for name in ["env", "pin", "literals", "key", "file", "config"] {
        is(&report, name, "passed", "", "");
    }
    is(
        &report,
        "wrong pin",
        "failure",
        "version",
        "perl has version 5.36.0",
    );
    for name in ["bad pin", "empty pin", "pattern", "exit", "missing"] {
        is(
            &report,
            name,
            "error",
            "spec",
            "this can't be read for this image",
        );
    }
    let stable = ended.stdout.replace(&image.0, "IMAGE");
    let start = stable.find("  ERROR bad pin").unwrap();
    let shown: Vec<&str> = stable[start..].lines().take(12).collect();
    insta::assert_snapshot!("late_value_that_does_not_parse", shown.join("\n"));
    is(&report, "missing", "error", "spec", "");
    ended.says(&[
        "the image has no `image.env.NOTHING`",
        "test-specs/a.yaml:11:32",
    ]);
}

#[test]
fn a_child_that_breaks_what_its_grandparent_promises() {
    let base = Built::new("base", LABELLED);
    let middle = Built::new("mid", &format!("FROM {}\nENV WORD=middle\n", base.0));
    let child = Built::new(
        "child",
        &format!("FROM {}\nRUN rm /etc/of-the-base\n", middle.0),
    );
    let project = Project::new(&[]);
    for (name, text) in [
        (
            "base",
            format!(
                "image: {}\nchecks:\n  - {{name: has its file, file: /etc/of-the-base}}\n  \
                     - {{name: has its word, run: 'echo $WORD', stdout: '${{{{ image.env.WORD }}}}'}}\n",
                base.0
            ),
        ),
        (
            "mid",
            format!(
                "image: {}\ninherit: {}\nchecks: [{{run: test -d /etc}}]\n",
                middle.0, base.0
            ),
        ),
        (
            "child",
            format!("image: {}\ninherit: {}\n", child.0, middle.0),
        ),
    ] {
        project.write(&format!("test-specs/{name}.yaml"), text.as_bytes());
    }
    let (ended, report) = run_in(
        &project,
        &["--spec", "test-specs/child.yaml", "--test-threads", "1"],
    );
    ended.expect(1);
    assert!(
        report.cases.iter().all(|case| case.suite == child.0),
        "{report:#?}"
    );
    assert_eq!(report.tests, 3);
    is(&report, "has its word", "passed", "", "");
    is(&report, "has its file", "failure", "file.exists", "");
    let stable = ended
        .stable()
        .replace(&child.0, "CHILD")
        .replace(&base.0, "BASE");
    let start = stable.find("\nCHILD\n").unwrap();
    insta::assert_snapshot!("grandparents_check_fails", &stable[start..]);
    let (_, report) = run_in(&project, &[&base.0]);
    assert_eq!((report.tests, report.count("passed")), (2, 2));
}

#[test]
fn commands_are_confined() {
    let began = Instant::now();
    let (ended, report) = run(
        DEBIAN,
        r#"
  - {name: quick, run: sleep 0.1, within: 10s}
  - {name: slow, run: sleep 1, within: 300ms}
  - {name: small, run: 'true', max_memory: 100MB}
  - {name: large, run: 'tail -c 200000000 /dev/zero | tail', max_memory: 50MB}
  - {name: out of memory, run: 'tail -c 200000000 /dev/zero | tail', memory: 50MB, exit: nonzero}
  - {name: out of memory after a setup, setup: 'true', run: 'tail -c 200000000 /dev/zero | tail', memory: 50MB, exit: nonzero}
  - {name: out of shared memory, isolation: shared, run: 'tail -c 200000000 /dev/zero | tail', memory: 50MB, exit: nonzero}
  - {name: killed as expected, isolation: shared, run: 'kill -9 $$', memory: 50MB, exit: 137}
  - {name: fork bomb, run: 'f() { f | f & }; f; sleep 1', pids: 30, exit: nonzero, timeout: 3s}
  - {name: beside the bomb, run: 'true'}
  - {name: few pids, run: 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait', pids: 4, exit: nonzero}
  - {name: cpus, run: 'cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null', exit: [0, 1], cpus: 0.5, stdout: {contains: '50000'}}
  - {name: tmpfs, run: 'df -k /scratch | tail -1 | tr -s " " | cut -d" " -f2; touch /scratch/x', tmpfs: {/scratch: 1MiB}, read_only: true, stdout: '1024'}
  - {name: read only, run: touch /x, read_only: true, exit: nonzero, stderr: {contains: Read-only}}
  - {name: dropped, run: chown 1 /etc/passwd, cap_drop: [CHOWN], exit: 1}
  - {name: dropped all, run: 'grep CapEff /proc/self/status', cap_drop: [all], stdout: {contains: '0000000000000000'}}
  - {name: added, run: 'mount -t tmpfs none /mnt', cap_add: [SYS_ADMIN], exit: [0, 32]}
  - {name: platform, run: 'true', platform: linux/amd64}
  - {name: other platform, run: 'true', platform: linux/s390x}
"#,
    );
    ended.expect(1);
    is(
        &report,
        "slow",
        "failure",
        "within",
        "which is more than 300ms",
    );
    is(
        &report,
        "large",
        "failure",
        "max_memory",
        "needed more than 50MB",
    );
    // Which of the two it says is for the engine to know.
    is(&report, "out of memory", "failure", "exit", "was killed");
    for name in ["out of memory after a setup", "out of shared memory"] {
        is(&report, name, "failure", "exit", "was killed (137)");
    }
    for name in [
        "killed as expected",
        "quick",
        "small",
        "beside the bomb",
        "few pids",
        "cpus",
        "tmpfs",
        "read only",
        "dropped",
        "dropped all",
        "added",
        "platform",
    ] {
        is(&report, name, "passed", "", "");
    }
    is(&report, "other platform", "error", "engine", "linux/s390x");
    assert_ne!(report.case("fork bomb").verdict, "error");
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn exits_and_times() {
    let (ended, report) = run(
        DEBIAN,
        r#"
  - {name: listed, run: exit 3, exit: [2, 3]}
  - {name: nonzero, run: [ls, /nowhere], exit: nonzero}
  - {name: zero, run: 'true', exit: nonzero}
  - {name: missing, run: [no-such-tool], exit: nonzero}
  - {name: missing in a shell, run: no-such-tool --x, exit: nonzero}
  - {name: missing in a shared shell, run: no-such-tool --x, exit: nonzero, isolation: shared}
  - {name: not executable, run: /etc/passwd, exit: nonzero}
  - {name: missing as expected, run: [no-such-tool], exit: [127]}
  - {name: hangs, run: sleep 60, timeout: 300ms}
  - {name: asked in vain, version: {tool: {run: [/bin/sh, -c, sleep 60]}}, timeout: 300ms}
  - {name: file in time, file: /etc/passwd, timeout: 30s}
  - {name: file too late, file: /etc/passwd, timeout: 0.001ms}
  - {name: missing but known, run: [no-such-tool], xfail: not built yet}
"#,
    );
    ended.expect(1);
    for name in ["listed", "nonzero", "missing as expected", "file in time"] {
        is(&report, name, "passed", "", "");
    }
    is(
        &report,
        "zero",
        "failure",
        "exit",
        "expected a nonzero exit code, got 0",
    );
    is(
        &report,
        "missing",
        "failure",
        "exit",
        "could not be run (127)",
    );
    is(
        &report,
        "missing in a shell",
        "failure",
        "exit",
        "got 127 (command not found)",
    );
    is(
        &report,
        "missing in a shared shell",
        "failure",
        "exit",
        "127",
    );
    is(&report, "not executable", "failure", "exit", "got 126");
    for name in ["hangs", "file too late"] {
        is(&report, name, "failure", "timeout", "");
    }
    is(
        &report,
        "asked in vain",
        "failure",
        "exit",
        "did not end within 300ms",
    );
    is(
        &report,
        "missing but known",
        "skipped",
        "skipped",
        "not built yet",
    );
}

#[test]
fn containers_are_prepared() {
    let (ended, report) = run(
        DEBIAN,
        r#"
  - {name: prepared, setup: 'echo ready > /tmp/x; cd /; exit 0', run: 'cat /tmp/x; pwd; cat', workdir: /tmp, stdin: {text: in}, stdout: "ready\n/tmp\nin"}
  - {name: listed, setup: [touch, /tmp/a b], run: [ls, /tmp], stdout: a b}
  - {name: setup fails, setup: 'echo why >&2; exit 3', run: 'true'}
  - {name: setup is missing, setup: [no-such-tool], run: 'true'}
  - {name: setup hangs, setup: sleep 60, run: 'true', timeout: 500ms}
  - {name: command fails, setup: 'true', run: exit 4}
  - {name: nobody, setup: id -un > /tmp/who, run: cat /tmp/who, user: nobody, stdout: nobody}
"#,
    );
    ended.expect(1);
    for name in ["prepared", "listed", "nobody"] {
        is(&report, name, "passed", "", "");
    }
    is(
        &report,
        "setup fails",
        "error",
        "setup",
        "expected exit code 0, got 3",
    );
    ended.says(&["why"]);
    is(&report, "setup is missing", "error", "setup", "127");
    is(
        &report,
        "setup hangs",
        "error",
        "setup",
        "did not end in time",
    );
    is(&report, "command fails", "failure", "exit", "got 4");
    let empty = Built::new("empty", "FROM scratch\nLABEL a=b\nCMD [\"x\"]\n");
    let (_, report) = run(
        &empty.0,
        "  - {name: setup, setup: [a], run: [b]}\n  - {name: shared, isolation: shared, run: [b]}\n",
    );
    is(&report, "setup", "error", "setup", "needs /bin/sh");
    is(&report, "shared", "error", "engine", "needs /bin/sh");
}

#[test]
fn shared_containers() {
    let project = Project::new(&[(
        "test-specs/a.yaml",
        r#"
image: debian:bookworm-slim
defaults: {isolation: shared}
checks:
  - {name: first, run: 'echo 1 > /tmp/n; hostname > /tmp/host; id -un; pwd', user: nobody, workdir: /tmp, env: {ONLY: mine}, stdout: "nobody\n/tmp"}
  - {name: same container, run: 'cat /tmp/n; test "$(hostname)" = "$(cat /tmp/host)"', stdout: '1'}
  - {name: nothing of the first, run: 'id -un; pwd; echo "[$ONLY]"', stdout: "root\n/\n[]"}
  - {name: other settings, run: 'test ! -e /tmp/n', cap_drop: [CHOWN]}
  - {name: own container, run: 'test ! -e /tmp/n', isolation: fresh}
  - {name: missing, run: [no-such-tool]}
  - {name: stdin, run: cat, stdin: {text: abc}, stdout: abc}
  - {name: flaky, run: 'test -e /tmp/y || { touch /tmp/y; exit 1; }', retries: 3}
  - {name: flaky xfail, run: 'test -e /tmp/z || { touch /tmp/z; exit 1; }', retries: 3, xfail: z}
"#,
    )]);
    let (ended, report) = run_in(&project, &["--test-threads", "1"]);
    ended.expect(1);
    is(
        &report,
        "missing",
        "failure",
        "exit",
        "could not be run (127)",
    );
    is(&report, "flaky xfail", "failure", "xfail", "passed, but");
    assert_eq!(report.count("passed"), 7, "{}", ended.stdout);
    ended.says(&["flaky  debian:bookworm-slim::flaky ", "passed on try 2"]);
    // Several that hang, and many beside them that do not.
    let began = Instant::now();
    let mut checks =
        String::from("image: debian:bookworm-slim\ndefaults: {isolation: shared}\nchecks:\n");
    checks +=
        "  - {each: {n: ['1', '2', '3']}, name: 'hangs ${{ n }}', run: sleep 100, timeout: 2s}\n";
    checks += "  - {each: {n: ['1', '2', '3', '4', '5', '6', '7', '8']}, name: 'ok ${{ n }}', run: 'sleep 0.4; echo ${{ n }}', stdout: '${{ n }}'}\n";
    project.write("test-specs/a.yaml", checks.as_bytes());
    let (_, report) = run_in(&project, &["--test-threads", "4"]);
    assert_eq!(
        (report.count("failure"), report.count("passed")),
        (3, 8),
        "{report:#?}"
    );
    assert!(
        began.elapsed() < Duration::from_secs(12),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn presets() {
    let (ended, report) = run(
        "samtools-cloud:latest",
        r#"
  - version: {samtools: 1.16.1, bcftools: ">=1.16, <2", bash: any, perl: "^6"}
  - name: tools
    version: [bgzip, no-such-tool, "true"]
  - help: [samtools, bcftools, no-such-tool]
  - imports: {python: [pysam, json, no_such_module], perl: [POSIX, No::Such]}
  - imports: {python: {pysam: ">=0.1", json: ">=99"}}
    name: pinned
"#,
    );
    ended.expect(1);
    let expected = [
        ("version of samtools", "passed", ""),
        ("version of bcftools", "passed", ""),
        ("version of bash", "passed", ""),
        ("version of perl", "failure", "which is not ^6"),
        ("tools: version of bgzip", "passed", ""),
        (
            "tools: version of no-such-tool",
            "failure",
            "could not be run (127)",
        ),
        ("help of samtools", "passed", ""),
        ("help of no-such-tool", "failure", "could not be run (127)"),
        ("python imports pysam", "passed", ""),
        ("python imports json", "passed", ""),
        ("python imports no_such_module", "failure", "got 1"),
        ("perl imports POSIX", "passed", ""),
        ("perl imports No::Such", "failure", "got 2"),
        ("pinned: python imports pysam", "passed", ""),
        ("pinned: python imports json", "failure", "version"),
    ];
    for (name, verdict, words) in expected {
        let case = report.case(name);
        assert_eq!(case.verdict, verdict, "{case:?}");
        assert!(case.message.contains(words), "{case:?}");
    }
    passes(
        "samtools-cloud:latest",
        "  - {name: cram, version: {samtools: 1.16.1}, isolation: shared, retries: 1}\n",
    );
}

/// The lines that reproduce a check do what the check did.
#[test]
fn lines_to_reproduce_reproduce() {
    let project = Project::new(&[
        (
            "test-specs/a.yaml",
            r#"
image: debian:bookworm-slim
checks:
  - {name: a, run: 'echo "$A  $PWD $(id -u) $(cat)"; exit 7', env: {A: "it's $HOME\ttwo"}, user: nobody, workdir: /var/tmp, stdin: {text: "in 'put'"}}
  - {name: b, run: [sh, -c, 'cat "/m t/x" /d; exit 8'], mounts: {a folder: /m t, file: /d}}
  - {name: c, setup: 'cd /tmp; X=1; cat; echo prepared > s; exit 0', run: 'cat /tmp/s -; echo "$X" $PWD; exit 9', stdin: {file: a folder/x}}
  - {name: d, run: 'grep CapEff /proc/self/status; touch /s/a /x; exit 10', tmpfs: {/s: 1MB}, read_only: true, cap_drop: [ALL], cap_add: [KILL], memory: 64MB, pids: 50, cpus: 1.5, platform: linux/amd64}
  - {name: e, run: [-c, 'echo $0; exit 11'], entrypoint: [/bin/bash]}
  - {name: f, setup: [sh, -c, 'echo "a  b" > /f'], run: cat /f; exit 12, isolation: fresh, network: bridge}
"#,
        ),
        ("a folder/x", "of x\n"),
        ("file", "of file\n"),
    ]);
    let (ended, _) = run_in(&project, &["--test-threads", "1"]);
    ended.expect(1);
    let mut blocks = ended
        .stdout
        .split("\n  FAIL ")
        .skip(1)
        .filter(|block| block.contains("reproduce by hand"));
    for code in 7..=12 {
        let block = blocks.next().unwrap();
        assert!(block.contains(&format!("got {code}")), "{block}");
        let line = block.split("reproduce by hand:\n").nth(1).unwrap();
        let line = line.split("\n\n").next().unwrap().trim();
        let output = Command::new("sh")
            .args(["-c", line])
            .current_dir(project.root())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code), "{line}\n{output:?}");
        let stdout = String::from_utf8(output.stdout).unwrap();
        let shown = block.split("stdout:").nth(1).unwrap();
        for text in stdout.lines() {
            assert!(
                shown.contains(&format!("| {text}")),
                "{text:?} is not in\n{block}"
            );
        }
    }
}
