//! Images of engines and files as they are pushed: what arrives is what was there.

use std::sync::Arc;

use super::super::exported;
use super::serve::{Registry, registries};
use super::support::{Built, EVERYTHING, Place, Real, SMALL, run};
use crate::engine::{Engine, EngineError};
use crate::registry::{
    Digest, ImageParts, LayerCache, Prepared, PushEvent, PushListener, RepositoryName, Target, push,
};

struct Deaf;

impl PushListener for Deaf {
    fn on(&self, _: &RepositoryName, _: &PushEvent) {}
}

/// Pushes an image and pulls it again with somebody else's program: its id, as that one sees it, and
/// the digest of its manifest.
fn through(real: &Real, registry: &Registry, parts: &ImageParts, id: &Digest) -> (String, String) {
    let cache = LayerCache::open(&registry.place.path().join("layers")).unwrap();
    let image = Prepared::new(parts, id, &cache, &|| false).unwrap();
    let name = RepositoryName::parse(&format!("{}/some/image", registry.host)).unwrap();
    let target = Target {
        repository: registries(real, &registry.place).repository(&name).unwrap(),
        mount_from: Vec::new(),
    };
    let listener: Arc<dyn PushListener> = Arc::new(Deaf);
    let pushed = push(&image, &[target], &listener).remove(0).unwrap();
    let from = format!("docker://{name}@{}", pushed.digest);
    let to = format!("docker-daemon:seatrial-test-back-{}:1", std::process::id());
    run(&["skopeo", "copy", "-q", "--src-tls-verify=false", &from, &to]);
    let back = to.strip_prefix("docker-daemon:").unwrap();
    let found = run(&["docker", "image", "inspect", "--format", "{{.Id}}", back]);
    run(&["docker", "rmi", "--force", back]);
    (found, pushed.digest.to_string())
}

#[test]
fn images_of_the_engine_arrive_as_they_were() {
    let real = Real::new();
    let place = Place::new();
    place.write("config.json", b"{}");
    let registry = Registry::start(place, "", "");
    let everything = EVERYTHING.replace("debian:bookworm-slim", "scratch");
    for (name, dockerfile) in [("pushed-all", everything.as_str()), ("pushed-small", SMALL)] {
        let built = Built::new(name, dockerfile);
        let image = real.engine.image(&built.0).unwrap();
        let folder = registry.place.path();
        let (parts, id) = exported(&real.engine, &image, folder).unwrap();
        assert_eq!(id.to_string(), image.id);
        let (back, _) = through(&real, &registry, &parts, &id);
        assert_eq!(back, image.id);
        // What stands under the name now is nobody's business.
        let other = Built::new(&format!("{name}-other"), "FROM scratch\nCOPY file /x\n");
        run(&["docker", "tag", &other.0, &built.0]);
        let again = exported(&real.engine, &image, folder);
        match again {
            Ok((parts, id)) => assert_eq!(through(&real, &registry, &parts, &id).0, image.id),
            Err(error) => assert!(matches!(error, EngineError::ImageGone { .. }), "{error:?}"),
        }
    }
}

#[test]
fn files_arrive_with_the_manifest_that_they_have() {
    let real = Real::new();
    let place = Place::new();
    place.write("config.json", b"{}");
    let registry = Registry::start(place, "", "");
    let built = Built::new("pushed-files", SMALL);
    let folder = registry.place.path().display().to_string();
    let from = format!("docker-daemon:{}", built.0);
    let oci = format!("oci:{folder}/layout:x");
    run(&["skopeo", "copy", "-q", &from, &oci]);
    run(&[
        "skopeo",
        "copy",
        "-q",
        &oci,
        &format!("oci-archive:{folder}/oci.tar"),
    ]);
    run(&[
        "docker",
        "save",
        "-o",
        &format!("{folder}/docker.tar"),
        &built.0,
    ]);
    let digest = Digest::of(run(&["skopeo", "inspect", "--raw", &oci]).as_bytes()).to_string();
    let mut written = Vec::new();
    for reference in [
        "oci:layout:x",
        "oci-archive:oci.tar",
        "docker-archive:docker.tar",
    ] {
        let found = registry.place.load(reference).unwrap();
        let id = found.id.clone();
        let parts = found.parts(reference).unwrap();
        let (back, manifest) = through(&real, &registry, &parts, &id);
        written.push(manifest);
        // Docker's own way to write a configuration is another, so its id is; skopeo keeps all else.
        if reference.starts_with("docker-archive") {
            let image = real.engine.image(&built.0).unwrap();
            assert_eq!(back, image.id);
        }
    }
    assert_eq!(written[0], digest);
    assert_eq!(written[1], digest);
    assert_ne!(written[2], digest);
}

/// An engine that keeps manifests gives an archive that is a layout too, and calls the image by the
/// digest of its index.
#[test]
fn what_is_not_the_image_is_not_given_away() {
    let real = Real::new();
    let place = Place::new();
    let built = Built::new("pushed-gone", SMALL);
    let image = real.engine.image(&built.0).unwrap();
    let nothing = crate::engine::Image {
        id: format!("sha256:{}", "0".repeat(64)),
        ..image
    };
    let error = exported(&real.engine, &nothing, place.path())
        .err()
        .unwrap();
    assert!(matches!(error, EngineError::ImageGone { .. }), "{error:?}");
}
