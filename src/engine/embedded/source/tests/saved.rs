//! What `docker save` and skopeo write, against what the engine says of the same images.

use super::support::{Built, EVERYTHING, PLAIN, Place, Real, bytes_of, run};
use crate::engine::embedded::layer::Content;
use crate::engine::embedded::source::SourceImage;
use crate::engine::embedded::source::problem::digest_of;
use crate::engine::{Engine, Image};

/// The sizes of the layers as the engine knows them, the lowest first.
fn sizes(real: &Real, image: &Image, found: &SourceImage) -> Vec<u64> {
    let steps = real.engine.history(image).unwrap();
    let marks = found.history(&vec![1; found.layers.len()]);
    assert_eq!(steps.len(), marks.len());
    let pairs = steps.iter().zip(&marks).rev();
    pairs
        .filter(|(_, mark)| mark.size > 0)
        .map(|(step, _)| step.size)
        .collect()
}

/// Digests of much take long in a build with debug assertions.
fn is_small(content: &Content) -> bool {
    matches!(content, Content::File { length, .. } if *length < 4 << 20)
}

/// Compares everything that is told of an image.
pub(super) fn compare(real: &Real, name: &str, found: &SourceImage) {
    let expected = real.engine.image(name).unwrap();
    let sizes = sizes(real, &expected, found);
    let mut image = found.image(name, &sizes);
    if found.manifest.is_some() {
        // The configuration is written anew for another format.
        image.id.clone_from(&expected.id);
    }
    image.repo_digests.clone_from(&expected.repo_digests);
    assert_eq!(format!("{image:#?}"), format!("{expected:#?}"), "{name}");
    assert_eq!(
        format!("{:#?}", found.history(&sizes)),
        format!("{:#?}", real.engine.history(&expected).unwrap()),
        "{name}"
    );
}

#[test]
fn saved_images_are_what_the_engine_says() {
    let real = Real::new();
    let place = Place::new();
    let everything = Built::new("everything", EVERYTHING);
    let off = Built::new(
        "no-health",
        "FROM debian:bookworm-slim\nHEALTHCHECK NONE\nEXPOSE 1\n",
    );
    let mut names = vec![everything.0.as_str(), off.0.as_str()];
    // Larger ones, where there are some.
    let larger = ["sv-base-mini", "wham"].into_iter();
    names.extend(larger.filter(|name| real.engine.image(name).is_ok()));
    let file = place.path().join("all.tar");
    run(&[
        &["docker", "save", "-o", file.to_str().unwrap()],
        &names[..],
    ]
    .concat());
    for name in names.iter().copied() {
        let found = place
            .load(&format!("docker-archive:all.tar:{name}"))
            .unwrap();
        compare(&real, name, &found);
        // Links between layers lead to the right ones.
        for layer in found.layers.iter().filter(|it| is_small(&it.content)) {
            assert_eq!(
                digest_of(&bytes_of(&layer.content)),
                layer.diff_id,
                "{name}"
            );
        }
    }
    let several = place.load("docker-archive:all.tar").err().unwrap();
    let says = |word: &str| several.contains(word);
    assert!(
        says("several images") && names.iter().all(|it| says(it)),
        "{several}"
    );
    let missing = place.load("docker-archive:all.tar:other").err().unwrap();
    assert!(
        missing.contains("no such image in it; there is"),
        "{missing}"
    );
}

#[test]
fn copies_of_skopeo_are_what_the_engine_says() {
    let real = Real::new();
    let place = Place::new();
    let built = Built::new("copied", PLAIN);
    let image = format!("docker-daemon:{}", built.0);
    let folder = place.path().display().to_string();
    for (to, from) in [
        ("oci:FOLDER/layout:one", "oci:layout:one"),
        ("oci-archive:FOLDER/one.tar:one", "oci-archive:one.tar:one"),
        ("oci-archive:FOLDER/only.tar", "oci-archive:only.tar"),
        (
            "docker-archive:FOLDER/docker.tar:one:1",
            "docker-archive:docker.tar",
        ),
    ] {
        let to = to.replace("FOLDER", &folder);
        run(&["skopeo", "copy", "-q", &image, &to]);
        let found = place.load(from).unwrap();
        compare(&real, &built.0, &found);
    }
    let found = place.load("oci:layout").unwrap();
    let digest = found.manifest.unwrap().digest;
    let same = place.load(&format!("oci:layout@{digest}")).unwrap();
    assert_eq!(same.id, found.id);
    let second = format!("oci:{folder}/layout:two");
    run(&[
        "skopeo",
        "copy",
        "-q",
        "docker-daemon:debian:bookworm-slim",
        &second,
    ]);
    assert_ne!(place.load("oci:layout:two").unwrap().id, found.id);
    let several = place.load("oci:layout").err().unwrap();
    let ends = several.ends_with("one, two");
    assert!(several.contains("several images") && ends, "{several}");
}
