//! Images that tests make for themselves.

use std::process::{Command, Stdio};

use super::Project;

/// An image that is removed in the end.
pub struct Made(pub String);

impl Made {
    fn name(name: &str) -> String {
        format!("seatrial-test-{name}-{}:1", std::process::id())
    }

    /// Of files only.
    pub fn import(name: &str, tar: &[u8]) -> Self {
        let made = Self(Self::name(name));
        let project = Project::new(&[]);
        project.write("image.tar", tar);
        docker(&project, &["import", "image.tar", &made.0]);
        made
    }

    /// Of a Dockerfile.
    pub fn build(name: &str, dockerfile: &str) -> Self {
        let made = Self(Self::name(name));
        let project = Project::new(&[("Dockerfile", dockerfile)]);
        docker(
            &project,
            &[
                "build",
                "--quiet",
                "--network",
                "none",
                "--tag",
                &made.0,
                ".",
            ],
        );
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

fn docker(project: &Project, args: &[&str]) {
    let output = Command::new("docker")
        .args(args)
        .current_dir(project.root())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// A tar archive that is written entry by entry.
pub struct Archive(pub tar::Builder<Vec<u8>>);

impl Archive {
    pub fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }

    pub fn header(kind: tar::EntryType, mode: u32, owner: (u64, u64)) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(owner.0);
        header.set_gid(owner.1);
        header.set_size(0);
        header
    }

    pub fn file(&mut self, path: &str, mode: u32, owner: (u64, u64), content: &[u8]) {
        let mut header = Self::header(tar::EntryType::Regular, mode, owner);
        header.set_size(content.len() as u64);
        self.0.append_data(&mut header, path, content).unwrap();
    }

    pub fn folder(&mut self, path: &str, mode: u32, owner: (u64, u64)) {
        let mut header = Self::header(tar::EntryType::Directory, mode, owner);
        self.0.append_data(&mut header, path, &b""[..]).unwrap();
    }

    pub fn link(&mut self, kind: tar::EntryType, path: &str, target: &str) {
        // Of a hard link these become those of the file.
        let mode = if kind == tar::EntryType::Link {
            0o644
        } else {
            0o777
        };
        let mut header = Self::header(kind, mode, (0, 0));
        self.0.append_link(&mut header, path, target).unwrap();
    }

    pub fn symlinks(&mut self, links: &[(&str, &str)]) {
        for (path, target) in links {
            self.link(tar::EntryType::Symlink, path, target);
        }
    }

    pub fn device(&mut self, kind: tar::EntryType, path: &str) {
        let mut header = Self::header(kind, 0o600, (0, 0));
        header.set_device_major(1).unwrap();
        header.set_device_minor(3).unwrap();
        self.0.append_data(&mut header, path, &b""[..]).unwrap();
    }

    pub fn finish(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}
