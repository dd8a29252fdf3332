//! What is attached to an image.

use std::collections::BTreeMap;

use seatrial::registry::{Artifact, Descriptor, Digest, RepositoryName, Version};
use serde_json::Value;

use crate::desk::{Desk, layer, one};
use crate::support::keeper::Keeper;
use crate::support::registry::Registry;

/// As it is told by whoever lists it.
fn entry(list: &[Descriptor], text: &str) -> bool {
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
    let kind = "application/vnd.example.result";
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
        let found = repository.referrers(&subject.digest, Some(kind)).unwrap();
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
        assert_eq!(manifest["artifactType"], kind);
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
