//! Images are pushed to real registries, also over connections and from registries that fail.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use seatrial::registry::{
    Artifact, Digest, ImageParts, LayerCache, LayerPart, Prepared, PushEvent, PushListener, Pushed,
    Registries, RegistryError, Repository, RepositoryName, Target, Version, index, push,
};
use serde_json::{Value, json};
use support::keeper::Keeper;
use support::registry::{Fault, FaultProxy, Registry, count, docker_config, run};
use tokio::sync::watch;

/// All that is needed to push.
struct Desk {
    runtime: tokio::runtime::Runtime,
    stop: watch::Sender<bool>,
    folder: tempfile::TempDir,
    cache: LayerCache,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cache = LayerCache::open(&folder.path().join("layers")).unwrap();
        std::fs::write(folder.path().join("config.json"), "{}").unwrap();
        Self {
            runtime: tokio::runtime::Runtime::new().unwrap(),
            stop: watch::channel(false).0,
            folder,
            cache,
        }
    }

    fn registries(&self) -> Registries {
        let config = self.folder.path().display().to_string();
        let env = move |name: &str| (name == "DOCKER_CONFIG").then(|| config.clone());
        let handle = self.runtime.handle().clone();
        Registries::new(handle, self.stop.subscribe(), env)
            .with_certificates(&self.folder.path().join("certs.d"))
    }

    fn repository(&self, name: &str) -> Repository {
        let name = RepositoryName::parse(name).unwrap();
        self.registries().repository(&name).unwrap()
    }

    fn prepare(&self, layers: &[Vec<u8>]) -> Prepared {
        let (parts, id) = image(layers, "amd64");
        Prepared::new(&parts, &id, &self.cache, &|| false).unwrap()
    }
}

/// An image with these layers.
fn image(layers: &[Vec<u8>], architecture: &str) -> (ImageParts, Digest) {
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
            open: Arc::new(move || Ok(Box::new(std::io::Cursor::new(bytes.clone())) as Box<_>)),
            file: None,
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
fn layer(name: &str, size: usize) -> Vec<u8> {
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
struct Ear {
    bytes: AtomicU64,
    others: Mutex<Vec<String>>,
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

fn deaf() -> Arc<dyn PushListener> {
    Arc::new(Ear::default())
}

fn target(repository: &Repository) -> Target {
    Target {
        repository: repository.clone(),
        mount_from: Vec::new(),
    }
}

fn one(image: &Prepared, repository: &Repository) -> Result<Pushed, RegistryError> {
    push(image, &[target(repository)], &deaf()).remove(0)
}

fn raw(reference: &str, options: &[&str]) -> Value {
    let reference = format!("docker://{reference}");
    let command = [&["skopeo", "inspect", "--raw"], options, &[&reference]].concat();
    serde_json::from_str(&run(&command)).unwrap()
}

#[test]
fn two_registries_get_the_same_image_and_only_what_they_lack() {
    let desk = Desk::new();
    let open = Registry::open();
    let guarded = Registry::guarded("me", "secret");
    docker_config(desk.folder.path(), &guarded.host, "me", "secret");
    let certs = desk.folder.path().join("certs.d").join(&guarded.host);
    std::fs::create_dir_all(&certs).unwrap();
    std::fs::copy(guarded.folder.path().join("a.crt"), certs.join("ca.crt")).unwrap();
    let image = desk.prepare(&[layer("a", 5 << 20), layer("b", 1000), layer("a", 5 << 20)]);
    let registries = desk.registries();
    let repository = |host: &str| {
        let name = RepositoryName::parse(&format!("{host}/some/image")).unwrap();
        registries.repository(&name).unwrap()
    };
    let targets = [repository(&open.host), repository(&guarded.host)];
    let targets = targets.each_ref().map(target);
    let ear = Arc::new(Ear::default());
    let listener: Arc<dyn PushListener> = Arc::clone(&ear) as _;
    let digest = &image.manifest().digest;
    for pushed in push(&image, &targets, &listener) {
        let pushed = pushed.unwrap();
        assert_eq!(&pushed.digest, digest);
        assert_eq!((pushed.sent, pushed.mounted, pushed.present), (3, 0, 0));
        assert_eq!(pushed.sent_bytes, image.size());
    }
    // The small ones are sent without pieces that could be told of… all of them are told of.
    assert_eq!(ear.bytes.load(Ordering::SeqCst), 2 * image.size());
    let told = ear.others.lock().unwrap().join("\n");
    assert_eq!(told.matches("Manifest").count(), 2, "{told}");
    for target in &targets {
        // Nobody has set a tag yet.
        assert!(target.repository.tags().unwrap().is_empty());
        let tag = Version::tag("1.0").unwrap();
        assert!(target.repository.manifest(&tag).unwrap().is_none());
        target
            .repository
            .put_manifest(&tag, image.manifest())
            .unwrap();
        target
            .repository
            .verify_pushed(&tag, image.manifest())
            .unwrap();
        assert_eq!(target.repository.tags().unwrap(), ["1.0"]);
        assert_eq!(
            target.repository.digest_of(&tag).unwrap().as_ref(),
            Some(digest)
        );
    }
    for again in push(&image, &targets, &deaf()) {
        let again = again.unwrap();
        assert_eq!((again.sent, again.present), (0, 3));
    }
    // Somebody else pulls it, and finds what was tested.
    for (registry, options) in [
        (&open, &["--tls-verify=false"][..]),
        (
            &guarded,
            &["--tls-verify=false", "--creds", "me:secret"][..],
        ),
    ] {
        let reference = format!("{}/some/image:1.0", registry.host);
        let manifest = raw(&reference, options);
        assert_eq!(manifest["config"]["digest"], image.config_digest().as_str());
        let folder = registry.folder.path().join("pulled").display().to_string();
        let from = format!("docker://{reference}");
        let to = format!("dir:{folder}");
        let options: Vec<String> = options
            .iter()
            .map(|it| it.replace("--", "--src-"))
            .collect();
        let mut command = vec!["skopeo", "copy", "-q"];
        command.extend(options.iter().map(String::as_str));
        command.extend([from.as_str(), to.as_str()]);
        run(&command);
        let bytes = std::fs::read(Path::new(&folder).join("manifest.json")).unwrap();
        assert_eq!(&Digest::of(&bytes), digest);
    }
}

#[test]
fn what_breaks_is_tried_again_within_bounds() {
    let desk = Desk::new();
    docker_config(desk.folder.path(), "none", "me", "secret");
    let image = desk.prepare(&[layer("a", 3 << 20), layer("b", 1000)]);
    let answer = |status, lines: &str| Fault::Answer(status, lines.to_owned());
    let table = [
        ("POST", "uploads/", answer(500, "")),
        ("POST", "uploads/", answer(429, "Retry-After: 1\r\n")),
        ("POST", "uploads/", Fault::Lose),
        ("HEAD", "blobs/", answer(503, "")),
        ("HEAD", "blobs/", Fault::Lose),
        ("PATCH", "uploads/", answer(500, "")),
        ("PATCH", "uploads/", answer(429, "Retry-After: 1\r\n")),
        ("PATCH", "uploads/", Fault::Cut(0)),
        ("PATCH", "uploads/", Fault::Cut(1 << 20)),
        ("PATCH", "uploads/", Fault::Lose),
        ("PUT", "uploads/", answer(502, "")),
        ("PUT", "uploads/", Fault::Lose),
        ("PUT", "manifests/", answer(500, "")),
        ("PUT", "manifests/", Fault::Lose),
        ("GET", "manifests/", Fault::Lose),
    ];
    for (method, part, fault) in table {
        let registry = Registry::open();
        let proxy = FaultProxy::new(&registry.host);
        let repository = desk.repository(&format!("{}/a/b", proxy.host));
        proxy.times(1, method, part, fault.clone());
        let pushed = one(&image, &repository)
            .unwrap_or_else(|error| panic!("{method} {part} {fault:?}: {error}"));
        assert_eq!(&pushed.digest, &image.manifest().digest);
        let seen = proxy.take();
        let tried = seen
            .iter()
            .filter(|it| it.method == method && it.path.contains(part));
        assert!(tried.count() > 1, "{method} {part} {fault:?}: {seen:?}");
    }
}

#[test]
fn what_breaks_for_ever_is_an_error_that_says_where() {
    let desk = Desk::new();
    let registry = Registry::open();
    let image = desk.prepare(&[layer("a", 3 << 20), layer("b", 1000)]);
    let answer = |status| Fault::Answer(status, String::new());
    let table = [
        ("HEAD", "blobs/", answer(500), "answered 500", 15),
        (
            "POST",
            "uploads/",
            answer(429),
            "lets nobody ask so often",
            15,
        ),
        (
            "PATCH",
            "uploads/",
            answer(500),
            "in none of 5 tries: 127.0.0.1",
            5,
        ),
        (
            "PATCH",
            "uploads/",
            Fault::Cut(1 << 19),
            "in none of 5 tries: ",
            5,
        ),
        ("PATCH", "uploads/", answer(413), "answered 413", 1),
        ("PUT", "uploads/", answer(400), "answered 400", 3),
        (
            "PUT",
            "manifests/",
            answer(403),
            "does not take it from us",
            1,
        ),
        (
            "PUT",
            "manifests/",
            Fault::Cut(0),
            "can't be asked for the manifest",
            5,
        ),
    ];
    for (number, (method, part, fault, expected, most)) in table.into_iter().enumerate() {
        let proxy = FaultProxy::new(&registry.host);
        let name = format!("{}/some/image{number}", proxy.host);
        let repository = desk.repository(&name);
        proxy.times(usize::MAX, method, part, fault.clone());
        let error = one(&image, &repository).unwrap_err().to_string();
        assert!(
            error.contains(expected) && error.starts_with(&name),
            "{fault:?}: {error}"
        );
        let seen = proxy.take();
        let tried = seen
            .iter()
            .filter(|it| it.method == method && it.path.contains(part))
            .count();
        assert!(
            tried <= most && tried > 0,
            "{method} {part} {fault:?}: {tried}"
        );
        // Nothing is there under a digest that is not whole, and nothing has a tag.
        proxy.rule(|_| Fault::None);
        let version = Version::Digest(image.manifest().digest.clone());
        assert!(repository.manifest(&version).unwrap().is_none());
        // The same again sends what is missing, and no more.
        let had: usize = image
            .blobs()
            .iter()
            .filter(|blob| repository.has_blob(blob.digest()).unwrap())
            .count();
        proxy.take();
        let pushed = one(&image, &repository).unwrap();
        assert_eq!((pushed.present, pushed.sent), (had, 3 - had), "{fault:?}");
        let seen = proxy.take();
        assert_eq!(count(&seen, "POST"), 3 - had, "{seen:?}");
    }
}

#[test]
fn what_broke_off_goes_on_where_it_was() {
    let desk = Desk::new();
    let image = desk.prepare(&[layer("a", 16 << 20)]);
    let keeper = Keeper::new();
    // Two connections break, after so much of what they were to bring.
    keeper.break_after(&[5 << 20, 3 << 20]);
    let repository = desk.repository(&format!("{}/x", keeper.host));
    let ear = Arc::new(Ear::default());
    let listener: Arc<dyn PushListener> = Arc::clone(&ear) as _;
    let pushed = push(&image, &[target(&repository)], &listener).remove(0);
    pushed.unwrap();
    let seen = keeper.take();
    let patches: Vec<&str> = seen
        .iter()
        .filter(|head| head.starts_with("PATCH"))
        .map(|head| {
            let range = head
                .lines()
                .find_map(|line| line.strip_prefix("content-range: "));
            range.unwrap_or("all")
        })
        .collect();
    let size = image.blobs()[0].size();
    let last = size - 1;
    let expected = [
        "all".to_owned(),
        format!("{}-{last}", 5 << 20),
        format!("{}-{last}", 8 << 20),
    ];
    assert_eq!(patches, expected);
    // Only what was on its way when it broke is sent again.
    let sent = ear.bytes.load(Ordering::SeqCst);
    assert!(sent < size + (12 << 20), "{sent} of {size}");
    // Who is told to send nothing says how long that is.
    let posts = seen.iter().filter(|head| head.starts_with("POST"));
    for post in posts {
        assert!(post.contains("content-length: 0"), "{post}");
    }
}

#[test]
fn tokens_that_end_in_the_middle_are_got_anew() {
    let desk = Desk::new();
    let image = desk.prepare(&[layer("a", 3 << 20), layer("b", 3 << 20)]);
    let registry = Registry::with_tokens();
    docker_config(desk.folder.path(), &registry.host, "me", "secret");
    let repository = desk.repository(&format!("{}/some/image", registry.host));
    assert_eq!(one(&image, &repository).unwrap().sent, 3);
    let asked = registry.tokens.take();
    // For all of it one token, for reading only another at most.
    assert!(asked.len() <= 2, "{asked:?}");
    assert!(
        asked[0].contains("scope=repository%3Asome%2Fimage%3Apull%2Cpush"),
        "{asked:?}"
    );

    // A blob of another repository is there at once, where that one may be read.
    let other = desk.repository(&format!("{}/other", registry.host));
    let digest = image.blobs()[0].digest();
    assert!(other.mount_blob(digest, "some/image").unwrap());
    assert!(other.has_blob(digest).unwrap());
    assert!(!other.mount_blob(digest, "secret/image").unwrap());
    assert!(
        !other
            .mount_blob(&Digest::of(b"nothing"), "some/image")
            .unwrap()
    );
    let mounted = push(
        &image,
        &[Target {
            repository: desk.repository(&format!("{}/third", registry.host)),
            mount_from: vec!["nowhere".to_owned(), "some/image".to_owned()],
        }],
        &deaf(),
    );
    let mounted = mounted.into_iter().next().unwrap().unwrap();
    assert_eq!((mounted.mounted, mounted.sent), (3, 0));

    // Through something that finds a token to be over in the middle of an upload.
    let proxy = FaultProxy::new(&registry.host);
    docker_config(desk.folder.path(), &proxy.host, "me", "secret");
    let challenge = format!(
        "WWW-Authenticate: Bearer realm=\"http://{}/token\",service=\"registry\"\r\n",
        registry.tokens.host
    );
    proxy.times(2, "PATCH", "uploads/", Fault::Answer(401, challenge));
    registry.tokens.take();
    let fresh = desk.prepare(&[layer("c", 3 << 20)]);
    let through = desk.repository(&format!("{}/through", proxy.host));
    assert_eq!(one(&fresh, &through).unwrap().sent, 2);
    assert!(registry.tokens.take().len() >= 2);

    // Who may not write is told so, with the account but without the password.
    docker_config(desk.folder.path(), &registry.host, "reader", "secret");
    let repository = desk.repository(&format!("{}/some/image", registry.host));
    let error = one(&fresh, &repository).unwrap_err();
    assert!(matches!(error, RegistryError::Refused { .. }), "{error:?}");
    let error = error.to_string();
    assert!(error.contains("does not take it from us"), "{error}");
    assert!(
        error.contains("`reader`") && !error.contains("secret"),
        "{error}"
    );
}
