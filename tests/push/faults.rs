//! Connections that break, registries that are busy, tokens that end.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use seatrial::registry::{Digest, PushListener, RegistryError, Target, Version, push};

use crate::desk::{Desk, Ear, at_once, deaf, layer, one, target};
use crate::support::keeper::Keeper;
use crate::support::registry::{Fault, FaultProxy, Registry, count, docker_config};

#[test]
fn what_breaks_is_tried_again_within_bounds() {
    let desk = Desk::new();
    docker_config(desk.folder.path(), "none", "me", "secret");
    let image = desk.prepare(&[layer("a", 3 << 19), layer("b", 1000)]);
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
    let image = desk.prepare(&[layer("a", 3 << 19), layer("b", 1000)]);
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
    let image = desk.prepare(&[layer("a", 10 << 20)]);
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
    let image = desk.prepare(&[layer("a", 3 << 19), layer("b", 3 << 19)]);
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
    let fresh = desk.prepare(&[layer("c", 3 << 19)]);
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

#[test]
fn no_other_host_is_shown_the_password() {
    let desk = Desk::new();
    let image = desk.prepare(&[layer("a", 3 << 19)]);
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
