//! How runs on the embedded engine end, in order or not: nothing of them goes on, and nothing is left.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::archives::harmless;
use crate::stage::{
    LONG, command, debian, groups, helpers, is_root, processes, project, script, store, temporary,
    temporary_of, test, wait_until,
};
use crate::support::{Ended, Project, alone};

/// Checks that go on until somebody ends them, as processes that can be told by their arguments.
fn sleeping(number: u32) -> String {
    let sleep = format!("sleep {number}");
    let mut checks = script(
        "a limited one",
        &sleep,
        "memory: 64MiB\npids: 20\ntimeout: 700s",
    );
    checks += &script("a plain one", &sleep, "timeout: 700s");
    checks += &script("a shared one", &sleep, "timeout: 700s\nisolation: shared");
    checks += &script("later", "true", "");
    checks
}

fn sleepers(number: u32) -> Vec<u32> {
    let line = format!("sleep\0{number}\0");
    processes("cmdline", |text| text == line)
}

/// All processes of the helper of a run, whoever their parent is now.
fn left_of(run: u32) -> Vec<u32> {
    let name = format!("seatrial-{run}-");
    processes("cmdline", |text| {
        text.starts_with("seatrial-helper") && text.contains(&name)
    })
}

fn send(signal: &str, pid: u32) {
    let pid = pid.to_string();
    let status = Command::new("kill").args([signal, &pid]).status().unwrap();
    assert!(status.success());
}

/// A run whose three sleeping checks run.
fn started(project: &Project, number: u32) -> Child {
    let child = command(project, &["--test-threads", "3"]).spawn().unwrap();
    wait_until("the checks run", || sleepers(number).len() == 3);
    child
}

#[track_caller]
fn nothing_is_left(run: u32, number: u32) {
    wait_until("its helper is gone", || left_of(run).is_empty());
    assert!(sleepers(number).is_empty());
    assert_eq!(groups(run), Vec::<PathBuf>::new());
}

#[test]
fn a_signal_ends_a_run_at_once() {
    if !is_root() {
        return;
    }
    for (signal, code, number) in [
        ("-INT", 130, 98_001),
        ("-TERM", 143, 98_002),
        ("-HUP", 129, 98_003),
    ] {
        let project = debian(&sleeping(number));
        let child = started(&project, number);
        assert_eq!(groups(child.id()).len(), 3, "memory, pids, devices");
        let begun = Instant::now();
        send(signal, child.id());
        let ended = Ended::wait(child);
        ended.expect(code);
        assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
        nothing_is_left(ended.pid, number);
        let report = project.junit();
        assert_eq!(report.agrees().count("error"), 4);
    }
}

/// Its helper may be a copy of it.
#[test]
fn the_environment_of_a_run_stays_with_it() {
    if !is_root() {
        return;
    }
    for (fresh, number) in [("1", 98_005), ("0", 98_006)] {
        let project = debian(&script(
            "sleeps",
            &format!("sleep {number}"),
            "timeout: 700s",
        ));
        let mut command = command(&project, &[]);
        command
            .env("A_SECRET", "told-to-nobody")
            .env("SEATRIAL_FRESH", fresh);
        let child = command.spawn().unwrap();
        wait_until("the check runs", || sleepers(number).len() == 1);
        let told = |text: &str| text.contains("told-to-nobody");
        assert_eq!(processes("environ", told), [child.id()]);
        assert_eq!(left_of(child.id()).len(), 2, "both have a title");
        for helper in left_of(child.id()) {
            let name = std::fs::read_to_string(format!("/proc/{helper}/comm")).unwrap();
            assert_eq!(
                name,
                if fresh == "1" {
                    "seatrial-helper\n"
                } else {
                    "exe\n"
                }
            );
        }
        send("-TERM", child.id());
        Ended::wait(child).expect(143);
    }
}

#[test]
fn who_is_stopped_is_not_waited_for_when_the_run_is() {
    if !is_root() {
        return;
    }
    let number = 98_011;
    let project = debian(&sleeping(number));
    let child = started(&project, number);
    for helper in helpers(child.id()) {
        send("-STOP", helper);
    }
    let begun = Instant::now();
    send("-INT", child.id());
    let ended = Ended::wait(child);
    ended.expect(130);
    assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
    nothing_is_left(ended.pid, number);
}

#[test]
fn a_helper_that_does_not_answer_ends_the_run() {
    if !is_root() {
        return;
    }
    let number = 98_021;
    let mut checks = script("runs", &format!("sleep {number}"), "timeout: 3s");
    for later in 0..20 {
        checks += &script(&format!("later {later}"), "true", "");
    }
    let project = debian(&checks);
    let child = command(&project, &["--test-threads", "1"]).spawn().unwrap();
    wait_until("the check runs", || sleepers(number).len() == 1);
    let helper = helpers(child.id());
    assert_eq!(helper.len(), 2);
    send("-STOP", helper[1]);
    let begun = Instant::now();
    let ended = Ended::wait(child);
    ended
        .expect(3)
        .says(&["its helper process does not answer"]);
    assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
    nothing_is_left(ended.pid, number);
    assert_eq!(project.junit().agrees().count("error"), 21);
}

/// No check passes, or fails, for a helper that was killed, be it the outer or the inner process.
#[test]
fn checks_of_a_helper_that_was_killed_are_errors() {
    if !is_root() {
        return;
    }
    for (which, number) in [(0, 98_031), (1, 98_032)] {
        let project = debian(&sleeping(number));
        let child = started(&project, number);
        send("-KILL", helpers(child.id())[which]);
        let ended = Ended::wait(child);
        ended.expect(3).says(&["its helper process has ended"]);
        nothing_is_left(ended.pid, number);
        assert_eq!(project.junit().agrees().count("error"), 4, "{which}");
    }
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
fn runs_that_are_killed_leave_nothing_that_stays() {
    if !is_root() {
        return;
    }
    let _alone = alone();
    let number_of_sleep = 98_041;
    let mut checks = sleeping(number_of_sleep).replace("700s", "1s");
    for number in 0..300 {
        let keys = if number % 2 == 0 { "memory: 64MiB" } else { "" };
        checks += &script(&format!("c{number}"), "true", keys);
    }
    let project = debian(&checks);
    let own = Project::new(&[]);
    let mut seed = number("SEATRIAL_SEED", 7);
    let mut pids = Vec::new();
    for round in 0..number("SEATRIAL_KILLS", 6) {
        let mut command = command(&project, &[]);
        if round % 3 == 0 {
            // Killed while it unpacks.
            command.env("SEATRIAL_STORE", own.path("store"));
            let _ = std::fs::remove_dir_all(own.path("store"));
        }
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(next(&mut seed) % 1500));
        child.kill().unwrap();
        child.wait().unwrap();
        let pid = child.id();
        wait_until("its helper is gone", || left_of(pid).is_empty());
        assert!(sleepers(number_of_sleep).is_empty());
        pids.push(pid);
    }
    let mut clean = project.seatrial(&["clean"]);
    Ended::of(clean.env("SEATRIAL_STORE", own.path("store"))).expect(0);
    let killed = pids.clone();
    for pid in pids {
        assert_eq!(groups(pid), Vec::<PathBuf>::new());
    }
    assert_eq!(temporary(&own.path("store")), Vec::<PathBuf>::new());
    test(&debian(&script("after", "true", "")), &[]).expect(0);
    for pid in killed {
        assert_eq!(temporary_of(pid, &store()), Vec::<PathBuf>::new());
    }
}

#[test]
fn what_the_dead_left_is_removed_and_nothing_else() {
    if !is_root() {
        return;
    }
    let _alone = alone();
    let mark = |pid: u32, start: &str| {
        let mark = seatrial::mark::Mark {
            pid,
            start: start.to_owned(),
            ..seatrial::mark::Mark::ours()
        };
        mark.to_string()
    };
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let dead = mark(child.id(), "1");
    let ours = seatrial::mark::Mark::ours().to_string();
    let own_store = Project::new(&[]);
    Ended::of(
        command(&debian(&script("one", "true", "")), &[])
            .env("SEATRIAL_STORE", own_store.path("store")),
    )
    .expect(0);
    let one = test(&debian(&script("one", "cat /proc/self/cgroup", "")), &[]);
    one.expect(0);
    let tops = ["pids", "memory", "devices", "unified", "."];
    let own = Path::new("/sys/fs/cgroup");
    let own: Vec<PathBuf> = tops.iter().map(|top| own.join(top)).collect();
    let mine = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    let place = |top: &PathBuf| {
        let name = top.file_name().unwrap().to_string_lossy().into_owned();
        let line = mine.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            let is_it = controllers.split(',').any(|it| it == name)
                || controllers.is_empty()
                    && !["pids", "memory", "devices"].contains(&name.as_str());
            is_it.then(|| path.trim_start_matches('/').to_owned())
        })?;
        let folder = top.join(line);
        folder.join("cgroup.procs").is_file().then_some(folder)
    };
    let places: Vec<PathBuf> = own.iter().filter_map(place).collect();
    assert!(!places.is_empty());
    let names = [
        (format!("seatrial-{dead}"), true),
        (format!("seatrial-{dead}-0123456789ab"), true),
        (format!("seatrial-{ours}"), false),
        (format!("seatrial-{ours}-0123456789ab"), false),
        ("seatrial-test-stranger".to_owned(), false),
    ];
    let all = || {
        places
            .iter()
            .flat_map(|place| names.iter().map(|(name, goes)| (place.join(name), *goes)))
    };
    for clean in [true, false] {
        for (folder, _) in all() {
            let _ = std::fs::create_dir(folder);
        }
        let left = own_store
            .path("store/temporary")
            .join(format!("{dead}.abcdef"));
        std::fs::create_dir_all(&left).unwrap();
        let project = debian(&script("one", "true", ""));
        if clean {
            let mut dry = project.seatrial(&["clean", "--dry-run"]);
            let ended = Ended::of(dry.env("SEATRIAL_STORE", own_store.path("store")));
            ended.expect(0).says(&["would remove the folder"]);
            // Any run removes control groups, so others may have.
            assert!(left.is_dir());
            let mut clean = project.seatrial(&["clean"]);
            Ended::of(clean.env("SEATRIAL_STORE", own_store.path("store"))).expect(0);
        } else {
            let mut run = command(&project, &[]);
            Ended::of(run.env("SEATRIAL_STORE", own_store.path("store"))).expect(0);
        }
        let wrong: Vec<_> = all()
            .filter(|(folder, goes)| folder.is_dir() == *goes)
            .collect();
        assert!(!left.exists());
        for (folder, _) in all().filter(|_| !clean || !wrong.is_empty()) {
            let _ = std::fs::remove_dir(folder);
        }
        assert_eq!(wrong, []);
    }
}

/// The command in a mount namespace of its own, in which something was done to its store.
fn with_store(project: &Project, preparation: &str) -> Command {
    let inner = command(project, &[]);
    let mut outer = Command::new("unshare");
    outer.args(["--mount", "--propagation", "private", "sh", "-c"]);
    outer.args([&format!("{preparation}; exec \"$@\""), "sh"]);
    outer.arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)))
    {
        outer.env(name, value);
    }
    std::fs::create_dir_all(project.path("store")).unwrap();
    outer.env("SEATRIAL_STORE", project.path("store"));
    outer.current_dir(project.root());
    outer
}

#[test]
fn a_store_that_can_not_be_written_is_said() {
    if !is_root() {
        return;
    }
    for (preparation, said) in [
        (
            "mount -t tmpfs -o size=8m none \"$SEATRIAL_STORE\"",
            "space",
        ),
        (
            "mount -t tmpfs -o size=100k,nr_inodes=8 none \"$SEATRIAL_STORE\"",
            "space",
        ),
        (
            "mount -t tmpfs -o ro none \"$SEATRIAL_STORE\"",
            "Read-only file system",
        ),
    ] {
        let project = project("oci:image", &script("a", "true", ""));
        harmless(&project);
        let ended = Ended::of(&mut with_store(&project, preparation));
        ended.expect(3).says(&[said]);
        assert_eq!(project.junit().agrees().count("error"), 1, "{preparation}");
        nothing_is_left(ended.pid, 98_051);
    }
}

#[test]
fn a_store_that_is_removed_makes_errors() {
    if !is_root() {
        return;
    }
    let number = 98_061;
    let mut checks = script("runs", &format!("sleep {number}"), "timeout: 4s");
    for later in 0..3 {
        checks += &script(
            &format!("later {later}"),
            "cat /etc/debian_version; ls /usr/bin | wc -l",
            "stdout: {lines: {min: 2}}",
        );
    }
    let project = project("oci:image", &checks);
    harmless(&project);
    let mut run = command(&project, &["--test-threads", "1"]);
    let child = run
        .env("SEATRIAL_STORE", project.path("store"))
        .spawn()
        .unwrap();
    wait_until("the check runs", || sleepers(number).len() == 1);
    std::fs::remove_dir_all(project.path("store/layers")).unwrap();
    let ended = Ended::wait(child);
    assert!(matches!(ended.code, Some(1 | 3)), "{ended:?}");
    let report = project.junit();
    assert_eq!(report.agrees().count("passed"), 0, "{report:?}");
    nothing_is_left(ended.pid, number);
}

#[test]
fn two_runs_share_a_new_store() {
    if !is_root() {
        return;
    }
    let project = project(
        "oci:image",
        &script("a", "cat /etc/debian_version", "stdout: {contains: \"12\"}"),
    );
    harmless(&project);
    let children = [0, 1, 2].map(|_| {
        let mut run = command(&project, &[]);
        run.env("SEATRIAL_STORE", project.path("store"));
        run.spawn().unwrap()
    });
    for ended in children.map(Ended::wait) {
        ended.expect(0);
    }
    assert_eq!(temporary(&project.path("store")), Vec::<PathBuf>::new());
}

#[test]
fn a_signal_while_layers_are_unpacked_leaves_none_of_them() {
    if !is_root() {
        return;
    }
    let project = project("oci:image", &script("a", "true", ""));
    harmless(&project);
    let mut begun = 0;
    for moment in [20, 60, 120, 250, 400] {
        let store = project.path(&format!("store{moment}"));
        let mut run = command(&project, &[]);
        let child = run.env("SEATRIAL_STORE", &store).spawn().unwrap();
        wait_until("it begins", || {
            let mut locks = store.join("locks").read_dir().into_iter().flatten();
            !temporary(&store).is_empty() || locks.next().is_some()
        });
        std::thread::sleep(Duration::from_millis(moment));
        begun += u32::from(!temporary(&store).is_empty());
        let since = Instant::now();
        send("-INT", child.id());
        let ended = Ended::wait(child);
        assert!(matches!(ended.code, Some(0 | 130)), "{ended:?}");
        assert!(since.elapsed() < LONG, "{:?}", since.elapsed());
        nothing_is_left(ended.pid, 98_081);
        assert_eq!(
            temporary(&store),
            Vec::<PathBuf>::new(),
            "after {moment} ms"
        );
    }
    assert!(begun > 0, "it was never in the midst of it");
}
