//! What is removed from a store, and what stays.

use std::fs::{File, create_dir};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use super::store::Store;
use super::tests::{Counting, Room, layer};
use crate::mark::Mark;

/// The mark of a process that is gone: its pid is ours, with another start.
fn dead() -> String {
    let mut mark = Mark::ours();
    mark.start = "1".to_owned();
    mark.to_string()
}

#[test]
fn what_is_used_stays_and_all_else_goes() {
    let (room, hands) = (Room::new(), Counting::default());
    let (one, two) = (layer("one"), layer("two"));
    let store = room.store();
    let guard = store.layer(&one, &hands).unwrap();
    drop(store.layer(&two, &hands).unwrap());
    store.put_reference("name", &one.diff_id).unwrap();
    let cleared = room.store().clear(&hands).unwrap();
    assert_eq!(cleared.removed, [two.diff_id.hex()]);
    assert_eq!(cleared.in_use, [one.diff_id.hex()]);
    assert!(cleared.freed > 3 && cleared.failed.is_empty());
    assert!(guard.path().join("file").exists());
    assert!(room.names("references").is_empty());
    assert_eq!(room.names("locks"), [one.diff_id.hex()]);
    // All of it went through the hands.
    assert_eq!(hands.removed.load(Ordering::SeqCst), 1);
    drop(guard);
    let cleared = room.store().clear(&hands).unwrap();
    assert_eq!(cleared.removed, [one.diff_id.hex()]);
    assert!(room.names("temporary").is_empty() && room.names("locks").is_empty());
    // And it can be made again.
    store.layer(&one, &hands).unwrap();
    assert_eq!(hands.times(), 3);
}

#[test]
fn locks_of_what_was_never_made_go_too() {
    let (room, layer) = (Room::new(), layer("one"));
    let broken = Counting {
        is_broken: true,
        ..Counting::default()
    };
    assert!(room.store().layer(&layer, &broken).is_err());
    assert_eq!(room.names("locks").len(), 1);
    room.store().clear(&broken).unwrap();
    assert!(room.names("locks").is_empty());
}

#[test]
fn what_was_used_last_stays_longest() {
    let (room, hands) = (Room::new(), Counting::default());
    let layers = ["a", "b", "c"].map(layer);
    let store = room.store();
    for (at, layer) in layers.iter().enumerate() {
        drop(store.layer(layer, &hands).unwrap());
        let lock = room.root().join("locks").join(layer.diff_id.hex());
        let ago = Duration::from_secs(1000 - 100 * at as u64);
        let lock = File::options().append(true).open(lock).unwrap();
        lock.set_modified(SystemTime::now() - ago).unwrap();
    }
    // The oldest is used once more.
    let guard = store.layer(&layers[0], &hands).unwrap();
    assert!(store.prune(u64::MAX, &hands).unwrap().removed.is_empty());
    let cleared = store.prune(2 * 4097, &hands).unwrap();
    assert_eq!(cleared.removed, [layers[1].diff_id.hex()]);
    assert_eq!(cleared.freed, 4097);
    let cleared = store.prune(0, &hands).unwrap();
    assert_eq!(cleared.removed, [layers[2].diff_id.hex()]);
    assert_eq!(cleared.in_use, [layers[0].diff_id.hex()]);
    drop(guard);
}

#[test]
fn what_killed_processes_left_is_removed_and_nothing_of_the_living() {
    let (room, hands) = (Room::new(), Counting::default());
    room.store();
    let temporary = room.root().join("temporary");
    let half = temporary.join(format!("{}.abc123", dead()));
    create_dir(&half).unwrap();
    create_dir(half.join("diff")).unwrap();
    File::create(temporary.join(format!("{}.file01", dead()))).unwrap();
    let living = format!("{}.abc123", Mark::ours());
    create_dir(temporary.join(&living)).unwrap();
    create_dir(temporary.join("somebody's")).unwrap();
    let cleared = room.store().clear(&hands).unwrap();
    assert_eq!(cleared.leftovers, 2);
    assert_eq!(room.names("temporary"), [living.as_str(), "somebody's"]);
}

#[test]
fn layers_that_are_removed_and_made_at_once_are_whole_whenever_they_are_used() {
    let (room, hands) = (Room::new(), Counting::default());
    let layers = ["a", "b"].map(layer);
    std::thread::scope(|scope| {
        for layer in &layers {
            for _ in 0..2 {
                scope.spawn(|| {
                    let store = room.store();
                    for _ in 0..40 {
                        match store.layer(layer, &hands) {
                            Ok(guard) => assert!(guard.path().join("file").exists()),
                            Err(error) => assert!(error.to_string().contains("several times")),
                        }
                    }
                });
            }
        }
        scope.spawn(|| {
            let store = room.store();
            for _ in 0..40 {
                assert_eq!(store.clear(&hands).unwrap().failed, Vec::<String>::new());
            }
        });
    });
    assert!(room.names("temporary").is_empty());
}

/// Says to this very test, run once more, which store to die in.
const VICTIM: &str = "SEATRIAL_TEST_STORE";
const NAME: &str = "engine::embedded::store::tests_remove::a_killed_process_holds_up_nobody_and_leaves_no_half_layer";

#[test]
fn a_killed_process_holds_up_nobody_and_leaves_no_half_layer() {
    let layer = layer("one");
    if let Some(root) = std::env::var_os(VICTIM) {
        let store = Store::open(Path::new(&root), Arc::new(|_: &str| ())).unwrap();
        // Everything is unpacked, and then it takes for ever.
        let hands = Counting {
            sleeps: Duration::from_secs(600),
            ..Counting::default()
        };
        drop(store.layer(&layer, &hands));
        return;
    }
    let (room, hands) = (Room::new(), Counting::default());
    let store = room.store();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME])
        .env(VICTIM, room.root())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let half = || {
        let [name] = room.names("temporary").try_into().ok()?;
        let file = room.root().join("temporary").join(name).join("diff/file");
        std::fs::read(file)
            .is_ok_and(|text| text == b"one")
            .then_some(())
    };
    while half().is_none() {
        assert!(victim.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(5));
    }
    let busy = room.store().waiting(Duration::ZERO).layer(&layer, &hands);
    assert!(busy.is_err());
    assert!(room.store().clear(&hands).unwrap().leftovers == 0);
    victim.kill().unwrap();
    victim.wait().unwrap();
    let guard = store.layer(&layer, &hands).unwrap();
    assert_eq!(hands.times(), 1);
    assert_eq!(store.clear(&hands).unwrap().leftovers, 1);
    assert!(guard.path().join("file").exists());
    assert!(room.names("temporary").is_empty());
}
