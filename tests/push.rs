//! Images are pushed to real registries, also over connections and from registries that fail.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use seatrial::registry::{
    Artifact, Digest, ImageParts, LayerCache, LayerContent, LayerPart, Prepared, PushEvent,
    PushListener, Pushed, Registries, RegistryError, Repository, RepositoryName, Target, Version,
    index, push,
};
use serde_json::{Value, json};
use support::keeper::Keeper;
use support::registry::{Fault, FaultProxy, Registry, count, docker_config, run, write};
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
        write(&folder.path().join("config.json"), b"{}");
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

/// Much of the time is waited.
fn at_once<T: Send, const N: usize>(table: [T; N], work: impl Fn((usize, T)) + Sync) {
    std::thread::scope(|scope| {
        for row in table.into_iter().enumerate() {
            let work = &work;
            scope.spawn(move || work(row));
        }
    });
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
    // All that was sent was told of, the small ones too.
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
    let registry = Registry::open();
    let work = |(number, (method, part, fault)): (usize, (&str, &str, Fault))| {
        let proxy = FaultProxy::new(&registry.host);
        let repository = desk.repository(&format!("{}/a/b{number}", proxy.host));
        proxy.times(1, method, part, fault.clone());
        let pushed = one(&image, &repository)
            .unwrap_or_else(|error| panic!("{method} {part} {fault:?}: {error}"));
        assert_eq!(&pushed.digest, &image.manifest().digest);
        let seen = proxy.take();
        let tried = seen
            .iter()
            .filter(|it| it.method == method && it.path.contains(part));
        assert!(tried.count() > 1, "{method} {part} {fault:?}: {seen:?}");
    };
    at_once(table, work);
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
    let work = |(number, (method, part, fault, expected, most)): (
        usize,
        (&str, &str, Fault, &str, usize),
    )| {
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
    };
    at_once(table, work);
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

/// As it is told by whoever lists it.
fn entry(list: &[seatrial::registry::Descriptor], text: &str) -> bool {
    let digest = Digest::of(text.as_bytes());
    list.iter().any(|it| {
        let named = it
            .annotations
            .as_ref()
            .and_then(|them| them.get("org.example.of"));
        it.artifact_type.as_deref() == Some("application/vnd.example.result")
            && named.is_some_and(|said| *said == digest.to_string())
    })
}

fn artifact(text: &str) -> Artifact {
    let name = Digest::of(text.as_bytes()).to_string();
    Artifact {
        artifact_type: "application/vnd.example.result".to_owned(),
        media_type: "application/vnd.in-toto+json".to_owned(),
        payload: text.as_bytes().to_vec(),
        annotations: BTreeMap::from([("org.example.of".to_owned(), name)]),
    }
}

#[test]
fn what_belongs_to_an_image_is_found_again() {
    let desk = Desk::new();
    let image = desk.prepare(&[layer("a", 1000)]);
    let subject = image.manifest();
    let kind = Some("application/vnd.example.result");
    // Debian's has no list of its own, and no two others believe the same.
    let registry = Registry::open();
    let mut hosts = vec![(registry.host.clone(), true)];
    let keepers: Vec<Keeper> = (0..4).map(|_| Keeper::new()).collect();
    for (number, keeper) in keepers.iter().enumerate() {
        let lists = number & 2 != 0;
        keeper.referrers(number & 1 != 0, lists);
        hosts.push((keeper.host.clone(), !lists));
    }
    for (host, has_tag) in hosts {
        let repository = desk.repository(&format!("{host}/x"));
        one(&image, &repository).unwrap();
        assert_eq!(repository.referrers(&subject.digest, None).unwrap(), []);
        let entries = ["one", "two", "two"].map(|text| {
            repository
                .attach_referrer(subject, &artifact(text))
                .unwrap()
        });
        let found = repository.referrers(&subject.digest, kind).unwrap();
        assert_eq!(found.len(), 2, "{host} {found:?}");
        assert!(entry(&found, "one") && entry(&found, "two"), "{found:?}");
        assert_eq!(
            repository
                .referrers(&subject.digest, Some("other"))
                .unwrap(),
            []
        );
        let tag = Version::tag(&subject.digest.to_string().replace(':', "-")).unwrap();
        assert_eq!(
            repository.manifest(&tag).unwrap().is_some(),
            has_tag,
            "{host}"
        );
        // What was attached is what comes back.
        let version = Version::Digest(entries[0].digest.clone());
        let manifest = repository.manifest(&version).unwrap().unwrap();
        let manifest: Value = serde_json::from_slice(&manifest.bytes).unwrap();
        assert_eq!(manifest["subject"]["digest"], subject.digest.as_str());
        assert_eq!(manifest["artifactType"], kind.unwrap());
        assert_eq!(
            manifest["config"]["mediaType"],
            "application/vnd.oci.empty.v1+json"
        );
        let blob = Digest::parse(manifest["layers"][0]["digest"].as_str().unwrap()).unwrap();
        assert_eq!(repository.blob(&blob, 100).unwrap().unwrap(), b"one");
        let nothing = repository.blob(&Digest::of(b"nothing"), 100).unwrap();
        assert_eq!(nothing, None);
        let error = repository.blob(&blob, 2).unwrap_err().to_string();
        assert!(error.contains("larger than 2 bytes"), "{error}");
    }
}

#[test]
fn nobody_loses_what_others_attach() {
    let desk = Desk::new();
    let image = desk.prepare(&[layer("a", 1000)]);
    let registry = Registry::open();
    let name = format!("{}/x", registry.host);
    one(&image, &desk.repository(&name)).unwrap();
    // Threads of two runs, which know nothing of each other.
    let runs = [desk.registries(), desk.registries()];
    let name = RepositoryName::parse(&name).unwrap();
    let texts: Vec<String> = (0..6).map(|number| format!("{number}")).collect();
    std::thread::scope(|scope| {
        for (number, text) in texts.iter().enumerate() {
            let repository = runs[number % 2].repository(&name).unwrap();
            let subject = image.manifest();
            scope.spawn(move || {
                repository
                    .attach_referrer(subject, &artifact(text))
                    .unwrap()
            });
        }
    });
    let repository = runs[0].repository(&name).unwrap();
    let found = repository
        .referrers(&image.manifest().digest, None)
        .unwrap();
    assert_eq!(found.len(), texts.len());
    assert!(texts.iter().all(|text| entry(&found, text)));
    // Where there are many tags, all are told of.
    for number in 0..30 {
        let tag = Version::tag(&format!("v{number}")).unwrap();
        repository.put_manifest(&tag, image.manifest()).unwrap();
    }
    assert_eq!(repository.tags().unwrap().len(), 31);
}

#[test]
fn one_index_is_the_image_of_several_platforms() {
    let desk = Desk::new();
    let registry = Registry::open();
    let repository = desk.repository(&format!("{}/many", registry.host));
    let made = ["amd64", "arm64"].map(|architecture| {
        let (parts, id) = image(&[layer(architecture, 1000)], architecture);
        Prepared::new(&parts, &id, &desk.cache, &|| false).unwrap()
    });
    let list = index(&[&made[0], &made[1]]).unwrap();
    let tag = Version::tag("1").unwrap();
    // A list of what is not there is not taken.
    assert!(repository.put_manifest(&tag, &list).is_err());
    for image in &made {
        one(image, &repository).unwrap();
    }
    repository.put_manifest(&tag, &list).unwrap();
    repository.verify_pushed(&tag, &list).unwrap();
    let options = ["--tls-verify=false", "--override-arch", "arm64", "--config"];
    let reference = format!("docker://{}/many:1", registry.host);
    let command = [&["skopeo", "inspect"], &options[..], &[&reference]].concat();
    let config: Value = serde_json::from_str(&run(&command)).unwrap();
    assert_eq!(config["architecture"], "arm64");
    let error = index(&[&made[0], &made[0]]).unwrap_err().to_string();
    assert_eq!(error, "two images are for linux/amd64");
    let (parts, id) = image(&[layer("x", 10)], "");
    let unsaid = Prepared::new(&parts, &id, &desk.cache, &|| false).unwrap();
    let error = index(&[&unsaid]).unwrap_err().to_string();
    assert!(error.contains("does not say what it is for"), "{error}");
}

#[test]
fn what_was_pushed_is_compared_with_what_is_there() {
    let desk = Desk::new();
    let registry = Registry::open();
    let repository = desk.repository(&format!("{}/x", registry.host));
    let [first, second] = ["a", "b"].map(|name| desk.prepare(&[layer(name, 100)]));
    let tag = Version::tag("1").unwrap();
    let error = repository
        .verify_pushed(&tag, first.manifest())
        .unwrap_err();
    assert!(matches!(error, RegistryError::NotThere { .. }), "{error:?}");
    for image in [&first, &second] {
        one(image, &repository).unwrap();
        repository.put_manifest(&tag, image.manifest()).unwrap();
    }
    repository.verify_pushed(&tag, second.manifest()).unwrap();
    let error = repository
        .verify_pushed(&tag, first.manifest())
        .unwrap_err();
    let RegistryError::Mismatch {
        expected, found, ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(
        (expected, found),
        (&first.manifest().digest, &second.manifest().digest)
    );
    let by_digest = Version::Digest(first.manifest().digest.clone());
    let error = repository
        .put_manifest(&by_digest, second.manifest())
        .unwrap_err();
    assert!(matches!(error, RegistryError::Mismatch { .. }), "{error:?}");
    // A run that is stopped waits for nothing.
    desk.stop.send(true).unwrap();
    let error = one(&first, &repository).unwrap_err();
    assert!(matches!(error, RegistryError::Interrupted), "{error:?}");
}

/// How the content of a layer is given.
fn given(parts: &mut ImageParts, number: usize, bytes: Vec<u8>, in_file: bool) {
    use std::io::Write;
    parts.layers[number].content = if in_file {
        let mut file = tempfile::tempfile().unwrap();
        // It need not begin where the file does.
        file.write_all(b"before").unwrap();
        file.write_all(&bytes).unwrap();
        LayerContent::File {
            file: Arc::new(file),
            offset: 6,
            length: bytes.len() as u64,
        }
    } else {
        opened(bytes)
    };
}

fn opened(bytes: Vec<u8>) -> LayerContent {
    LayerContent::Open(Arc::new(move || {
        Ok(Box::new(std::io::Cursor::new(bytes.clone())))
    }))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// A manifest of somebody else's making.
fn manifest(parts: &ImageParts, layers: &[Vec<u8>]) -> seatrial::registry::Manifest {
    let descriptor =
        |bytes: &[u8]| json!({"mediaType": "x", "digest": Digest::of(bytes), "size": bytes.len()});
    let text = json!({
        "schemaVersion": 2, "annotations": {"a": "b"}, "config": descriptor(&parts.config),
        "layers": layers.iter().map(|it| descriptor(it)).collect::<Vec<_>>(),
    });
    let kind = seatrial::registry::OCI_MANIFEST;
    seatrial::registry::Manifest::new(kind, text.to_string().into_bytes())
}

#[test]
fn an_image_is_made_ready_once_and_the_same_each_time() {
    let desk = Desk::new();
    let tars = [layer("a", 3 << 20), layer("b", 70_000)];
    let (mut parts, id) = image(&tars, "amd64");
    let ready = |parts: &ImageParts, cache: &LayerCache| {
        Prepared::new(parts, &id, cache, &|| false).unwrap()
    };
    let first = ready(&parts, &desk.cache);
    assert_eq!(first.config_digest(), &id);
    let written: Value = serde_json::from_slice(&first.manifest().bytes).unwrap();
    assert_eq!(written["mediaType"], first.manifest().media_type.as_str());
    assert_eq!(
        written["layers"][0]["digest"],
        first.blobs()[0].digest().as_str()
    );
    // Elsewhere, and from tars that are compressed with something that not all registries know.
    for (number, tar) in tars.iter().enumerate() {
        given(&mut parts, number, zstd(tar), number == 0);
    }
    let other = Desk::new();
    assert_eq!(ready(&parts, &other.cache).manifest(), first.manifest());
    // What was compressed once is not read again: this can't be read.
    for layer in &mut parts.layers {
        layer.content = opened([&zstd(b"")[..], &[0; 100]].concat());
    }
    assert_eq!(ready(&parts, &desk.cache).manifest(), first.manifest());

    // What is compressed with gzip already stays so.
    let packed = tars.each_ref().map(|tar| gzip(tar));
    for (number, bytes) in packed.iter().enumerate() {
        given(&mut parts, number, bytes.clone(), true);
    }
    let kept = ready(&parts, &desk.cache);
    let digests: Vec<&Digest> = kept.blobs().iter().map(|blob| blob.digest()).collect();
    assert_eq!(
        digests,
        [&Digest::of(&packed[0]), &Digest::of(&packed[1]), &id]
    );
    // And so does a manifest that was there, to the last byte, with what it points to.
    let packed = [gzip(&tars[0]), zstd(&tars[1])];
    for (number, bytes) in packed.iter().enumerate() {
        given(&mut parts, number, bytes.clone(), number == 0);
    }
    parts.manifest = Some(manifest(&parts, &packed));
    let kept = ready(&parts, &desk.cache);
    assert_eq!(Some(kept.manifest()), parts.manifest.as_ref());
    assert_eq!(kept.blobs()[1].digest(), &Digest::of(&packed[1]));
    let registry = Registry::open();
    let repository = desk.repository(&format!("{}/x", registry.host));
    assert_eq!(
        one(&kept, &repository).unwrap().digest,
        parts.manifest.as_ref().unwrap().digest
    );
    // But not if it points to what nobody should have to fetch.
    given(&mut parts, 0, tars[0].clone(), true);
    assert_eq!(
        ready(&parts, &desk.cache).blobs()[0].digest(),
        first.blobs()[0].digest()
    );
}

#[test]
fn only_what_was_tested_is_made_ready() {
    let desk = Desk::new();
    let tars = [layer("a", 100_000), layer("b", 1000)];
    type Change = fn(&mut ImageParts, &[Vec<u8>]);
    let table: [(&str, Change); 10] = [
        ("the image that was tested is sha256:", |parts, _| {
            parts.config.push(b' ')
        }),
        ("other layers than its configuration", |parts, _| {
            _ = parts.layers.pop()
        }),
        ("other layers than its configuration", |parts, _| {
            parts.layers.reverse()
        }),
        ("a layer must have the digest", |parts, tars| {
            given(parts, 0, tars[1].clone(), false)
        }),
        ("a layer must have the digest", |parts, tars| {
            given(parts, 0, zstd(&tars[1]), true)
        }),
        ("a layer must have the digest", |parts, tars| {
            given(parts, 1, gzip(&tars[0]), true)
        }),
        ("can't be read", |parts, tars| {
            given(parts, 0, gzip(&tars[0])[..5000].to_vec(), true)
        }),
        ("that of another image", |parts, tars| {
            let packed: Vec<Vec<u8>> = tars.iter().map(|tar| gzip(tar)).collect();
            parts.manifest = Some(manifest(parts, &packed[..1]));
            given(parts, 0, packed[0].clone(), true);
            given(parts, 1, packed[1].clone(), true);
        }),
        (
            "the manifest says that a layer has the digest",
            |parts, tars| {
                let packed: Vec<Vec<u8>> = tars.iter().map(|tar| gzip(tar)).collect();
                parts.manifest = Some(manifest(parts, &[packed[0].clone(), zstd(&tars[1])]));
                given(parts, 0, packed[0].clone(), true);
                given(parts, 1, packed[1].clone(), true);
            },
        ),
        ("that of another image", |parts, tars| {
            let packed: Vec<Vec<u8>> = tars.iter().map(|tar| gzip(tar)).collect();
            let other = image(&[layer("c", 1)], "arm64").0;
            parts.manifest = Some(manifest(&other, &packed));
            given(parts, 0, packed[0].clone(), true);
            given(parts, 1, packed[1].clone(), true);
        }),
    ];
    for (expected, change) in table {
        let (mut parts, id) = image(&tars, "amd64");
        change(&mut parts, &tars);
        let error = Prepared::new(&parts, &id, &desk.cache, &|| false).unwrap_err();
        assert!(matches!(error, RegistryError::Image(_)), "{error:?}");
        let error = error.to_string();
        assert!(
            error.starts_with("an image: ") && error.contains(expected),
            "{expected}: {error}"
        );
    }
    let (parts, id) = image(&[layer("d", 4 << 20)], "amd64");
    let error = Prepared::new(&parts, &id, &desk.cache, &|| true).unwrap_err();
    assert!(matches!(error, RegistryError::Interrupted), "{error:?}");
}

#[test]
fn the_cache_holds_only_what_is_sound_and_no_more_than_its_bound() {
    let desk = Desk::new();
    let folder = desk.folder.path().join("layers");
    let files = || {
        let kind = std::fs::read_dir(&folder)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        let mut found: Vec<_> = std::fs::read_dir(kind)
            .unwrap()
            .map(|it| it.unwrap().path())
            .collect();
        found.sort();
        found
    };
    let tars = [layer("a", 100_000)];
    let first = desk.prepare(&tars);
    let kept = files();
    assert_eq!(kept.len(), 1, "{kept:?}");
    // Damaged, it is made anew; the same, byte for byte.
    let whole = std::fs::read(&kept[0]).unwrap();
    for damage in [
        &whole[..1000],
        &[&whole[..whole.len() - 1], &[0x55][..]].concat(),
    ] {
        write(&kept[0], damage);
        assert_eq!(desk.prepare(&tars).manifest(), first.manifest());
        assert_eq!(std::fs::read(&kept[0]).unwrap(), whole);
    }
    write(&kept[0].with_file_name("other"), b"of somebody else");
    let first = desk.prepare(&tars);
    let small = LayerCache::open(&folder).unwrap().bounded(150_000);
    let (parts, id) = image(&[layer("b", 120_000)], "amd64");
    let image = Prepared::new(&parts, &id, &small, &|| false).unwrap();
    // What was used last stays, and what is in use can be sent all the same.
    let left = files();
    assert!(left.len() == 2 && !left.contains(&kept[0]), "{left:?}");
    let registry = Registry::open();
    let name = format!("{}/x", registry.host);
    one(&first, &desk.repository(&name)).unwrap();
    one(&image, &desk.repository(&name)).unwrap();
}

#[test]
fn no_other_host_is_shown_the_password() {
    let desk = Desk::new();
    let image = desk.prepare(&[layer("a", 3 << 20)]);
    let keeper = Keeper::guarded_with_storage();
    docker_config(desk.folder.path(), &keeper.host, "me", "secret");
    let repository = desk.repository(&format!("{}/x", keeper.host));
    assert_eq!(one(&image, &repository).unwrap().sent, 2);
    let seen = keeper.take();
    let (storage, ours): (Vec<&String>, Vec<&String>) =
        seen.iter().partition(|head| head.starts_with("storage"));
    assert!(storage.len() >= 3, "{storage:?}");
    assert!(
        storage.iter().all(|head| !head.contains("authorization")),
        "{storage:?}"
    );
    assert!(
        ours.iter().any(|head| head.contains("authorization")),
        "{ours:?}"
    );
}
