//! Archives and layouts made by hand, most of them unsound.

use serde_json::{Value, json};

use super::super::manifest::MANIFEST_LIMIT;
use super::support::{EMPTY_TAR, Files, Place};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The author tells the images of these tests apart.
fn author(place: &Place, reference: &str, platform: &str) -> Result<String, String> {
    let image = place.load_for(reference, platform)?;
    Ok(image.image("x", &[0]).author)
}

fn with(mut entry: Value, key: &str, value: Value) -> Value {
    entry[key] = value;
    entry
}

fn platform(text: &str) -> Value {
    let mut parts = text.split('/');
    let mut said = json!({"os": parts.next(), "architecture": parts.next()});
    if let Some(variant) = parts.next() {
        said["variant"] = variant.into();
    }
    said
}

#[test]
fn an_index_gives_the_image_of_the_platform() {
    let place = Place::new();
    let mut files = Files::default();
    let mut entries = Vec::new();
    for text in [
        "linux/amd64",
        "linux/arm64/v8",
        "linux/arm/v6",
        "linux/arm/v7",
        "windows/amd64",
    ] {
        let image = files.image(text);
        entries.push(with(image, "platform", platform(text)));
    }
    let attestation = with(
        files.image("attestation"),
        "platform",
        platform("unknown/unknown"),
    );
    let mark = json!({"vnd.docker.reference.type": "attestation-manifest"});
    entries.push(with(attestation, "annotations", mark));
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
    let index = files.blob(INDEX, index.to_string().as_bytes());
    let tags = json!({"org.opencontainers.image.ref.name": "1.0"});
    files.layout(&[with(index, "annotations", tags)]);
    files.write(&place.path().join("nested"));
    // The same without an index between.
    files.layout(&entries);
    files.write(&place.path().join("flat"));
    for from in ["oci:nested:1.0", "oci:nested", "oci:flat"] {
        let found = |platform| author(&place, from, platform);
        assert_eq!(found("linux/amd64").unwrap(), "linux/amd64", "{from}");
        assert_eq!(found("linux/amd64/v3").unwrap(), "linux/amd64");
        assert_eq!(found("linux/arm64").unwrap(), "linux/arm64/v8");
        assert_eq!(found("linux/arm/v7").unwrap(), "linux/arm/v7");
        assert_eq!(found("linux/arm/v6").unwrap(), "linux/arm/v6");
        let error = found("linux/s390x").unwrap_err();
        let said = "there is no image for linux/s390x; there is linux/amd64, linux/arm64/v8, \
                    linux/arm/v6, linux/arm/v7, windows/amd64";
        assert!(error.ends_with(said), "{error}");
    }
}

#[test]
fn indexes_may_not_lie_in_each_other_for_ever() {
    let place = Place::new();
    let mut files = Files::default();
    let mut next = files.image("deep");
    for depth in 0..5 {
        files.layout(std::slice::from_ref(&next));
        files.write(&place.path().join(depth.to_string()));
        let index = json!({"schemaVersion": 2, "manifests": [next]});
        next = files.blob(INDEX, index.to_string().as_bytes());
    }
    assert_eq!(author(&place, "oci:3", "linux/amd64").unwrap(), "deep");
    let error = author(&place, "oci:4", "linux/amd64").unwrap_err();
    assert!(error.contains("more than 4 indexes"), "{error}");
}

#[test]
fn what_is_not_sound_is_refused() {
    type Change = fn(&mut Value, &mut Value);
    let table: [(&str, Change, &str); 14] = [
        (
            "layers",
            |_, it| it["layers"] = json!([]),
            "tells of 1 layers, but there are 0",
        ),
        (
            "diff ids",
            |it, _| it["rootfs"]["diff_ids"] = json!([]),
            "tells of 0 layers",
        ),
        (
            "diff id",
            |it, _| it["rootfs"]["diff_ids"] = json!(["md5:1"]),
            "calls a layer `md5:1`",
        ),
        (
            "rootfs",
            |it, _| it["rootfs"] = json!({"type": "odd"}),
            "root file system is of the type",
        ),
        (
            "no rootfs",
            |it, _| _ = it.as_object_mut().unwrap().remove("rootfs"),
            "missing field",
        ),
        (
            "history",
            |it, _| it["history"] = json!([{"created_by": "a"}, {"created_by": "b"}]),
            "the history has 2 steps with a layer, but 1 are there",
        ),
        (
            "foreign",
            |_, it| {
                it["layers"][0]["mediaType"] =
                    "application/vnd.oci.image.layer.nondistributable.v1.tar".into();
            },
            "must be had from its vendor",
        ),
        (
            "odd",
            |_, it| it["layers"][0]["mediaType"] = "text/plain".into(),
            "is of the type `text/plain`",
        ),
        (
            "size",
            |_, it| it["layers"][0]["size"] = 7.into(),
            "has 1024 bytes, but 7 are said",
        ),
        (
            "digest",
            |_, it| it["layers"][0]["digest"] = "sha512:00".into(),
            "is no sha256 digest",
        ),
        (
            "path",
            |_, it| it["layers"][0]["digest"] = "sha256:../../../../etc/passwd".into(),
            "is no sha256 digest",
        ),
        (
            "config size",
            |_, it| it["config"]["size"] = (1_u64 << 40).into(),
            "larger than",
        ),
        (
            "artifact",
            |_, it| it["config"]["mediaType"] = "application/x".into(),
            "is no image of a container",
        ),
        (
            "version",
            |_, it| it["schemaVersion"] = 1.into(),
            "schema version 1",
        ),
    ];
    for (name, change, expected) in table {
        let place = Place::new();
        let mut files = Files::default();
        let image = files.image_with(name, change);
        files.layout(&[image]);
        files.write(&place.path().join("folder"));
        place.write("file.tar", &files.tar());
        for from in [
            "oci:folder",
            "oci-archive:file.tar",
            "docker-archive:file.tar",
        ] {
            let error = author(&place, from, "linux/amd64").unwrap_err();
            assert!(error.contains(expected), "{name}: {error}");
        }
    }
}

#[test]
fn content_must_have_its_digest() {
    let place = Place::new();
    for (part, expected) in [
        (2, "the manifest must have"),
        (1, "the configuration must have"),
    ] {
        let mut files = Files::default();
        let image = files.image("x");
        files.layout(&[image]);
        let folder = place.path().join(part.to_string());
        files.write(&folder);
        // The same length, but other bytes.
        let blob = &files.names()[part];
        let mut bytes = std::fs::read(folder.join(blob)).unwrap();
        let last = bytes.len() - 1;
        bytes[last] = b' ';
        place.write(&format!("{part}/{blob}"), &bytes);
        let error = author(&place, &format!("oci:{part}"), "linux/amd64").unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn an_archive_that_can_not_be_read_says_why() {
    let place = Place::new();
    let mut sound = Files::default();
    let image = sound.image("x");
    sound.layout(&[image]);
    let tar = sound.tar();
    place.write("cut.tar", &tar[..1000]);
    place.write("gzip.tar", &[0x1f, 0x8b, 8, 0, 0, 0, 0]);
    place.write("zstd.tar", &[0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0]);
    place.write("text.tar", &[b'x'; 2048]);
    place.write("empty.tar", b"");
    place.write("zeros.tar", &EMPTY_TAR);
    place.write("other.tar", &{
        let mut files = Files::default();
        files.put("a", b"b").tar()
    });
    let big = vec![b' '; usize::try_from(MANIFEST_LIMIT).unwrap() + 1];
    place.write("big.tar", &{
        let mut files = Files::default();
        files.put("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
        files.put("index.json", &big).tar()
    });
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    place.write("deep.tar", &{
        let mut files = Files::default();
        files.put("manifest.json", deep.as_bytes()).tar()
    });
    run_fifo(&place);
    let table = [
        ("oci-archive:cut.tar", "it ends in the middle of"),
        ("oci-archive:gzip.tar", "compressed with gzip"),
        ("docker-archive:zstd.tar", "(`unzstd FILE`)"),
        ("docker-archive:text.tar", "it is no sound tar"),
        ("docker-archive:empty.tar", "it is empty"),
        ("docker-archive:zeros.tar", "it is empty"),
        ("oci-archive:other.tar", "there is no oci-layout in it"),
        (
            "docker-archive:other.tar",
            "there is neither manifest.json nor oci-layout",
        ),
        ("oci-archive:big.tar", "index.json in it is larger than"),
        ("docker-archive:deep.tar", "manifest.json can't be read"),
        ("docker-archive:nowhere.tar", "No such file"),
        ("docker-archive:fifo", "not a regular file"),
        ("oci:fifo", "it is not a folder"),
        ("oci:.", "oci-layout: No such file"),
    ];
    for (from, expected) in table {
        let error = author(&place, from, "linux/amd64").unwrap_err();
        assert!(error.contains(expected), "{from}: {error}");
    }
}

fn run_fifo(place: &Place) {
    let path = place.path().join("fifo");
    super::support::run(&["mkfifo", path.to_str().unwrap()]);
}

#[test]
fn links_of_an_archive_lead_to_its_own_files_only() {
    let config = json!({
        "os": "linux", "architecture": "amd64", "author": "old",
        "rootfs": {"type": "layers", "diff_ids": [super::super::problem::digest_of(&EMPTY_TAR).to_string()]},
    });
    let table = [
        ("b/layer.tar", "../a/layer.tar", Ok("old")),
        ("b/layer.tar", "../a/../a/./layer.tar", Ok("old")),
        ("b/layer.tar", "../b/layer.tar", Err("without an end")),
        (
            "b/layer.tar",
            "../nowhere",
            Err("is a link to nowhere, which is not there"),
        ),
        (
            "b/layer.tar",
            "/etc/passwd",
            Err("there is no b/layer.tar in it"),
        ),
        (
            "b/layer.tar",
            "../../../../../etc/passwd",
            Err("there is no b/layer.tar in it"),
        ),
    ];
    for (name, target, expected) in table {
        let place = Place::new();
        let manifest = json!([{"Config": "c.json", "RepoTags": null, "Layers": [name]}]);
        let mut files = Files::default();
        files.put("./c.json", config.to_string().as_bytes());
        files.put("a/layer.tar", &EMPTY_TAR);
        files.put("manifest.json", manifest.to_string().as_bytes());
        files.link(name, target);
        place.write("a.tar", &files.tar());
        match (
            author(&place, "docker-archive:a.tar", "linux/amd64"),
            expected,
        ) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(error), Err(expected)) => assert!(error.contains(expected), "{error}"),
            (found, _) => panic!("{target}: {found:?}"),
        }
    }
}

#[test]
fn a_configuration_may_leave_out_everything() {
    let place = Place::new();
    let mut files = Files::default();
    let nulls = files.image_with("nulls", |config, _| {
        config["config"] = json!({
            "Env": null, "Labels": null, "Entrypoint": null, "Cmd": null, "User": null,
            "WorkingDir": null, "Shell": null, "ExposedPorts": null, "Volumes": null,
            "Healthcheck": null, "StopSignal": null, "OnBuild": null, "Unknown": {"a": 1},
        });
        config["history"] = json!(null);
        config["variant"] = json!(null);
    });
    let odd = files.image_with("odd", |config, _| {
        config["config"] = json!({
            "Env": ["A=b=c", "ALONE"], "ExposedPorts": {"9/udp": {}, "80": null},
            "Healthcheck": {"Interval": 5}, "Volumes": {"/b": {}, "/a": {}},
        });
        config["history"] = json!([{"created_by": "one"}, {"empty_layer": true}]);
    });
    let name = |text| json!({"org.opencontainers.image.ref.name": text});
    files.layout(&[
        with(nulls, "annotations", name("nulls")),
        with(
            odd,
            "annotations",
            json!({"io.containerd.image.name": "docker.io/library/odd:latest"}),
        ),
    ]);
    files.write(place.path());
    let nulls = place.load("oci:.:nulls").unwrap();
    assert!(nulls.history(&[5]).is_empty());
    let image = nulls.image("nulls", &[5]);
    assert_eq!((image.size, image.layers), (Some(5), Some(1)));
    assert_eq!(image.config.env, []);
    let odd = place.load("oci:.:odd").unwrap();
    let config = odd.image("odd", &[5]).config;
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(config.env, [pair("A", "b=c"), pair("ALONE", "")]);
    assert_eq!(config.exposed_ports, ["80/tcp", "9/udp"]);
    assert_eq!(config.volumes, ["/a", "/b"]);
    assert_eq!(config.healthcheck, None);
    let history = odd.history(&[5]);
    let told: Vec<_> = history
        .iter()
        .map(|it| (it.created_by.as_str(), it.size))
        .collect();
    assert_eq!(told, [("", 0), ("one", 5)]);
}

#[test]
fn a_manifest_is_what_it_says() {
    let table = [
        (
            json!({"schemaVersion": 2}),
            "is neither an index nor a manifest",
        ),
        (
            json!({"schemaVersion": 2, "manifests": [], "layers": []}),
            "is neither",
        ),
        (
            json!({"schemaVersion": 2, "mediaType": MANIFEST, "manifests": []}),
            "says that it is",
        ),
        (
            json!({"schemaVersion": 2, "mediaType": "text/plain", "manifests": []}),
            "says that it is",
        ),
        (
            json!({"schemaVersion": 2, "layers": []}),
            "has no configuration",
        ),
        (
            json!({"schemaVersion": 2, "manifests": []}),
            "there is none that says",
        ),
        (json!([1]), "can't be read"),
        (
            json!({"schemaVersion": 1, "fsLayers": []}),
            "schema version 1",
        ),
    ];
    for (document, expected) in table {
        let place = Place::new();
        let mut files = Files::default();
        let image = files.blob(MANIFEST, document.to_string().as_bytes());
        files.layout(&[image]);
        files.write(place.path());
        let error = author(&place, "oci:.", "linux/amd64").unwrap_err();
        assert!(error.contains(expected), "{document}: {error}");
    }
}
