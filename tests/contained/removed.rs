//! Images that are removed from the engine of this machine while they are tested where they are.

use rustix::process::{Pid, Signal, kill_process};

use crate::stage::{command, is_root, processes, project, script, wait_until};
use crate::support::images::Made;
use crate::support::{Ended, Project, containers_of, docker};

const DOCKERFILE: &str = "FROM debian:bookworm-slim\nRUN mkdir /layer && echo x >/layer/file\n";

/// Lets the first check of a run wait, does something, and lets the run go on to its end.
fn meanwhile(project: &Project, number: u32, act: impl FnOnce(u32)) -> Ended {
    let args = ["--test-threads", "1", "--fresh"];
    let child = command(project, &args).spawn().unwrap();
    let line = format!("sleep\0{number}\0");
    let sleepers = || processes("cmdline", |text| text == line);
    wait_until("the check runs", || sleepers().len() == 1);
    act(child.id());
    for pid in sleepers() {
        let pid = Pid::from_raw(pid.cast_signed()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
    }
    Ended::wait(child)
}

fn waits(number: u32, keys: &str) -> String {
    // What waits for it ends well.
    let keys = format!("timeout: 60s\n{keys}");
    script("waits", &format!("sleep {number} &\nwait"), &keys)
}

/// Most of these checks are true of what is left then, too.
#[test]
fn an_image_that_is_removed_meanwhile_passes_no_check() {
    if !is_root() {
        return;
    }
    for (number, keys) in [(98_101, ""), (98_102, "isolation: shared")] {
        let image = Made::build(&format!("removed-{number}"), DOCKERFILE);
        let mut checks = waits(number, keys);
        checks += &script("no file", "test ! -e /layer/file", "");
        checks += "  - {name: nothing there, file: /layer/file, exists: false}\n";
        checks += "  - {name: nothing below, file: '/layer/*', exists: false}\n";
        checks += "  - {name: settings, config: {os: linux}}\n";
        let project = project(&image.0, &checks);
        let ended = meanwhile(&project, number, |run| {
            assert_eq!(containers_of(run), "", "nothing is made for it");
            docker(&["rmi", "--force", &image.0]);
        });
        let said = "is not on the engine any more: it was removed during the run";
        ended.expect(3).says(&[said]);
        assert_eq!(project.junit().agrees().count("error"), 5, "{keys}");
    }
}

#[test]
fn an_image_that_loses_one_of_its_names_is_tested_to_the_end() {
    if !is_root() {
        return;
    }
    let number = 98_103;
    let image = Made::build("named-twice", DOCKERFILE);
    let other = image.0.replace(":1", ":2");
    docker(&["tag", &image.0, &other]);
    let checks = waits(number, "") + "  - {name: there, file: /layer/file}\n";
    let project = project(&other, &checks);
    let ended = meanwhile(&project, number, |_| drop(docker(&["rmi", &other])));
    ended.expect(0);
}
