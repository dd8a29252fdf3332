//! A Podman of our own, as root.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::engines::Engine;
use crate::images::{self, Images};

/// It ends when this is dropped.
pub struct Podman {
    service: Child,
    folder: TempDir,
}

/// None, with a word about it, where Podman is not installed.
pub fn start(images: &Images) -> Option<Podman> {
    let is_there = Command::new("podman").arg("--version").output().is_ok();
    if !is_there {
        eprintln!("PODMAN IS NOT COMPARED: it is not installed, see ci/podman");
        return None;
    }
    let folder = TempDir::new().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("ci/podman");
    let service = Command::new(script)
        .arg(folder.path())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let podman = Podman { service, folder };
    let begun = Instant::now();
    while podman.docker(&["version"]).is_err() {
        let log = std::fs::read_to_string(podman.folder.path().join("log"));
        assert!(begun.elapsed() < Duration::from_secs(30), "{log:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    let archive = images.archive();
    podman
        .docker(&["load", "--input", archive.to_str().unwrap()])
        .unwrap();
    Some(podman)
}

impl Podman {
    fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("socket").display())
    }

    fn docker(&self, args: &[&str]) -> Result<(), String> {
        let output = Command::new("docker")
            .args(args)
            .env("DOCKER_HOST", self.host())
            .output()
            .unwrap();
        if output.status.success() {
            Ok(())
        } else {
            Err(format!("{output:?}"))
        }
    }

    pub fn engine(&self) -> Engine {
        let host = self.host();
        Engine {
            name: "podman",
            command: Box::new(move |project| {
                let mut command = project.command(&["--engine", "docker"]);
                command.env("DOCKER_HOST", &host);
                command
            }),
            reference: Box::new(images::name),
            user: None,
            part: if std::env::var_os("SEATRIAL_CONFORMANCE").is_some() {
                1
            } else {
                3
            },
        }
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // Its input ends, and it clears up.
        drop(self.service.stdin.take());
        let _ = self.service.wait();
    }
}
