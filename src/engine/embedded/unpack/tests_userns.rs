//! Unpacking in a user namespace, where this very test is run once more.

use std::process::Command;

use super::testing::{ROOT, Room, Tar, tree, xattrs};
use super::{Form, Owners, Rules};

/// Says that this process is in the namespace.
const INSIDE: &str = "SEATRIAL_TEST_USERNS";
const NAME: &str =
    "engine::embedded::unpack::tests_userns::a_namespace_with_one_id_unpacks_what_it_can";

#[test]
fn a_namespace_with_one_id_unpacks_what_it_can() {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    let test = std::env::current_exe().unwrap();
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount"])
        .arg(test)
        .args(["--exact", NAME, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

fn inside() {
    let capability = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let tar = Tar::new()
        .pax(&[("SCHILY.xattr.security.capability", capability)])
        .entry("setuid", b'0', 0o4755, b"#!")
        .file("d/.wh.gone", "")
        .file("o/.wh..wh..opq", "")
        .device("null", b'3', 1, 3)
        .entry("fifo", b'6', 0o600, b"")
        .end();
    let rules = Rules {
        form: Form::User,
        owners: Owners::Single,
        ..ROOT
    };
    let room = Room::new();
    let done = room.unpack_with(&tar, &rules).unwrap();
    assert_eq!(done.skipped_devices, 1);
    let tree = tree(&room.layer()).join("\n");
    assert!(tree.contains("setuid 104755 0:0"), "{tree}");
    assert!(tree.contains("d/gone 20000 0:0 dev=0"), "{tree}");
    assert_eq!(xattrs(&room.path("o")), ["user.overlay.opaque=y"]);
    let [capability] = xattrs(&room.path("setuid")).try_into().unwrap();
    assert!(
        capability.starts_with("security.capability="),
        "{capability}"
    );
    // With owners as given, an id that is not there is named.
    let given = Rules {
        owners: Owners::AsGiven,
        ..rules
    };
    let error = Room::new()
        .unpack_with(&tar, &given)
        .unwrap_err()
        .to_string();
    assert!(error.contains("`setuid` belongs to 1000:1001"), "{error}");
    assert!(error.contains("/etc/subuid"), "{error}");
}
