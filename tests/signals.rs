//! Signals at every stage of a run, on a real engine.

mod support;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::proxy::Proxy;
use support::{Ended, Project, alone, containers_of};

const HUP: i32 = 1;
const INT: i32 = 2;
const TERM: i32 = 15;

/// Longer than anything takes on a machine that is busy.
const LONG: Duration = Duration::from_secs(60);

fn send(child: &Child, signal: i32) {
    let status = Command::new("kill")
        .args([&format!("-{signal}"), &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

fn start(project: &Project, proxy: &Proxy, args: &[&str]) -> Child {
    let mut command = project.command(&["--junit", "junit.xml", "--test-threads", "1"]);
    command.args(args).env("DOCKER_HOST", proxy.host());
    command.env("TMPDIR", project.path("tmp"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn project(checks: &str) -> Project {
    let spec = format!("image: debian:bookworm-slim\nchecks:\n{checks}");
    let project = Project::new(&[("test-specs/a.yaml", &spec)]);
    std::fs::create_dir(project.path("tmp")).unwrap();
    project
}

/// Tells that it runs, in words that stand in no request.
const FRESH: &str = "  - {name: a, run: echo it_$((40 + 2)); sleep 600, timeout: 700s}\n";
const RUNS: &str = "it_42";
const QUICK: &str = "  - {name: a, run: 'true'}\n";
const SHARED: &str =
    "  - {name: a, run: echo it_$((40 + 2)); sleep 600, isolation: shared, timeout: 700s}\n";
const SETUP: &str =
    "  - {name: a, setup: echo it_$((40 + 2)); sleep 600, run: 'true', timeout: 700s}\n";
const FILE: &str = "  - {name: a, file: /etc/passwd, content: {contains: root}}\n";
const WALK: &str = "  - {name: a, file: '/usr/share/**', count: {min: 1}}\n";
const SERVICE: &str = "  - name: a
    timeout: 700s
    network: none
    service:
      command: [/bin/sh, -c, 'echo it_$((40 + 2)); sleep 600']
      ready: {log: never, within: 600s}
";
const LATER: &str = "  - {name: never run, run: 'true'}\n";

/// Sends a signal when the request comes; whatever comes of the first check, the other one never
/// ran, all of it is in the report, and nothing stays.
fn interrupted_at(request: &str, signal: i32, checks: &str) {
    let what = format!("{request} {signal}");
    let project = project(&format!("{checks}{LATER}"));
    let proxy = Proxy::holding(&[request]);
    let mut child = start(&project, &proxy, &[]);
    let go = proxy.seen(&mut child);
    send(&child, signal);
    go.send(()).unwrap();
    let ended = Ended::wait(child);
    ended.expect(128 + signal);
    assert_eq!(containers_of(ended.pid), "", "{what}");
    let report = project.junit();
    assert_eq!(report.agrees().tests, 2, "{what}");
    let (first, later) = (report.case("a"), report.case("never run"));
    assert_eq!(later.kind, "seatrial.interrupted", "{what}: {later:?}");
    // Only a check that was over but for its clean-up has a verdict.
    let is_over = first.verdict == "passed" && checks == QUICK;
    assert!(
        is_over || first.kind == "seatrial.interrupted",
        "{what}: {first:?}"
    );
    let folders = project.path("tmp").read_dir().unwrap().count();
    assert_eq!(folders, 0, "{what}: a temporary folder is left");
}

#[test]
fn the_first_signal_ends_a_run_in_order_whatever_it_does() {
    let _alone = alone();
    let table = [
        (r"GET \S*/version", INT, FRESH),
        (r"GET \S*/containers/json", TERM, FRESH),
        (r"GET \S*/images/", HUP, FRESH),
        // Of the check's own container, and of the one that proves that the engine sees our files.
        (r"POST \S*/containers/create\?\S*-0", INT, FRESH),
        (r"POST \S*/containers/create\?\S*-1", TERM, FRESH),
        (r"DELETE \S*/containers/\S*-1", HUP, FRESH),
        (r"POST \S*/attach", TERM, FRESH),
        (r"POST \S*/start", HUP, FRESH),
        (RUNS, INT, FRESH),
        (RUNS, TERM, FRESH),
        (RUNS, HUP, FRESH),
        (RUNS, INT, SHARED),
        (RUNS, TERM, SETUP),
        (r"GET \S*/containers/\S+-0/json", HUP, QUICK),
        (r"DELETE \S*/containers/\S*-0", INT, QUICK),
        (r"POST \S*/containers/create", HUP, SHARED),
        (r"POST \S*/containers/\S*/exec", INT, SHARED),
        (r"POST \S*/exec/\S*/start", TERM, SHARED),
        (r"POST \S*/containers/create", HUP, FILE),
        (r"(GET|HEAD) \S*/archive", INT, FILE),
        (r"GET \S*/archive", TERM, WALK),
        (r"POST \S*/containers/create", INT, SERVICE),
        (r"POST \S*/start", TERM, SERVICE),
        (RUNS, HUP, SERVICE),
    ];
    std::thread::scope(|scope| {
        for part in table.chunks(table.len().div_ceil(4)) {
            scope.spawn(move || {
                for (request, signal, checks) in part {
                    interrupted_at(request, *signal, checks);
                }
            });
        }
    });
}

#[test]
fn a_signal_ends_a_build_and_the_run_that_needs_it() {
    let _alone = alone();
    let project = Project::new(&[
        ("Dockerfile", "FROM debian:bookworm-slim\nRUN false\n"),
        (
            "seatrial.yaml",
            "images:\n  never-built: {dockerfile: Dockerfile}\n",
        ),
        (
            "test-specs/a.yaml",
            "image: never-built\nchecks:\n  - run: 'true'\n",
        ),
    ]);
    std::fs::create_dir(project.path("tmp")).unwrap();
    let proxy = Proxy::holding(&[r"POST \S*/build"]);
    let mut child = start(&project, &proxy, &["--build"]);
    let go = proxy.seen(&mut child);
    send(&child, TERM);
    go.send(()).unwrap();
    let ended = Ended::wait(child);
    ended.expect(143);
    assert_eq!(project.junit().agrees().errors, 1);
    assert_eq!(containers_of(ended.pid), "");
}

#[test]
fn the_second_signal_ends_it_at_once_and_what_stays_is_cleaned_up_later() {
    let _alone = alone();
    let project = project(FRESH);
    let proxy = Proxy::holding(&[RUNS, r"DELETE \S*/containers/"]);
    let mut child = start(&project, &proxy, &[]);
    let go = proxy.seen(&mut child);
    send(&child, INT);
    go.send(()).unwrap();
    // It cleans up, so the first signal was heard, and hangs at it.
    let hangs = proxy.seen(&mut child);
    send(&child, TERM);
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < LONG, "it waits for the clean-up");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(hangs);
    let ended = Ended::wait(child);
    ended.expect(143);
    assert_eq!(project.junit().agrees().errors, 1, "the placeholder");
    assert_ne!(containers_of(ended.pid), "", "nothing was left to clean up");

    let mut clean = project.seatrial(&["clean"]);
    let cleaned = Ended::of(clean.env("TMPDIR", project.path("tmp")));
    let gone = format!("its process {} is gone", ended.pid);
    cleaned
        .expect(0)
        .says(&["removed the container", "removed the folder", &gone]);
    assert_eq!(containers_of(ended.pid), "");
    assert_eq!(project.path("tmp").read_dir().unwrap().count(), 0);
}
