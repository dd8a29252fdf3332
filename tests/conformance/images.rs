//! The images of the specs: built by Docker, and kept under their names for the next time.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::{Project, docker};

/// The images: what they are called in the specs, and how they are built.
const IMAGES: [(&str, &str); 9] = [
    ("debian", include_str!("images/debian.Dockerfile")),
    ("scratch", include_str!("images/scratch.Dockerfile")),
    ("busybox", include_str!("images/busybox.Dockerfile")),
    ("user", include_str!("images/user.Dockerfile")),
    ("volumes", include_str!("images/volumes.Dockerfile")),
    ("rights", include_str!("images/rights.Dockerfile")),
    ("entry", include_str!("images/entry.Dockerfile")),
    ("service", include_str!("images/service.Dockerfile")),
    ("odd", include_str!("images/odd.Dockerfile")),
];

/// All of them, with Docker and in an archive.
pub struct Images {
    folder: TempDir,
}

/// The name of an image with Docker.
pub fn name(image: &str) -> String {
    format!("seatrial-test-conformance-{image}:latest")
}

impl Images {
    pub fn make() -> Self {
        let context = Project::new(&[
            ("things.sh", include_str!("images/things.sh")),
            ("serve.sh", include_str!("images/serve.sh")),
            ("probe.c", include_str!("probe.c")),
        ]);
        let output = Command::new("cc")
            .args(["-static", "-O1", "-s", "-o", "probe", "probe.c"])
            .current_dir(context.root())
            .output()
            .expect("cc; see ci/conformance");
        assert!(output.status.success(), "{output:?}");
        let busybox = ["/bin/busybox", "/usr/bin/busybox"];
        let busybox = busybox.iter().find(|path| Path::new(path).exists());
        let busybox = busybox.expect("a static busybox; see ci/conformance");
        std::fs::copy(busybox, context.path("busybox")).unwrap();
        for (image, dockerfile) in IMAGES {
            context.write("Dockerfile", dockerfile.as_bytes());
            let folder = context.root().to_str().unwrap();
            let name = name(image);
            let options = ["build", "--quiet", "--network", "none", "--tag"];
            docker(&[&options[..], &[&name, folder]].concat());
        }
        let images = Self {
            folder: TempDir::new().unwrap(),
        };
        let archive = images.archive();
        let names: Vec<String> = IMAGES.iter().map(|(image, _)| name(image)).collect();
        let mut save = vec!["save", "--output", archive.to_str().unwrap()];
        save.extend(names.iter().map(String::as_str));
        docker(&save);
        images
    }

    /// What `docker save` made of all of them.
    pub fn archive(&self) -> PathBuf {
        self.folder.path().join("images.tar")
    }
}
