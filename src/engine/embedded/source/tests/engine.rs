//! The images of the engine of this machine.

use super::super::load_from;
use super::super::problem::digest_of;
use super::support::{Built, EVERYTHING, Place, Real, bytes_of, run};
use crate::engine::embedded::layer::Content;
use crate::engine::{Engine, EngineError};

/// What our containers of an image are for.
fn ours(id: &str) -> String {
    let label = format!("label=seatrial.pid={}", std::process::id());
    let format = "{{.Image}} {{.Label \"seatrial.for\"}}";
    let all = run(&[
        "docker",
        "ps",
        "-a",
        "--no-trunc",
        "--filter",
        &label,
        "--format",
        format,
    ]);
    all.lines()
        .filter_map(|line| line.strip_prefix(id))
        .collect()
}

#[test]
fn the_layers_of_the_engine_are_read_in_place_and_their_end_is_noticed() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let real = Real::new();
    let place = Place::new();
    let image = Built::new("noted", EVERYTHING);
    let found = load_from(&real.engine, &image.0, place.path()).unwrap();
    let expected = real.engine.image(&image.0).unwrap();
    assert_eq!(
        format!("{:?}", found.image(&image.0, &[])),
        format!("{expected:?}")
    );
    let history = real.engine.history(&expected).unwrap();
    assert_eq!(format!("{:?}", found.history(&[])), format!("{history:?}"));
    let folders: Vec<_> = found
        .layers
        .iter()
        .map(|layer| match &layer.content {
            Content::Folder(path) => path.clone(),
            _ => panic!("a layer is not read in place"),
        })
        .collect();
    assert_eq!(folders.len(), 3);
    assert!(folders[0].join("usr/bin").is_dir() && folders[1].join("file").is_file());
    assert!(folders[2].join("somewhere/place").is_dir());
    assert_eq!(ours(&expected.id), "", "nothing is made for it");
    let kept = found.kept.unwrap();
    assert!(kept.is_whole());
    // Its layers have no other image.
    drop(image);
    assert!(!kept.is_whole());
    assert!(!folders[1].exists() && folders[0].exists());
    assert_eq!(real.engine.close().unwrap(), 0);
}

#[test]
fn where_the_engine_notes_nothing_that_we_know_a_container_keeps_the_layers() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let real = Real::new();
    let image = Built::new("pinned", EVERYTHING);
    let id = real.engine.image(&image.0).unwrap().id;
    let (folders, kept) = real.engine.pinned_image(&image.0).unwrap().unwrap();
    assert_eq!(ours(&id), " keeping the layers of an image");
    drop(image);
    let gone = real.engine.image(&id);
    assert!(
        matches!(gone, Err(EngineError::NoSuchImage { .. })),
        "{gone:?}"
    );
    assert!(kept.is_whole() && folders[1].join("file").is_file());
    drop(kept);
    assert_eq!(ours(&id), "");
    assert!(!folders[1].exists() && folders[0].exists());
    assert_eq!(real.engine.close().unwrap(), 0);
}

#[test]
fn an_image_is_exported_once_and_only_when_it_is_needed() {
    let real = Real::new();
    let place = Place::new();
    let image = Built::new("exported", EVERYTHING);
    let mut found = real.engine.local_image(&image.0).unwrap();
    found.folders = None;
    let found = super::super::daemon::of(&real.engine, found, &image.0, place.path()).unwrap();
    for layer in found.layers.iter().rev() {
        assert_eq!(digest_of(&bytes_of(&layer.content)), layer.diff_id);
        // What was fetched is enough for all.
        run(&["docker", "tag", "debian:bookworm-slim", &image.0]);
    }
    assert_eq!(place.path().read_dir().unwrap().count(), 0);
    let lost = load_from(&real.engine, "seatrial-test-nowhere:1", place.path());
    assert!(matches!(lost.err(), Some(EngineError::NoSuchImage { .. })));
}

#[test]
fn an_export_of_an_image_that_is_gone_or_a_run_that_stops_says_so() {
    let real = Real::new();
    let place = Place::new();
    let image = Built::new("gone", EVERYTHING);
    let load = || {
        let mut found = real.engine.local_image(&image.0).unwrap();
        found.folders = None;
        super::super::daemon::of(&real.engine, found, &image.0, place.path()).unwrap()
    };
    let open = |found: &super::super::SourceImage| match &found.layers[0].content {
        Content::Remote { open, .. } => open().err(),
        _ => panic!("not exported"),
    };
    let (one, two) = (load(), load());
    run(&["docker", "rmi", &image.0]);
    let error = open(&one);
    assert!(
        matches!(error, Some(EngineError::ImageGone { .. })),
        "{error:?}"
    );
    real.stop.send(true).unwrap();
    let error = open(&two);
    assert!(matches!(error, Some(EngineError::Interrupted)), "{error:?}");
}
