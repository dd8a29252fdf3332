//! A container's root makes the device of a disk of the host and reads it.

use std::path::PathBuf;
use std::process::Command;

use crate::stage::{command, debian, is_root, script};
use crate::support::{Ended, Project};

/// A disk of the host, for a moment.
struct Disk {
    device: String,
    _folder: Project,
}

impl Disk {
    fn new() -> Option<Self> {
        let folder = Project::new(&[]);
        folder.write("disk", &b"canary of the host".repeat(4096));
        let mut losetup = Command::new("losetup");
        losetup.args(["--find", "--show"]).arg(folder.path("disk"));
        let output = losetup.output().unwrap();
        let device = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        output.status.success().then_some(Self {
            device,
            _folder: folder,
        })
    }

    fn numbers(&self) -> String {
        let mut stat = Command::new("stat");
        let output = stat.args(["--format", "%Hr %Lr", &self.device]).output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        text.trim().to_owned()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let mut losetup = Command::new("losetup");
        let _ = losetup.args(["--detach", &self.device]).output();
    }
}

/// How control groups are arranged, as the run sees them.
const HOSTS: [(&str, &str); 3] = [
    ("as they are", r#"exec "$@""#),
    (
        "version 2 alone",
        r#"two=/sys/fs/cgroup
        test -e $two/cgroup.controllers || two=$two/unified
        test -e $two/cgroup.controllers || two=
        test -z "$two" || mount --bind $two "$PLACE"
        mount -t tmpfs none /sys/fs/cgroup
        test -z "$two" || { mkdir /sys/fs/cgroup/unified; mount --move "$PLACE" /sys/fs/cgroup/unified; }
        exec "$@""#,
    ),
    ("none", r#"mount -t tmpfs none /sys/fs/cgroup; exec "$@""#),
];

/// The command, where control groups are arranged so.
fn on(host: &str, project: &Project, args: &[&str]) -> Ended {
    let inner = command(project, args);
    let mut outer = Command::new("unshare");
    outer.args([
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        host,
        "sh",
    ]);
    outer.arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    std::fs::create_dir_all(project.path("place")).unwrap();
    outer.env("PLACE", project.path("place"));
    outer.current_dir(project.root());
    Ended::of(&mut outer)
}

#[test]
fn no_disk_of_the_host_is_read_or_written() {
    if !is_root() {
        return;
    }
    let Some(disk) = Disk::new() else {
        return;
    };
    let numbers = disk.numbers();
    let attack = format!(
        "for folder in / /dev /dev/shm /tmp/memory /volume /tmp; do
        mkdir -p $folder; mknod $folder/disk b {numbers} || exit 90
        head -c 18 $folder/disk 2>/dev/null && exit 91
        echo overwritten 2>/dev/null >$folder/disk && exit 92
        done
        mknod /kmsg c 1 11; (: </kmsg) 2>/dev/null && exit 93
        head -c 4 /dev/zero | wc -c; echo nothing >/dev/null; head -c 1 /dev/urandom | wc -c"
    );
    let mut checks = script(
        "disk",
        &attack,
        "stdout: \"4\\n1\"\ntmpfs: {/tmp/memory: 1MiB}",
    );
    checks += &script(
        "in a shared one",
        &attack,
        "stdout: \"4\\n1\"\nisolation: shared\ntmpfs: {/tmp/memory: 1MiB}",
    );
    let project = debian(&checks);
    for (host, preparation) in HOSTS {
        let ended = on(preparation, &project, &[]);
        assert_eq!(
            ended.code,
            Some(0),
            "{host}: {}{}",
            ended.stdout,
            ended.stderr
        );
        let image = std::fs::read(PathBuf::from(&disk.device)).unwrap();
        assert!(image.starts_with(b"canary of the host"), "{host}: written");
    }
}

#[test]
fn who_can_mount_can_still_not_open_a_disk() {
    if !is_root() {
        return;
    }
    let Some(disk) = Disk::new() else {
        return;
    };
    let attack = format!(
        "mkdir /m && mount -t tmpfs none /m && mknod /m/disk b {} || exit 90
        head -c 18 /m/disk && exit 91
        true",
        disk.numbers()
    );
    let project = debian(&script("disk", &attack, "cap_add: [SYS_ADMIN]"));
    for (host, preparation) in HOSTS {
        let ended = on(preparation, &project, &[]);
        match host {
            "none" => ended.expect(3).says(&["SYS_ADMIN can't be had here"]),
            _ => ended.expect(0),
        };
    }
}

#[test]
fn a_limited_container_has_no_more_devices() {
    if !is_root() {
        return;
    }
    let Some(disk) = Disk::new() else {
        return;
    };
    let attack = format!(
        "mknod /disk b {}; head -c 18 /disk && exit 91; true",
        disk.numbers()
    );
    let project = debian(&script("disk", &attack, "memory: 64MiB\npids: 20"));
    on(HOSTS[0].1, &project, &[]).expect(0);
}
