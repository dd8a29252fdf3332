//! What is kept, what is taken, and above all what is not.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::file::{ImageFile, LARGEST, LONGEST};
use super::folder::{Cleared, clear, prune_to};
use super::key::{Key, World};
use super::kinds::holds_later;
use super::results::Results;
use crate::engine::{EngineInfo, Image, ImageConfig};
use crate::fingerprint::fill;
use crate::plan::Plan;
use crate::spec::{Inputs, load};

const IMAGE: &str = "sha256:7be681fb8b8aa04bf2298e0edd8ad729cf2b87886e6bc05df1cdaa5737f532c3";

fn key(image: &str, fingerprint: &str) -> Key {
    let world = World::ours().unwrap();
    world.key(image, fingerprint, "here", &engine("docker"))
}

fn engine(kind: &str) -> EngineInfo {
    EngineInfo {
        kind: kind.into(),
        version: "1".into(),
        platform: "linux/amd64".into(),
        beside: None,
    }
}

fn image(id: &str) -> Image {
    Image {
        reference: "a:b".into(),
        id: id.into(),
        repo_digests: Vec::new(),
        size: None,
        layers: None,
        author: String::new(),
        config: ImageConfig {
            env: vec![("NET".into(), "host".into())],
            ..ImageConfig::default()
        },
    }
}

fn read(folder: &Path) -> ImageFile {
    ImageFile::of(folder, IMAGE, SystemTime::now())
}

/// A folder with one result, and its file.
fn one() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let now = SystemTime::now();
    read(folder.path()).add(key(IMAGE, "a"), now).unwrap();
    let file = fs::read_dir(folder.path()).unwrap().next().unwrap();
    let file = file.unwrap().path();
    (folder, file)
}

fn is_known(folder: &Path) -> bool {
    read(folder).find(&key(IMAGE, "a")).is_some()
}

fn append(path: &Path, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

fn set(path: &Path, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(path)
        .unwrap();
    file.write_all(bytes).unwrap();
}

#[test]
fn only_the_whole_key_finds_a_result() {
    let (folder, _) = one();
    assert!(is_known(folder.path()));
    let base = key(IMAGE, "a");
    let others = [
        Key {
            image: "sha256:0".into(),
            ..base.clone()
        },
        Key {
            fingerprint: "b".into(),
            ..base.clone()
        },
        Key {
            surroundings: "b".into(),
            ..base.clone()
        },
        Key {
            engine: "b".into(),
            ..base.clone()
        },
        Key {
            program: "b".into(),
            ..base.clone()
        },
        Key {
            host: "b".into(),
            ..base
        },
    ];
    for other in others {
        assert!(read(folder.path()).find(&other).is_none(), "{other:?}");
    }
    // What an engine says of itself is part of the key.
    let world = World::ours().unwrap();
    let of = |engine: &EngineInfo| world.key(IMAGE, "a", "here", engine);
    let beside = EngineInfo {
        beside: Some("docker 1".into()),
        ..engine("docker")
    };
    let newer = EngineInfo {
        version: "2".into(),
        ..engine("docker")
    };
    for other in [engine("podman"), beside, newer] {
        assert_ne!(of(&other), of(&engine("docker")));
    }
}

#[test]
fn what_is_damaged_is_not_taken() {
    let (folder, file) = one();
    let sound = fs::read(&file).unwrap();
    for at in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        set(&file, &bytes);
        // A changed line break joins a line with an empty one.
        let is_break = sound[at] == b'\n';
        assert!(is_break || !is_known(folder.path()), "byte {at}");
        set(&file, &sound[..at]);
        assert!(
            at == sound.len() - 1 || !is_known(folder.path()),
            "cut at {at}"
        );
    }
    // What is torn may have taken back what was before it, and spoils nothing after it.
    set(&file, &sound);
    append(&file, &sound[..sound.len() / 2]);
    read(folder.path())
        .add(key(IMAGE, "b"), SystemTime::now())
        .unwrap();
    let mut all = read(folder.path());
    assert!(all.find(&key(IMAGE, "a")).is_none() && all.find(&key(IMAGE, "b")).is_some());
}

#[test]
fn what_fails_later_is_taken_back_until_it_passes_again() {
    let (folder, _) = one();
    read(folder.path())
        .add(key(IMAGE, "b"), SystemTime::now())
        .unwrap();
    read(folder.path()).revoke(&key(IMAGE, "a")).unwrap();
    assert!(!is_known(folder.path()));
    assert!(read(folder.path()).find(&key(IMAGE, "b")).is_some());
    read(folder.path())
        .add(key(IMAGE, "a"), SystemTime::now())
        .unwrap();
    assert!(is_known(folder.path()));
    // What is not known takes no room.
    let size = |folder: &Path| -> u64 {
        let files = fs::read_dir(folder).unwrap();
        files
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum()
    };
    let before = size(folder.path());
    read(folder.path()).revoke(&key(IMAGE, "c")).unwrap();
    assert_eq!(size(folder.path()), before);
}

#[test]
fn a_file_of_another_image_is_not_taken() {
    let (folder, file) = one();
    let other = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let mut results = ImageFile::of(folder.path(), other, SystemTime::now());
    results.add(key(other, "a"), SystemTime::now()).unwrap();
    let place = fs::read_dir(folder.path()).unwrap();
    let place = place.map(|entry| entry.unwrap().path());
    let place = place.into_iter().find(|path| *path != file).unwrap();
    fs::rename(&file, place).unwrap();
    let mut moved = ImageFile::of(folder.path(), other, SystemTime::now());
    assert!(moved.find(&key(IMAGE, "a")).is_none());
}

/// What is done to a file.
type Spoil<'a> = &'a dyn Fn(&Path);

#[test]
fn files_that_others_could_write_are_not_taken_and_replaced() {
    let mode = |path: &Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let spoil: [(&str, Spoil<'_>); 4] = [
        ("group", &|file| mode(file, 0o660)),
        ("all", &|file| mode(file, 0o604)),
        ("link", &|file| {
            let aside = file.with_extension("aside");
            fs::rename(file, &aside).unwrap();
            symlink(aside, file).unwrap();
        }),
        ("hard link", &|file| {
            fs::hard_link(file, file.with_extension("aside")).unwrap();
        }),
    ];
    for (name, spoil) in spoil {
        let (folder, file) = one();
        spoil(&file);
        assert!(!is_known(folder.path()), "{name}");
        read(folder.path())
            .add(key(IMAGE, "b"), SystemTime::now())
            .unwrap();
        let mut all = read(folder.path());
        assert!(all.find(&key(IMAGE, "b")).is_some(), "{name}");
        assert!(all.find(&key(IMAGE, "a")).is_none(), "{name}");
    }
}

#[test]
fn results_have_an_age_and_none_is_of_the_future() {
    let hour = Duration::from_secs(3600);
    let now = SystemTime::now();
    for (performed, known) in [
        (now - hour, true),
        (now - LONGEST + hour, true),
        (now - LONGEST - hour, false),
        (now + hour, false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        read(folder.path()).add(key(IMAGE, "a"), performed).unwrap();
        assert_eq!(is_known(folder.path()), known, "{performed:?}");
    }
}

#[test]
fn there_is_never_too_much() {
    let (folder, file) = one();
    append(&file, &vec![b' '; LARGEST as usize]);
    assert!(!is_known(folder.path()));
    read(folder.path())
        .add(key(IMAGE, "b"), SystemTime::now())
        .unwrap();
    assert!(file.metadata().unwrap().len() < 4096);

    let folder = tempfile::tempdir().unwrap();
    let now = SystemTime::now();
    let ages = [1, 2, 3, 400].map(|hours| Duration::from_secs(3600 * hours));
    for (number, age) in ages.iter().enumerate() {
        let path = folder.path().join(format!("{number}.results"));
        let mut file = fs::File::create(path).unwrap();
        file.write_all(&[0; 100]).unwrap();
        file.set_modified(now - *age).unwrap();
    }
    fs::File::create(folder.path().join("other")).unwrap();
    let left = || -> Vec<String> {
        let names = fs::read_dir(folder.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    };
    prune_to(folder.path(), now, 1000).unwrap();
    assert_eq!(left(), ["0.results", "1.results", "2.results", "other"]);
    prune_to(folder.path(), now, 200).unwrap();
    assert_eq!(left(), ["0.results", "1.results", "other"]);
    let cleared = Cleared {
        images: 2,
        bytes: 200,
    };
    assert_eq!(clear(folder.path()).unwrap(), cleared);
    assert_eq!(
        clear(&folder.path().join("none")).unwrap(),
        Cleared::default()
    );
    assert_eq!(left(), ["other"]);
}

#[test]
fn many_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let folder = folder.path();
            scope.spawn(move || {
                let mut file = read(folder);
                for line in 0..50 {
                    let key = key(IMAGE, &format!("{number}-{line}"));
                    file.add(key, SystemTime::now()).unwrap();
                }
            });
        }
    });
    let mut all = read(folder.path());
    for number in 0..8 {
        for line in 0..50 {
            assert!(all.find(&key(IMAGE, &format!("{number}-{line}"))).is_some());
        }
    }
}

/// A project with checks, and the plan of them.
fn planned(checks: &str) -> (TempDir, Plan) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("test-specs")).unwrap();
    let write = |name: &str, text: &str| {
        let mut file = fs::File::create(root.join(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    write("data", "1");
    write(
        "test-specs/a.yaml",
        &format!("image: a:b\nchecks:\n{checks}\n"),
    );
    // Long enough ago for every clock.
    std::thread::sleep(Duration::from_millis(80));
    let inputs = Inputs {
        project: None,
        env: &|_| None,
    };
    let loaded = load(root, &["test-specs".into()], inputs).unwrap();
    assert!(loaded.mistakes.is_empty(), "{:?}", loaded.mistakes);
    let plan = Plan::new(loaded.specs, Vec::new(), None, root).unwrap();
    let names = plan.cases.iter().map(|case| case.info.name()).collect();
    (folder, fill(plan, &names))
}

#[test]
fn only_what_holds_at_any_time_is_kept() {
    let table = [
        ("{run: echo}", true),
        ("{run: echo, network: none}", true),
        ("{run: echo, network: bridge}", false),
        ("{run: echo, network: host}", false),
        (
            "{name: a, run: echo, network: '${{ image.env.NET }}'}",
            false,
        ),
        ("{name: a, run: 'echo ${{ image.env.NET }}'}", true),
        ("{name: a, run: 'echo ${{ image.env.NOT }}'}", false),
        ("{run: echo, within: 5s}", false),
        ("{run: echo, max_memory: 50MB}", false),
        ("{run: echo, isolation: shared}", false),
        ("{run: echo, xfail: is broken}", false),
        ("{run: echo, timeout: 5s, retries: 2}", true),
        ("{version: sh, network: bridge}", false),
        ("{version: sh}", true),
        ("{help: sh}", true),
        ("{imports: {python: [os]}}", true),
        ("{imports: {python: [os]}, network: host}", false),
        ("{file: /etc/passwd}", true),
        ("{config: {user: ''}}", true),
        ("{size: {max: 1GB}}", true),
        ("{libraries: [/bin/sh]}", true),
        ("{packages: {dpkg: [dash]}}", true),
        ("{hygiene: {setuid: false}}", true),
        ("{service: {ready: {log: up}}}", false),
    ];
    for (check, kept) in table {
        let (_folder, plan) = planned(&format!("- {check}"));
        assert_eq!(holds_later(&plan.cases[0], &image(IMAGE)), kept, "{check}");
    }
}

#[test]
fn files_that_change_under_a_check_keep_its_result_from_being_kept() {
    let check = "- {run: cat, mounts: {data: /d}}";
    let results = |folder: &TempDir, fresh| Results::open(folder.path().to_owned(), fresh).unwrap();
    let kept = tempfile::tempdir().unwrap();
    let (project, plan) = planned(check);
    let case = &plan.cases[0];
    let (image, engine) = (image(IMAGE), engine("docker"));
    set(&project.path().join("data"), b"2");
    results(&kept, false).keep(case, &image, &engine);
    assert!(
        results(&kept, false)
            .recall(case, &image, &engine)
            .is_none()
    );

    let (_project, plan) = planned(check);
    let case = &plan.cases[0];
    results(&kept, true).keep(case, &image, &engine);
    assert!(
        results(&kept, false)
            .recall(case, &image, &engine)
            .is_some()
    );
    assert!(results(&kept, true).recall(case, &image, &engine).is_none());
    // Times and owners are seen by containers, and are part of what must be the same.
    let later = planned(check);
    assert!(
        results(&kept, false)
            .recall(&later.1.cases[0], &image, &engine)
            .is_none()
    );
    // An engine that tells no digest tells nothing that results can hang on.
    let other = Image {
        id: "a".into(),
        ..image
    };
    results(&kept, false).keep(case, &other, &engine);
    assert!(
        results(&kept, false)
            .recall(case, &other, &engine)
            .is_none()
    );
}
