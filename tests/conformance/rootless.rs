//! The embedded engine as an ordinary user.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use tempfile::TempDir;

use crate::engines::Engine;
use crate::images::{self, Images};

/// Somebody whom the machine does not know.
const USER: u32 = 1001;

/// Of a user that has no other users, and of one for whom some are set aside.
pub fn engines(images: &Images) -> [Engine; 2] {
    for path in [images.archive().parent().unwrap(), &images.archive()] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    [
        engine("rootless", images, false),
        engine("rootless with users", images, true),
    ]
}

fn engine(name: &'static str, images: &Images, has_users: bool) -> Engine {
    let home = Rc::new(home());
    let archive = images.archive();
    Engine {
        name,
        command: Box::new(move |project| {
            let mut command = as_user(home.path(), has_users);
            command
                .current_dir(project.root())
                .args(["test", "--engine", "embedded"]);
            command
        }),
        reference: Box::new(move |image| {
            format!(
                "docker-archive:{}:{}",
                archive.display(),
                images::name(image)
            )
        }),
        user: Some(USER),
        part: 1,
    }
}

/// A folder with the program, where it can be read whoever has built it, and with the files that
/// give the user a name and further users.
fn home() -> TempDir {
    let home = TempDir::new().unwrap();
    let place = |name: &str| home.path().join(name);
    std::fs::copy(assert_cmd::cargo::cargo_bin!("seatrial"), place("seatrial")).unwrap();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let passwd = format!("{passwd}tester:x:{USER}:{USER}::/:/bin/sh\n");
    let write = |name: &str, text: &str| {
        let mut file = std::fs::File::create(place(name)).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    };
    write("passwd", &passwd);
    write("subids", "tester:200000:65536\n");
    std::fs::set_permissions(home.path(), PermissionsExt::from_mode(0o755)).unwrap();
    chown(home.path(), Some(USER), Some(USER)).unwrap();
    home
}

/// `seatrial` as the user. The files of the machine stay as they are: only this command sees others.
fn as_user(home: &Path, has_users: bool) -> Command {
    const BEFORE: &str = r#"
        if [ "$1" = true ]; then
            mount --bind "$HOME/passwd" /etc/passwd
            for file in /etc/subuid /etc/subgid; do mount --bind "$HOME/subids" "$file"; done
        else
            for file in /etc/subuid /etc/subgid; do mount --bind /dev/null "$file"; done
        fi
        shift
        exec setpriv --reuid=1001 --regid=1001 --clear-groups "$HOME/seatrial" "$@""#;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-ec", BEFORE, "sh"]);
    command.arg(has_users.to_string());
    command.env("HOME", home).env("NO_COLOR", "1");
    command
        .env_remove("SEATRIAL_STORE")
        .env_remove("XDG_CACHE_HOME");
    command
}
