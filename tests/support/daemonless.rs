//! The CLI where no engine answers, since its sockets are hidden: that needs root.

use std::process::{Command, Stdio};

use super::Project;

/// Hides the sockets of engines, in a mount namespace of its own.
pub const HIDE: &str = "for s in /run/docker.sock /run/podman/podman.sock; do \
                    [ ! -e $s ] || mount --bind /dev/null $s || exit 99; done; exec \"$@\"";

/// A project with a store of its own. `None` where the engine can't be hidden.
pub fn project(files: &[(&str, &str)]) -> Option<Project> {
    rustix::process::geteuid().is_root().then(|| {
        let project = Project::new(files);
        std::fs::create_dir(project.path("home")).unwrap();
        project
    })
}

/// The CLI in the folder of `project`.
pub fn seatrial(project: &Project, args: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", HIDE, "sh"])
        .arg(assert_cmd::cargo::cargo_bin!("seatrial"))
        .args(args)
        .current_dir(project.root())
        .env("SEATRIAL_STORE", project.path("home/store"))
        .env("NO_COLOR", "1")
        .env_remove("DOCKER_HOST")
        .env_remove("DOCKER_CONTEXT")
        .env_remove("SEATRIAL_ENGINE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}
