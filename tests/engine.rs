//! `seatrial engine`, also on hosts that give less: made of this one with namespaces and without
//! capabilities.

mod support;

use std::process::Command;

use serde_json::Value;
use support::{Ended, Project};

const SEATRIAL: &str = env!("CARGO_BIN_EXE_seatrial");

/// The CLI behind `wrapper`, in a project of one check, with a store of its own and no daemon.
fn seatrial(project: &Project, wrapper: &[&str], args: &[&str]) -> Command {
    let mut words = wrapper.iter().chain([&SEATRIAL]).chain(args);
    let mut command = Command::new(words.next().unwrap());
    command
        .args(words)
        .current_dir(project.root())
        .env("HOME", project.path("home"))
        .env("SEATRIAL_STORE", project.path("home/store"))
        .env("DOCKER_HOST", "unix:///nowhere.sock")
        .env_remove("SEATRIAL_ENGINE");
    command
}

fn project() -> Project {
    let spec = "image: some-image\nchecks:\n  - {run: 'true'}\n";
    let project = Project::new(&[("test-specs/a.yaml", spec)]);
    std::fs::create_dir(project.path("home")).unwrap();
    open_to_all(project.root());
    open_to_all(&project.path("home"));
    project
}

fn open_to_all(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o777)).unwrap();
}

/// What the table says, by name.
struct Said(Value);

impl Said {
    fn of(project: &Project, wrapper: &[&str], code: i32) -> Self {
        let ended = Ended::of(&mut seatrial(project, wrapper, &["engine", "--json"]));
        ended.expect(code);
        Self(serde_json::from_str(&ended.stdout).unwrap())
    }

    fn row(&self, name: &str) -> &Value {
        let rows = self.0["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["name"] == name);
        row.unwrap_or_else(|| panic!("no {name} in {}", self.0))
    }

    #[track_caller]
    fn lacks(&self, name: &str, why: &str) {
        let row = self.row(name);
        assert_eq!(row["works"], false, "{row}");
        assert!(row["how"].as_str().unwrap().contains(why), "{row}");
        assert!(!row["instead"].as_str().unwrap().is_empty(), "{row}");
    }

    #[track_caller]
    fn works(&self, name: &str) {
        assert_eq!(self.row(name)["works"], true, "{}", self.row(name));
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether namespaces can be made with `unshare` as these tests do it.
fn can(wrapper: &[&str]) -> bool {
    let mut command = Command::new(wrapper[0]);
    let done = command.args(&wrapper[1..]).arg("true").output();
    done.is_ok_and(|done| done.status.success())
}

#[test]
fn the_table_tells_what_works_and_what_is_done_about_the_rest() {
    let project = project();
    let ended = Ended::of(&mut seatrial(&project, &[], &["engine"]));
    let words = |line: &str| {
        line.split_whitespace()
            .take(2)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let lines: Vec<String> = ended.stdout.lines().map(words).collect();
    for name in ["containers", "store", "what checks", "seccomp"] {
        let name = name.split(' ').next().unwrap();
        assert!(lines.contains(&format!("yes {name}")), "{}", ended.stdout);
    }
    assert!(ended.stdout.contains("\nno   daemon "), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("\nchecks run on embedded\n"));
    ended.expect(0);
}

#[test]
fn where_there_are_no_user_namespaces_a_user_is_told_so_and_what_to_do() {
    if !can(&["unshare", "-Ur"]) {
        return;
    }
    let project = project();
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"";
    let wrapper = ["unshare", "-Ur", "sh", "-c", script, "sh"];
    let said = Said::of(&project, &wrapper, 3);
    said.lacks("user namespaces", "user.max_user_namespaces is 0");
    said.lacks("containers", "sudo sysctl user.max_user_namespaces=");
    assert_eq!(said.0["engines"], serde_json::json!([]));

    let ended = Ended::of(&mut seatrial(&project, &wrapper, &["test"]));
    ended.expect(3);
    for text in [
        "no container can be started",
        "sudo sysctl user.max_user_namespaces=",
        "`seatrial engine` tells",
    ] {
        assert!(ended.stdout.contains(text), "{}", ended.stdout);
    }
}

#[test]
fn root_without_its_capability_is_told_so() {
    let wrapper = [
        "setpriv",
        "--bounding-set=-sys_admin",
        "--inh-caps=-sys_admin",
    ];
    if !is_root() || !can(&wrapper) {
        return;
    }
    let said = Said::of(&project(), &wrapper, 3);
    said.lacks("containers", "CAP_SYS_ADMIN");
}

#[test]
fn a_user_who_has_no_others_gets_root_alone_and_no_limits() {
    let wrapper = [
        "setpriv",
        "--reuid=64111",
        "--regid=64111",
        "--clear-groups",
    ];
    if !is_root() || !can(&wrapper) {
        return;
    }
    let said = Said::of(&project(), &wrapper, 0);
    said.works("containers");
    said.works("network: none");
    said.lacks("users of images", "newuidmap (package uidmap)");
    said.lacks("network: host", "/sys");
    said.lacks("memory", "");
    assert_eq!(said.0["engines"], serde_json::json!(["embedded"]));
}

#[test]
fn root_of_a_user_namespace_passes_on_the_users_that_it_has() {
    let map = [
        "unshare",
        "-U",
        "--map-users=0,0,65536",
        "--map-groups=0,0,65536",
        "--setuid=0",
        "--setgid=0",
    ];
    if !is_root() || !can(&map) {
        return;
    }
    let said = Said::of(&project(), &map, 0);
    said.works("containers");
    said.works("users of images");
}

#[test]
fn a_size_of_the_store_that_is_none_is_told() {
    let project = project();
    let mut command = seatrial(&project, &[], &["test", "--engine", "embedded"]);
    let ended = Ended::of(command.env("SEATRIAL_STORE_SIZE", "much"));
    ended.expect(3);
    let expected = "SEATRIAL_STORE_SIZE must be a size such as 50GiB, it is `much`";
    assert!(ended.stdout.contains(expected), "{}", ended.stdout);
}
