//! Images are made ready once, and only if they are what was tested.

use std::io::Write;
use std::sync::Arc;

use seatrial::registry::{
    Digest, ImageParts, LayerCache, LayerContent, Manifest, OCI_MANIFEST, Prepared, RegistryError,
};
use serde_json::{Value, json};

use crate::desk::{Desk, image, layer, one};
use crate::support::registry::{Registry, write};

/// How the content of a layer is given.
fn given(parts: &mut ImageParts, number: usize, bytes: Vec<u8>, in_file: bool) {
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

pub(crate) fn opened(bytes: Vec<u8>) -> LayerContent {
    LayerContent::Open(Arc::new(move || {
        Ok(Box::new(std::io::Cursor::new(bytes.clone())))
    }))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// A manifest of somebody else's making.
fn manifest(parts: &ImageParts, layers: &[Vec<u8>]) -> Manifest {
    let descriptor =
        |bytes: &[u8]| json!({"mediaType": "x", "digest": Digest::of(bytes), "size": bytes.len()});
    let text = json!({
        "schemaVersion": 2, "annotations": {"a": "b"}, "config": descriptor(&parts.config),
        "layers": layers.iter().map(|it| descriptor(it)).collect::<Vec<_>>(),
    });
    let kind = OCI_MANIFEST;
    Manifest::new(kind, text.to_string().into_bytes())
}

#[test]
fn an_image_is_made_ready_once_and_the_same_each_time() {
    let desk = Desk::new();
    let tars = [layer("a", 3 << 19), layer("b", 70_000)];
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

type Change = fn(&mut ImageParts, &[Vec<u8>]);

#[test]
fn only_what_was_tested_is_made_ready() {
    let desk = Desk::new();
    let tars = [layer("a", 100_000), layer("b", 1000)];
    let table: [(&str, Change); 10] = [
        ("the image that was tested is sha256:", |parts, _| {
            parts.config.push(b' ');
        }),
        ("other layers than its configuration", |parts, _| {
            _ = parts.layers.pop();
        }),
        ("other layers than its configuration", |parts, _| {
            parts.layers.reverse();
        }),
        ("a layer must have the digest", |parts, tars| {
            given(parts, 0, tars[1].clone(), false);
        }),
        ("a layer must have the digest", |parts, tars| {
            given(parts, 0, zstd(&tars[1]), true);
        }),
        ("a layer must have the digest", |parts, tars| {
            given(parts, 1, gzip(&tars[0]), true);
        }),
        ("can't be read", |parts, tars| {
            given(parts, 0, gzip(&tars[0])[..5000].to_vec(), true);
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
    let (parts, id) = image(&[layer("d", 2 << 20)], "amd64");
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
