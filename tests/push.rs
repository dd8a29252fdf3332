//! Images are pushed to real registries, also over connections and from registries that fail.

mod support;

#[path = "push/desk.rs"]
mod desk;
#[path = "push/faults.rs"]
mod faults;
#[path = "push/ready.rs"]
mod ready;
#[path = "push/referrers.rs"]
mod referrers;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use seatrial::registry::{
    Digest, Prepared, PushListener, RegistryError, RepositoryName, Version, index, push,
};
use serde_json::Value;

use crate::desk::{Desk, Ear, deaf, image, layer, one, raw, target};
use crate::support::registry::{Registry, docker_config, run};

#[test]
fn two_registries_get_the_same_image_and_only_what_they_lack() {
    let desk = Desk::new();
    let open = Registry::open();
    let guarded = Registry::guarded("me", "secret");
    docker_config(desk.folder.path(), &guarded.host, "me", "secret");
    let certs = desk.folder.path().join("certs.d").join(&guarded.host);
    std::fs::create_dir_all(&certs).unwrap();
    std::fs::copy(guarded.folder.path().join("a.crt"), certs.join("ca.crt")).unwrap();
    let image = desk.prepare(&[layer("a", 3 << 19), layer("b", 1000), layer("a", 3 << 19)]);
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
fn one_index_is_the_image_of_several_platforms() {
    let desk = Desk::new();
    let registry = Registry::open();
    let repository = desk.repository(&format!("{}/many", registry.host));
    let made = ["amd64", "arm64"].map(|architecture| {
        let (parts, id) = image(&[layer(architecture, 1000)], architecture);
        Prepared::new(&parts, &id, &desk.cache, &|| false).unwrap()
    });
    let list = index(&made.each_ref().map(Prepared::descriptor)).unwrap();
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
    let error = index(&[made[0].descriptor(), made[0].descriptor()])
        .unwrap_err()
        .to_string();
    assert_eq!(error, "two images are for linux/amd64");
    let (parts, id) = image(&[layer("x", 10)], "");
    let unsaid = Prepared::new(&parts, &id, &desk.cache, &|| false).unwrap();
    let error = index(&[unsaid.descriptor()]).unwrap_err().to_string();
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
