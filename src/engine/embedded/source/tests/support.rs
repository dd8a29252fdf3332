//! Images made by hand, and those that the engine of this machine makes.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::problem::digest_of;
use super::super::{Platform, Reference, SourceImage, load};
use crate::engine::docker::{DockerEngine, connect};
use crate::engine::embedded::layer::Content;

/// The tar of no files.
pub(super) const EMPTY_TAR: [u8; 1024] = [0; 1024];

/// An image layout or archive in the making: files by their names, later ones win.
#[derive(Default)]
pub(super) struct Files {
    files: Vec<(String, Vec<u8>)>,
    links: Vec<(String, String)>,
}

impl Files {
    pub(super) fn put(&mut self, name: &str, bytes: &[u8]) -> &mut Self {
        self.files.push((name.to_owned(), bytes.to_vec()));
        self
    }

    pub(super) fn link(&mut self, name: &str, target: &str) -> &mut Self {
        self.links.push((name.to_owned(), target.to_owned()));
        self
    }

    /// Adds a blob and gives its descriptor.
    pub(super) fn blob(&mut self, kind: &str, bytes: &[u8]) -> Value {
        let digest = digest_of(bytes);
        self.put(&format!("blobs/sha256/{}", digest.hex()), bytes);
        json!({"mediaType": kind, "digest": digest.to_string(), "size": bytes.len()})
    }

    /// Adds an image of one empty layer and gives the descriptor of its manifest.
    pub(super) fn image(&mut self, comment: &str) -> Value {
        self.image_with(comment, |_, _| {})
    }

    /// An image whose configuration and manifest are changed before they are written.
    pub(super) fn image_with(
        &mut self,
        comment: &str,
        change: impl FnOnce(&mut Value, &mut Value),
    ) -> Value {
        let layer = self.blob("application/vnd.oci.image.layer.v1.tar", &EMPTY_TAR);
        let mut config = json!({
            "os": "linux", "architecture": "amd64", "author": comment,
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
        });
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json"},
            "layers": [layer],
        });
        change(&mut config, &mut manifest);
        let kind = manifest["config"]["mediaType"].as_str().unwrap().to_owned();
        let written = self.blob(&kind, config.to_string().as_bytes());
        for (key, value) in written.as_object().unwrap() {
            let descriptor = manifest["config"].as_object_mut().unwrap();
            descriptor.entry(key.clone()).or_insert(value.clone());
        }
        let kind = "application/vnd.oci.image.manifest.v1+json";
        self.blob(kind, manifest.to_string().as_bytes())
    }

    /// Makes a layout of what was put: its version, and an index of these entries.
    pub(super) fn layout(&mut self, entries: &[Value]) -> &mut Self {
        let index = json!({"schemaVersion": 2, "manifests": entries});
        self.put("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
        self.put("index.json", index.to_string().as_bytes())
    }

    /// The files, in the order in which they were put.
    pub(super) fn all(self) -> Vec<(String, Vec<u8>)> {
        self.files
    }

    /// The names of the files, in the order in which they were put.
    pub(super) fn names(&self) -> Vec<String> {
        self.files.iter().map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn tar(&self) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, bytes) in &self.files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, bytes.as_slice())
                .unwrap();
        }
        for (name, target) in &self.links {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            tar.append_link(&mut header, name, target).unwrap();
        }
        tar.into_inner().unwrap()
    }

    pub(super) fn write(&self, folder: &Path) {
        for (name, bytes) in &self.files {
            write(&folder.join(name), bytes);
        }
    }
}

/// A folder for a test, removed in the end.
pub(super) struct Place(TempDir);

impl Place {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        write(&path, bytes);
        path
    }

    /// Loads what a user wrote, for `linux/amd64`.
    pub(super) fn load(&self, reference: &str) -> Result<SourceImage, String> {
        self.load_for(reference, "linux/amd64")
    }

    pub(super) fn load_for(&self, reference: &str, platform: &str) -> Result<SourceImage, String> {
        let reference = Reference::parse(reference, self.path()).map_err(|it| it.to_string())?;
        let loaded = load(&reference, &Platform::parse(platform).unwrap());
        let shown = format!("{}/", self.path().display());
        match loaded {
            Ok(image) => Ok(image.unwrap()),
            Err(error) => Err(error.to_string().replace(&shown, "")),
        }
    }
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    File::create(path).unwrap().write_all(bytes).unwrap();
}

/// All bytes of a layer, as they are there.
pub(super) fn bytes_of(content: &Content) -> Vec<u8> {
    use std::os::unix::fs::FileExt;
    let mut bytes = Vec::new();
    match content {
        Content::File {
            file,
            offset,
            length,
            ..
        } => {
            bytes.resize(usize::try_from(*length).unwrap(), 0);
            file.read_exact_at(&mut bytes, *offset).unwrap();
        }
        Content::Remote { open, .. } => _ = open().unwrap().read_to_end(&mut bytes).unwrap(),
        Content::Folder(path) => panic!("{} is a folder", path.display()),
    }
    bytes
}

/// Runs a command and gives what it prints.
#[track_caller]
pub(super) fn run(command: &[&str]) -> String {
    let output = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The real engine of this machine.
pub(super) struct Real {
    pub(super) engine: DockerEngine,
    pub(super) runtime: tokio::runtime::Runtime,
    pub(super) stop: tokio::sync::watch::Sender<bool>,
}

impl Real {
    pub(super) fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mut connection = connect(&|name| std::env::var(name).ok()).unwrap();
        let info = runtime.block_on(connection.identify()).unwrap();
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let handle = runtime.handle().clone();
        let engine = DockerEngine::new(connection, info, handle, stopped).unwrap();
        Self {
            engine,
            runtime,
            stop,
        }
    }
}

/// An image that is built for a test and removed in the end.
pub(super) struct Built(pub(super) String);

impl Built {
    pub(super) fn new(name: &str, dockerfile: &str) -> Self {
        let place = Place::new();
        place.write("Dockerfile", dockerfile.as_bytes());
        place.write("file", name.as_bytes());
        let name = format!("seatrial-test-{name}-{}:1", std::process::id());
        let folder = place.path().to_str().unwrap();
        run(&[
            "docker",
            "build",
            "-q",
            "--network",
            "none",
            "-t",
            &name,
            folder,
        ]);
        Self(name)
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        // A test that fails has more important things to say.
        let _ = Command::new("docker")
            .args(["rmi", "--force", &self.0])
            .output();
    }
}

/// Every key that a Dockerfile can set.
pub(super) const EVERYTHING: &str = r#"FROM debian:bookworm-slim
MAINTAINER somebody <some@body.org>
ENV A=1 B="two words=x" PATH=/opt/bin:/usr/bin:/bin
LABEL one=1 two="a b"
EXPOSE 80 53/udp 8080/tcp
VOLUME /data /a
COPY file /file
WORKDIR /somewhere/place
SHELL ["/bin/bash", "-c"]
USER 12:34
STOPSIGNAL SIGUSR1
ONBUILD RUN echo on
ONBUILD COPY . /x
HEALTHCHECK --interval=7s --timeout=3s --start-period=2s --retries=4 CMD echo well
ENTRYPOINT ["/bin/echo", "a"]
CMD ["b", "c"]
"#;

/// As little as an image can be.
pub(super) const SMALL: &str = "FROM scratch\nCOPY file /file\n";

/// Several layers, and no key that only Docker knows.
pub(super) const PLAIN: &str = r#"FROM debian:bookworm-slim
ENV A=1
COPY file /file
EXPOSE 53/udp 80
RUN echo x > /made && rm -r /var/log
WORKDIR /somewhere
CMD ["b", "c"]
"#;
