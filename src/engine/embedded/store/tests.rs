//! Layers that are made once, and what can go wrong with a store.

use std::fs::{DirBuilder, File, Permissions};
use std::io::{Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use super::super::layer::{Content, Digest, Layer};
use super::super::unpack::{Form, Owners, Unpacked};
use super::hands::Hands;
use super::images::ImageRecord;
use super::in_process::InProcess;
use super::store::Store;
use crate::engine::EngineError;

/// Hands that count, and can be slow or fail.
#[derive(Default)]
pub(super) struct Counting {
    pub(super) unpacked: AtomicUsize,
    pub(super) removed: AtomicUsize,
    /// How long it takes before it begins, and when all is done.
    pub(super) takes: Duration,
    pub(super) sleeps: Duration,
    pub(super) is_broken: bool,
    pub(super) owners: Option<Owners>,
}

impl Hands for Counting {
    fn form(&self) -> Form {
        Form::Trusted
    }

    fn owners(&self) -> Owners {
        self.owners.unwrap_or(Owners::AsGiven)
    }

    fn unpack(
        &self,
        content: &Content,
        diff_id: &Digest,
        target: &Path,
    ) -> Result<Unpacked, EngineError> {
        self.unpacked.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(self.takes);
        let done = InProcess.unpack(content, diff_id, target)?;
        std::thread::sleep(self.sleeps);
        if self.is_broken {
            return Err(EngineError::Interrupted);
        }
        Ok(done)
    }

    fn remove(&self, path: &Path) -> Result<(), EngineError> {
        self.removed.fetch_add(1, Ordering::SeqCst);
        InProcess.remove(path)
    }
}

impl Counting {
    pub(super) fn times(&self) -> usize {
        self.unpacked.load(Ordering::SeqCst)
    }
}

pub(super) struct Room {
    folder: TempDir,
    pub(super) told: Arc<Mutex<Vec<String>>>,
}

impl Room {
    pub(super) fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            told: Arc::default(),
        }
    }

    pub(super) fn root(&self) -> PathBuf {
        self.folder.path().join("cache/store")
    }

    pub(super) fn store(&self) -> Store {
        let told = Arc::clone(&self.told);
        let tell = move |text: &str| told.lock().unwrap().push(text.to_owned());
        Store::open(&self.root(), Arc::new(tell)).unwrap()
    }

    fn refusal(&self) -> String {
        let opened = Store::open(&self.root(), Arc::new(|_: &str| ()));
        opened.unwrap_err().to_string()
    }

    pub(super) fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.root().join(folder)).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn digest(bytes: &[u8]) -> Digest {
    use sha2::{Digest as _, Sha256};
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Digest::parse(&format!("sha256:{hex}")).unwrap()
}

/// A layer with one file, somewhere in a larger one.
pub(super) fn layer(content: &str) -> Layer {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o4755);
    let bytes = content.as_bytes();
    builder.append_data(&mut header, "file", bytes).unwrap();
    let tar = builder.into_inner().unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"before").unwrap();
    file.write_all(&tar).unwrap();
    file.write_all(b"behind").unwrap();
    file.rewind().unwrap();
    Layer {
        diff_id: digest(&tar),
        content: Content::File {
            file: Arc::new(file),
            offset: 6,
            length: tar.len() as u64,
            digest: Some(digest(&tar)),
        },
    }
}

#[test]
fn a_layer_is_unpacked_once_and_only_its_owner_reaches_it() {
    let (room, hands, layer) = (Room::new(), Counting::default(), layer("one"));
    let guard = room.store().layer(&layer, &hands).unwrap();
    assert_eq!(guard.unpacked().unwrap().size, 3);
    let file = guard.path().join("file");
    assert_eq!(std::fs::read(&file).unwrap(), b"one");
    drop(guard);
    let again = room.store().layer(&layer, &hands).unwrap();
    assert_eq!((hands.times(), again.path()), (1, file.parent().unwrap()));
    assert_eq!(room.root().metadata().unwrap().mode() & 0o7777, 0o700);
    assert!(room.names("temporary").is_empty());
    assert_eq!(room.names("layers/sha256"), [layer.diff_id.hex()]);
    // Made by other hands it is another layer.
    let hands = Counting {
        owners: Some(Owners::Single),
        ..Counting::default()
    };
    let single = room.store().layer(&layer, &hands).unwrap();
    assert!(hands.times() == 1 && single.path() != again.path());
}

#[test]
fn a_folder_is_taken_as_it_is() {
    let (room, hands) = (Room::new(), Counting::default());
    let folder = Layer {
        content: Content::Folder("/somewhere".into()),
        ..layer("x")
    };
    let guard = room.store().layer(&folder, &hands).unwrap();
    assert_eq!((guard.path(), hands.times()), (Path::new("/somewhere"), 0));
    assert!(guard.unpacked().is_none());
}

#[test]
fn of_many_at_once_one_unpacks_and_the_others_wait() {
    let (room, layer) = (Room::new(), layer("one"));
    let hands = Counting {
        takes: Duration::from_millis(200),
        ..Counting::default()
    };
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let guard = room.store().layer(&layer, &hands).unwrap();
                assert!(guard.path().join("file").exists());
            });
        }
    });
    assert_eq!(hands.times(), 1);
    let told = room.told.lock().unwrap();
    assert!(!told.is_empty() && told[0].contains(layer.diff_id.hex()));
}

#[test]
fn waiting_has_an_end_and_can_be_stopped() {
    let (room, layer) = (Room::new(), layer("one"));
    let slow = Counting {
        takes: Duration::from_secs(1),
        ..Counting::default()
    };
    std::thread::scope(|scope| {
        scope.spawn(|| room.store().layer(&layer, &slow).unwrap());
        while slow.times() == 0 {
            std::thread::yield_now();
        }
        let store = room.store().waiting(Duration::from_millis(50));
        let error = store.layer(&layer, &slow).unwrap_err().to_string();
        assert!(error.contains("another process unpacks"), "{error}");
        let store = room.store().stopping(Arc::new(|| true));
        let error = store.layer(&layer, &slow).unwrap_err();
        assert!(matches!(error, EngineError::Interrupted));
    });
}

#[test]
fn whoever_waited_need_not_wait_for_those_who_use_it() {
    let (room, layer) = (Room::new(), layer("one"));
    let hands = Counting {
        takes: Duration::from_millis(300),
        ..Counting::default()
    };
    let both = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _guard = room.store().layer(&layer, &hands).unwrap();
            // Uses it until the other has it too.
            both.wait();
        });
        while hands.times() == 0 {
            std::thread::yield_now();
        }
        let store = room.store().waiting(Duration::from_secs(20));
        let guard = store.layer(&layer, &hands);
        both.wait();
        let guard = guard.unwrap();
        assert!(guard.path().join("file").exists());
    });
    assert_eq!(hands.times(), 1);
}

#[test]
fn all_layers_of_an_image_come_in_their_order() {
    let (room, hands) = (Room::new(), Counting::default());
    // One comes twice, as empty ones do.
    let texts = ["a", "b", "c", "d", "b"];
    let layers: Vec<_> = texts.map(layer).into();
    let guards = room.store().all_layers(&layers, &hands).unwrap();
    let read = |guard: &super::layers::LayerGuard| {
        std::fs::read_to_string(guard.path().join("file")).unwrap()
    };
    assert_eq!(guards.iter().map(read).collect::<Vec<_>>(), texts);
    assert_eq!(hands.times(), 4);
    assert!(room.store().all_layers(&[], &hands).unwrap().is_empty());
}

#[test]
fn one_bad_layer_spoils_the_image() {
    let (room, hands) = (Room::new(), Counting::default());
    let mut layers: Vec<_> = ["a", "b", "c"].map(layer).into();
    layers[1].diff_id = digest(b"other");
    let error = room.store().all_layers(&layers, &hands).unwrap_err();
    let error = error.to_string();
    assert!(error.contains(digest(b"other").hex()), "{error}");
    assert!(room.names("temporary").is_empty());
    assert!(
        !room
            .names("layers/sha256")
            .contains(&digest(b"other").hex().to_owned())
    );
}

#[test]
fn what_is_not_whole_is_never_taken_for_whole() {
    type Damage = fn(&Path);
    let table: [(&str, Damage); 6] = [
        ("no record", |folder| {
            std::fs::remove_file(folder.join("layer.json")).unwrap();
        }),
        ("an empty record", |folder| {
            File::create(folder.join("layer.json")).unwrap();
        }),
        ("half a record", |folder| {
            let file = File::options().write(true).open(folder.join("layer.json"));
            file.unwrap().set_len(40).unwrap();
        }),
        ("no folder", |folder| {
            std::fs::remove_dir_all(folder.join("diff")).unwrap();
        }),
        ("a link for a folder", |folder| {
            std::fs::remove_dir_all(folder.join("diff")).unwrap();
            std::os::unix::fs::symlink("/etc", folder.join("diff")).unwrap();
        }),
        ("another boot", |folder| {
            let path = folder.join("layer.json");
            let text = std::fs::read_to_string(&path).unwrap();
            let boot = crate::mark::Mark::ours().boot;
            assert!(text.contains(&boot) && text.contains("\"is_durable\": false"));
            let mut file = File::create(path).unwrap();
            file.write_all(text.replace(&boot, "0").as_bytes()).unwrap();
        }),
    ];
    for (name, damage) in table {
        let (room, hands, layer) = (Room::new(), Counting::default(), layer("one"));
        let guard = room.store().layer(&layer, &hands).unwrap();
        let folder = guard.path().parent().unwrap().to_owned();
        drop(guard);
        damage(&folder);
        let guard = room.store().layer(&layer, &hands).unwrap();
        assert_eq!(hands.times(), 2, "{name}");
        assert_eq!(std::fs::read(guard.path().join("file")).unwrap(), b"one");
        assert!(room.names("temporary").is_empty(), "{name}");
    }
}

#[test]
fn a_layer_that_was_handed_to_the_disk_outlives_the_boot() {
    let (room, hands, layer) = (Room::new(), Counting::default(), layer("one"));
    let guard = room.store().layer(&layer, &hands).unwrap();
    let path = guard.path().parent().unwrap().join("layer.json");
    drop(guard);
    let change = |from: &str, to: &str| {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}: {text}");
        let mut file = File::create(&path).unwrap();
        file.write_all(text.replace(from, to).as_bytes()).unwrap();
    };
    // It was made long ago, and is used again.
    change("\"made\": 1", "\"made\": ");
    drop(room.store().layer(&layer, &hands).unwrap());
    change(&crate::mark::Mark::ours().boot, "0");
    drop(room.store().layer(&layer, &hands).unwrap());
    assert_eq!(hands.times(), 1);
}

#[test]
fn what_fails_leaves_nothing_behind() {
    let (room, layer) = (Room::new(), layer("one"));
    let broken = Counting {
        is_broken: true,
        ..Counting::default()
    };
    let error = room.store().layer(&layer, &broken).unwrap_err();
    assert!(matches!(error, EngineError::Interrupted));
    assert!(room.names("temporary").is_empty());
    assert!(room.names("layers/sha256").is_empty());
    room.store().layer(&layer, &Counting::default()).unwrap();
}

#[test]
fn only_a_store_is_taken_for_one() {
    let write = |path: PathBuf, text: &str| {
        let mut file = File::create(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    let made = || {
        let room = Room::new();
        std::fs::create_dir_all(room.root()).unwrap();
        room
    };
    let room = made();
    write(room.root().join("thesis.txt"), "");
    assert!(room.refusal().contains("holds other things"));
    assert_eq!(room.names(""), ["thesis.txt"]);
    for (version, expected) in [
        ("2\n", "newer seatrial"),
        ("0", "other things"),
        ("x", "other things"),
        ("", "other things"),
    ] {
        let room = made();
        write(room.root().join("version"), version);
        let error = room.refusal();
        assert!(error.contains(expected), "{version:?}: {error}");
    }
    let room = made();
    std::fs::remove_dir(room.root()).unwrap();
    write(room.root(), "");
    assert!(room.refusal().contains("other things"));
    let room = made();
    std::os::unix::fs::chown(room.root(), Some(1234), None).unwrap();
    let error = room.refusal();
    assert!(
        error.contains("belongs to the user 1234, not to 0"),
        "{error}"
    );
    // Too open it is closed.
    let room = made();
    std::fs::set_permissions(room.root(), Permissions::from_mode(0o755)).unwrap();
    room.store();
    assert_eq!(room.root().metadata().unwrap().mode() & 0o7777, 0o700);
}

#[test]
fn disks_that_are_full_or_not_to_be_written_are_named() {
    use std::process::Command;
    let room = Room::new();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(room.root())
        .unwrap();
    let mount = |options: &str| {
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(room.root());
        assert!(mount.status().unwrap().success());
    };
    let unmount = || {
        let done = Command::new("umount").arg(room.root()).status();
        assert!(done.unwrap().success());
    };
    mount("size=256k,mode=700");
    let large = layer(&"x".repeat(1 << 20));
    let error = room.store().layer(&large, &Counting::default());
    let error = error.unwrap_err().to_string();
    let left = room.names("temporary");
    unmount();
    assert!(error.contains("no space is left"), "{error}");
    assert!(error.contains("store/temporary/"), "{error}");
    assert!(left.is_empty());
    mount("ro,mode=700");
    let error = room.refusal();
    unmount();
    assert!(error.contains("Read-only file system"), "{error}");
    assert!(
        error.contains(&room.root().display().to_string()),
        "{error}"
    );
}

#[test]
fn images_are_found_again_by_what_they_are_called() {
    let (room, layer) = (Room::new(), layer("one"));
    let store = room.store();
    let image = ImageRecord {
        config: b"{ \"os\": \"linux\"  }\n".to_vec(),
        diff_ids: vec![layer.diff_id],
    };
    let id = store.put_image(&image).unwrap();
    assert_eq!(id, digest(&image.config));
    let name = "registry.example:5000/a/b:tag";
    assert_eq!(store.reference(name).unwrap(), None);
    store.put_reference(name, &id).unwrap();
    let found = room.store().reference(name).unwrap().unwrap();
    assert_eq!(room.store().image(&found).unwrap(), Some(image.clone()));
    // A name can come to mean something else.
    let other = digest(b"other");
    store.put_reference(name, &other).unwrap();
    assert_eq!(store.reference(name).unwrap(), Some(other.clone()));
    assert_eq!(store.image(&other).unwrap(), None);
    // A record that is not what it says is none.
    let [file] = room.names("images").try_into().unwrap();
    let path = room.root().join("images").join(file);
    let text = std::fs::read_to_string(&path)
        .unwrap()
        .replace("linux", "plan9");
    File::create(&path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    assert_eq!(store.image(&id).unwrap(), None);
    File::create(&path).unwrap();
    assert_eq!(store.image(&id).unwrap(), None);
    let binary = ImageRecord {
        config: vec![0xff],
        diff_ids: vec![],
    };
    assert!(store.put_image(&binary).is_err());
}
