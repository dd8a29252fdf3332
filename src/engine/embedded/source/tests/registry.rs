//! Images of registries.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::super::problem::digest_of;
use super::saved::compare;
use super::serve::{Hand, Registry, breaking, pull, registries, reply};
use super::support::{Built, EMPTY_TAR, Files, PLAIN, Place, Real, SMALL, bytes_of, run};
use crate::engine::embedded::layer::Content;

/// Compares the compressed layers with their digests.
fn fetch(image: &super::super::SourceImage) {
    for layer in &image.layers {
        let Content::Remote { digest, .. } = &layer.content else {
            panic!("not remote");
        };
        assert_eq!(digest.as_ref(), Some(&digest_of(&bytes_of(&layer.content))));
    }
}

#[test]
fn an_image_comes_from_a_real_registry() {
    let real = Real::new();
    let built = Built::new("pushed", PLAIN);
    let registry = Registry::start(Place::new(), "", "");
    let host = &registry.host;
    let from = format!("docker-daemon:{}", built.0);
    let to = format!("docker://{host}/some/image:1");
    run(&[
        "skopeo",
        "copy",
        "-q",
        "--dest-tls-verify=false",
        &from,
        &to,
    ]);
    let registries = registries(&real, &registry.place);
    let image = pull(&registries, &format!("{host}/some/image:1")).unwrap();
    fetch(&image);
    compare(&real, &built.0, &image);
    let digest = image.manifest.as_ref().unwrap().digest.clone();
    let by_digest = format!("{host}/some/image@{digest}");
    assert_eq!(image.repo_digests, [by_digest.as_str()]);
    assert_eq!(pull(&registries, &by_digest).unwrap().id, image.id);
    let zeros = "0".repeat(64);
    for (reference, expected) in [
        (
            format!("{host}/some/image:2"),
            "has no such image (manifest unknown)".to_owned(),
        ),
        (
            format!("{host}/other"),
            "has no such image (manifest unknown)".to_owned(),
        ),
        (
            format!("{host}/some/image@sha256:{zeros}"),
            "has no such image".to_owned(),
        ),
    ] {
        let error = pull(&registries, &reference).err().unwrap();
        let begins = format!("the engine could not pull an image: {host}/");
        assert!(
            error.starts_with(&begins) && error.contains(&expected),
            "{error}"
        );
    }

    // What breaks off is taken up again, but not for ever.
    let broken = breaking(host, 3, 1 << 20);
    fetch(&pull(&registries, &format!("{broken}/some/image:1")).unwrap());
    let broken = breaking(host, usize::MAX, 1500);
    let image = pull(&registries, &format!("{broken}/some/image:1"));
    if let Ok(image) = image {
        let Content::Remote { open, .. } = &image.layers[0].content else {
            panic!("not remote");
        };
        let read = open().map_err(std::io::Error::other);
        let error = read.and_then(|mut it| std::io::copy(&mut it, &mut std::io::sink()));
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("breaks off") || error.contains("can't be asked"),
            "{error}"
        );
    }
}

#[test]
fn passwords_are_those_of_docker() {
    let real = Real::new();
    let place = Place::new();
    let users = run(&["htpasswd", "-nbB", "me", "secret"]);
    place.write("htpasswd", users.as_bytes());
    let file = place.path().join("htpasswd").display().to_string();
    let auth = format!("auth: {{htpasswd: {{realm: x, path: {file}}}}}\n");
    let registry = Registry::start(place, "", &auth);
    let host = &registry.host;
    let to = format!("docker://{host}/a:1");
    let copy = [
        "skopeo",
        "copy",
        "-q",
        "--dest-tls-verify=false",
        "--dest-creds",
        "me:secret",
    ];
    let built = Built::new("guarded", SMALL);
    let from = format!("docker-daemon:{}", built.0);
    run(&[&copy[..], &[&from, &to]].concat());
    let helper = |name: &str, script: &str| {
        let name = format!("docker-credential-{name}");
        let path = registry
            .place
            .write(&name, format!("#!/bin/sh\n{script}\n").as_bytes());
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    helper(
        "good",
        r#"read key; [ "$1 $key" = "get HOST" ] && echo '{"Username":"me","Secret":"secret"}'"#
            .replace("HOST", host)
            .as_str(),
    );
    helper(
        "none",
        "echo credentials not found in native keychain; exit 1",
    );
    helper("bad", "echo no luck today; exit 3");
    helper("odd", "echo hello");
    let base64 = |text: &str| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(text)
    };
    let auths = |text: &str| format!(r#"{{"auths":{{"HOST":{{"auth":"{}"}}}}}}"#, base64(text));
    let table = [
        (String::new(), Some("without credentials: there is no ")),
        (
            "{}".to_owned(),
            Some("without credentials: there are none for "),
        ),
        (
            r#"{"auths":{"HOST":{}}}"#.to_owned(),
            Some("without credentials"),
        ),
        (auths("me:secret"), None),
        (auths("me:wrong"), Some("as `me` with the password of ")),
        (
            r#"{"auths":{"HOST":{"auth":"%"}}}"#.to_owned(),
            Some("`auth` for HOST can't be read"),
        ),
        (
            r#"{"auths":{"https://HOST/v2/":{"username":"me","password":"secret"}}}"#.to_owned(),
            None,
        ),
        (r#"{"credHelpers":{"HOST":"good"}}"#.to_owned(), None),
        (r#"{"credsStore":"good"}"#.to_owned(), None),
        (
            r#"{"credHelpers":{"HOST":"none"}}"#.to_owned(),
            Some("docker-credential-none has none"),
        ),
        (
            r#"{"credsStore":"bad"}"#.to_owned(),
            Some("exit status: 3: no luck today"),
        ),
        (
            r#"{"credsStore":"odd"}"#.to_owned(),
            Some("gave an answer that can't be read"),
        ),
        (
            r#"{"credsStore":"missing"}"#.to_owned(),
            Some("docker-credential-missing, asked for HOST, is not installed"),
        ),
        (
            r#"{"credsStore":"../good"}"#.to_owned(),
            Some("is no name of a program"),
        ),
        ("{".to_owned(), Some("config.json: EOF")),
    ];
    let registries = registries(&real, &registry.place);
    for (config, expected) in table {
        if !config.is_empty() {
            registry
                .place
                .write("config.json", config.replace("HOST", host).as_bytes());
        }
        match (pull(&registries, &format!("{host}/a:1")), expected) {
            (Ok(image), None) => fetch(&image),
            (Err(error), Some(expected)) => {
                assert!(
                    error.contains(&expected.replace("HOST", host)),
                    "{config}: {error}"
                );
                assert!(!error.contains("secret"), "{error}");
            }
            (result, _) => panic!("{config}: {:?}", result.err()),
        }
    }
}

#[test]
fn certificates_are_those_of_docker() {
    let real = Real::new();
    let place = Place::new();
    let file = |name: &str| place.path().join(name).display().to_string();
    for name in ["a", "b"] {
        let (key, cert) = (file(&format!("{name}.key")), file(&format!("{name}.crt")));
        run(&[
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            &key,
            "-out",
            &cert,
            "-subj",
            "/CN=x",
            "-days",
            "3",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ]);
    }
    let tls = format!(
        "  tls: {{certificate: {}, key: {}}}\n",
        file("a.crt"),
        file("a.key")
    );
    let registry = Registry::start(place, &tls, "");
    let host = &registry.host;
    let to = format!("docker://{host}/a:1");
    let built = Built::new("certified", SMALL);
    let from = format!("docker-daemon:{}", built.0);
    run(&[
        "skopeo",
        "copy",
        "-q",
        "--dest-tls-verify=false",
        &from,
        &to,
    ]);
    let registries = registries(&real, &registry.place);
    let reference = format!("{host}/a:1");
    let trust = |name: &str| {
        let bytes = std::fs::read(registry.place.path().join(name)).unwrap();
        registry
            .place
            .write(&format!("certs.d/{host}/ca.crt"), &bytes);
    };
    let error = pull(&registries, &reference).err().unwrap();
    assert!(error.contains("answered 400"), "{error}");
    trust("b.crt");
    let error = pull(&registries, &reference).err().unwrap();
    assert!(
        error.contains("certificate") && error.contains("certs.d/127.0.0.1"),
        "{error}"
    );
    trust("a.crt");
    fetch(&pull(&registries, &reference).unwrap());
    trust("a.key");
    let error = pull(&registries, &reference).err().unwrap();
    assert!(
        error.contains("ca.crt: there is no certificate in it"),
        "{error}"
    );
}

/// A sound image of one layer, and what answers for it.
struct Sound {
    files: Vec<(String, Vec<u8>)>,
    manifest: String,
}

impl Sound {
    fn new() -> Self {
        let mut files = Files::default();
        let manifest = files.image("by hand");
        Self {
            files: files.all(),
            manifest: manifest["digest"].as_str().unwrap().to_owned(),
        }
    }

    fn answer(&self, head: &str) -> Option<Vec<u8>> {
        let path = head.split(' ').nth(1).unwrap();
        let last = path
            .rsplit('/')
            .next()
            .unwrap()
            .replace("latest", &self.manifest);
        let name = last.replace("sha256:", "blobs/sha256/");
        let found = self.files.iter().find(|(known, _)| *known == name);
        match found {
            Some((_, bytes)) => reply(200, "", bytes),
            None => reply(
                404,
                "",
                br#"{"errors":[{"code":"X","message":"gone\u001b[31m"}]}"#,
            ),
        }
    }
}

type Answer = Box<dyn Fn(&Sound, &str) -> Option<Vec<u8>> + Send + Sync>;

/// What the answers of a hand-made registry lead to.
fn by_hand(
    answer: impl Fn(&Sound, &str) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> (Hand, Result<(), String>) {
    let real = Real::new();
    let place = Place::new();
    place.write("config.json", b"{}");
    let sound = Sound::new();
    let hand = Hand::new(move |head| answer(&sound, head));
    let image = pull(&registries(&real, &place), &format!("{}/x", hand.host));
    let result = image.and_then(|image| {
        let Content::Remote { open, .. } = &image.layers[0].content else {
            panic!("not remote");
        };
        let mut bytes = Vec::new();
        let mut reader = open().map_err(|error| error.to_string())?;
        std::io::Read::read_to_end(&mut reader, &mut bytes).map_err(|error| error.to_string())?;
        assert_eq!(bytes, EMPTY_TAR);
        Ok(())
    });
    (hand, result)
}

#[test]
fn a_registry_that_is_busy_is_asked_again() {
    for (status, headers, least) in [
        (429, "Retry-After: 1\r\n", 1.0),
        (503, "", 0.2),
        (500, "", 0.2),
    ] {
        let count = AtomicUsize::new(0);
        let begun = Instant::now();
        let (hand, result) =
            by_hand(
                move |sound, head| match count.fetch_add(1, Ordering::SeqCst) {
                    0 => reply(status, headers, b""),
                    _ => sound.answer(head),
                },
            );
        result.unwrap();
        assert!(
            begun.elapsed() >= Duration::from_secs_f64(least),
            "{status}"
        );
        assert_eq!(hand.count("manifests/latest"), 2);
    }
    let (hand, result) = by_hand(|_, _| reply(429, "Retry-After: 0\r\n", b"{}"));
    let error = result.unwrap_err();
    assert!(
        error.contains("lets nobody ask so often") && error.contains("5 times without"),
        "{error}"
    );
    assert_eq!(hand.count("GET"), 5);
}

#[test]
fn a_registry_that_is_not_sound_is_not_believed() {
    let zeros = "0".repeat(64);
    let other = move |sound: &Sound, head: &str| {
        let digest = format!("Docker-Content-Digest: sha256:{zeros}\r\n");
        let found = sound.answer(head)?;
        let at = found.windows(4).position(|it| it == b"\r\n\r\n")? + 4;
        reply(200, &digest, &found[at..])
    };
    let for_blob = |bytes: Vec<u8>| -> Answer {
        let layer = digest_of(&EMPTY_TAR).to_string();
        Box::new(move |sound, head| match head.contains(&layer) {
            true => reply(200, "", &bytes),
            false => sound.answer(head),
        })
    };
    let at_first = |status, headers: &'static str, body: Vec<u8>| -> Answer {
        Box::new(move |_, _| reply(status, headers, &body))
    };
    let table: Vec<(Answer, &str)> = vec![
        (Box::new(other), "the manifest must have the digest sha256:000"),
        (at_first(200, "Content-Type: text/html\r\n", b"<html>".to_vec()), "it is no registry"),
        (at_first(200, "", vec![b' '; 5 << 20]), "the image is larger than 4194304 bytes"),
        (at_first(200, "", b"[]".to_vec()), "can't be read"),
        (at_first(403, "", br#"{"errors":[{"message":"no\n\u001bway"}]}"#.to_vec()), "does not give it to us (no  way)"),
        (at_first(418, "", b"".to_vec()), "answered 418"),
        (at_first(401, "", b"".to_vec()), "does not give it to us; it was asked without"),
        (at_first(302, "Location: /v2/x/manifests/latest\r\n", b"".to_vec()), "too many redirections"),
        (at_first(200, "", br#"{"schemaVersion":2,"manifests":[{"digest":"sha256:1","size":1,"platform":{"os":"a","architecture":"b"}}]}"#.to_vec()), "no image for linux/amd64; there is a/b"),
        (for_blob(vec![0; 1025]), "sends more of a blob than its 1024 bytes"),
        (for_blob(vec![0; 1000]), "breaks off in the middle of a blob"),
    ];
    for (answer, expected) in table {
        let (_, result) = by_hand(answer);
        let error = result.unwrap_err();
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(!error.contains('\u{1b}'), "{error:?}");
    }
}

#[test]
fn content_may_be_elsewhere_and_begin_in_the_middle() {
    let layer = digest_of(&EMPTY_TAR).to_string();
    let count = AtomicUsize::new(0);
    let (hand, result) = by_hand(move |sound, head| {
        if head.starts_with("GET /cdn") {
            // The first time only a part comes, and then the rest.
            let head = head.to_ascii_lowercase();
            return match count.fetch_add(1, Ordering::SeqCst) {
                0 => reply(200, "", &EMPTY_TAR).map(|it| it[..it.len() - 24].to_vec()),
                _ if head.contains("range: bytes=1000-") => reply(
                    206,
                    "Content-Range: bytes 1000-1023/1024\r\n",
                    &EMPTY_TAR[1000..],
                ),
                _ => reply(500, "", b""),
            };
        }
        match head.contains(&layer) {
            true => reply(307, "Location: /cdn/x\r\n", b""),
            false => sound.answer(head),
        }
    });
    result.unwrap();
    assert_eq!(hand.count("GET /cdn"), 2);
}

#[test]
fn passwords_stay_with_the_registry() {
    let real = Real::new();
    let place = Place::new();
    let sound = Sound::new();
    let layer = digest_of(&EMPTY_TAR).to_string();
    let elsewhere = Hand::new(|_| reply(200, "", &EMPTY_TAR));
    let location = format!("Location: http://{}/x\r\n", elsewhere.host);
    let hand = Hand::new(move |head| {
        if !head.contains("uthorization: Basic bWU6c2VjcmV0") {
            return reply(401, "WWW-Authenticate: Basic realm=\"x\"\r\n", b"");
        }
        match head.contains(&layer) {
            true => reply(307, &location, b""),
            false => sound.answer(head),
        }
    });
    let config = r#"{"auths":{"HOST":{"auth":"bWU6c2VjcmV0"}}}"#;
    place.write("config.json", config.replace("HOST", &hand.host).as_bytes());
    fetch(&pull(&registries(&real, &place), &format!("{}/x", hand.host)).unwrap());
    assert_eq!(
        (elsewhere.count("GET"), elsewhere.count("uthorization")),
        (1, 0)
    );
    // The first request alone was made without.
    assert_eq!((hand.count("GET"), hand.count("uthorization")), (4, 3));
}

#[test]
fn tokens_are_fetched_as_the_registry_wants_them() {
    for (config, wanted) in [
        (
            "{}",
            "GET /token?scope=repository%3Ax%3Apull&service=a+b HTTP",
        ),
        (
            r#"{"auths":{"HOST":{"auth":"bWU6c2VjcmV0"}}}"#,
            "authorization: Basic bWU6c2VjcmV0",
        ),
        (
            r#"{"auths":{"HOST":{"identitytoken":"idt"}}}"#,
            "refresh_token=idt",
        ),
    ] {
        let real = Real::new();
        let place = Place::new();
        let sound = Sound::new();
        let hand = Hand::new(move |head| {
            let (_, host) = head
                .split_once("host: ")
                .or(head.split_once("Host: "))
                .unwrap();
            let host = host.lines().next().unwrap();
            if head.contains(" /token") {
                return reply(200, "", br#"{"token":"good","expires_in":60}"#);
            }
            if head.contains("uthorization: Bearer good\r") {
                return sound.answer(head);
            }
            let realm = format!(
                "WWW-Authenticate: Bearer realm=\"http://{host}/token\",service=\"a b\"\r\n"
            );
            reply(401, &realm, b"")
        });
        place.write("config.json", config.replace("HOST", &hand.host).as_bytes());
        fetch(&pull(&registries(&real, &place), &format!("{}/x", hand.host)).unwrap());
        let seen = hand.seen.lock().unwrap();
        let tokens: Vec<_> = seen
            .iter()
            .filter(|head| head.contains(" /token"))
            .collect();
        assert!(
            tokens.len() == 1 && tokens[0].contains(wanted),
            "{tokens:?}"
        );
    }
}

#[test]
fn a_run_that_stops_waits_for_no_registry() {
    let real = Real::new();
    let place = Place::new();
    let hand = Hand::new(|_| None);
    let registries = registries(&real, &place);
    std::thread::scope(|scope| {
        let pulled = scope.spawn(|| pull(&registries, &format!("{}/x", hand.host)).err());
        while hand.count("GET") == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        real.stop.send(true).unwrap();
        assert_eq!(
            pulled.join().unwrap().as_deref(),
            Some("the run was interrupted")
        );
    });
}
