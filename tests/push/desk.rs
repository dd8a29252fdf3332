//! What the tests share: images made by hand, and all that is needed to push them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use seatrial::registry::{
    Digest, ImageParts, LayerCache, LayerPart, Prepared, PushEvent, PushListener, Pushed,
    Registries, RegistryError, Repository, RepositoryName, Target, push,
};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::ready::opened;
use crate::support::registry::{run, write};

/// All that is needed to push.
pub(crate) struct Desk {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) cache: LayerCache,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cache = LayerCache::open(&folder.path().join("layers")).unwrap();
        write(&folder.path().join("config.json"), b"{}");
        Self {
            runtime: tokio::runtime::Runtime::new().unwrap(),
            stop: watch::channel(false).0,
            folder,
            cache,
        }
    }

    pub(crate) fn registries(&self) -> Registries {
        let config = self.folder.path().display().to_string();
        let env = move |name: &str| (name == "DOCKER_CONFIG").then(|| config.clone());
        let handle = self.runtime.handle().clone();
        Registries::new(handle, self.stop.subscribe(), env)
            .with_certificates(&self.folder.path().join("certs.d"))
    }

    pub(crate) fn repository(&self, name: &str) -> Repository {
        let name = RepositoryName::parse(name).unwrap();
        self.registries().repository(&name).unwrap()
    }

    pub(crate) fn prepare(&self, layers: &[Vec<u8>]) -> Prepared {
        let (parts, id) = image(layers, "amd64");
        Prepared::new(&parts, &id, &self.cache, &|| false).unwrap()
    }
}

/// An image with these layers.
pub(crate) fn image(layers: &[Vec<u8>], architecture: &str) -> (ImageParts, Digest) {
    let diff_ids: Vec<Digest> = layers.iter().map(|layer| Digest::of(layer)).collect();
    let config = json!({
        "architecture": architecture, "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let config = config.to_string().into_bytes();
    let id = Digest::of(&config);
    let layers = layers.iter().map(|layer| {
        let bytes = layer.clone();
        LayerPart {
            diff_id: Digest::of(layer),
            content: opened(bytes),
        }
    });
    let parts = ImageParts {
        place: "an image".to_owned(),
        config,
        layers: layers.collect(),
        manifest: None,
    };
    (parts, id)
}

/// A tar of one file, which hardly gets smaller.
pub(crate) fn layer(name: &str, size: usize) -> Vec<u8> {
    let mut state = name.bytes().fold(7_u64, |sum, b| sum * 31 + u64::from(b)) | 1;
    let mut bytes = Vec::with_capacity(size);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(size as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, name, &bytes[..]).unwrap();
    tar.into_inner().unwrap()
}

#[derive(Default)]
pub(crate) struct Ear {
    pub(crate) bytes: AtomicU64,
    pub(crate) others: Mutex<Vec<String>>,
}

impl PushListener for Ear {
    fn on(&self, target: &RepositoryName, event: &PushEvent) {
        match event {
            PushEvent::Bytes { bytes, .. } => _ = self.bytes.fetch_add(*bytes, Ordering::SeqCst),
            event => self
                .others
                .lock()
                .unwrap()
                .push(format!("{target} {event:?}")),
        }
    }
}

/// Much of the time is waited.
pub(crate) fn at_once<T: Send, const N: usize>(table: [T; N], work: impl Fn((usize, T)) + Sync) {
    std::thread::scope(|scope| {
        for row in table.into_iter().enumerate() {
            let work = &work;
            scope.spawn(move || work(row));
        }
    });
}

pub(crate) fn deaf() -> Arc<dyn PushListener> {
    Arc::new(Ear::default())
}

pub(crate) fn target(repository: &Repository) -> Target {
    Target {
        repository: repository.clone(),
        mount_from: Vec::new(),
    }
}

pub(crate) fn one(image: &Prepared, repository: &Repository) -> Result<Pushed, RegistryError> {
    push(image, &[target(repository)], &deaf()).remove(0)
}

pub(crate) fn raw(reference: &str, options: &[&str]) -> Value {
    let reference = format!("docker://{reference}");
    let command = [&["skopeo", "inspect", "--raw"], options, &[&reference]].concat();
    serde_json::from_str(&run(&command)).unwrap()
}
