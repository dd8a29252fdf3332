//! Layers of real images, compared with what Docker made of them. Needs a Docker engine with
//! overlay2 on this host, and root.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::super::layer::Digest;
use super::testing::{ROOT, tree};
use super::{Bounds, Expect, Rules, unpack};

const IMAGE: &str = "seatrial-test-unpack";

/// Setuid, capabilities, hard links, whiteouts of files and of folders, folders that were removed
/// and made again, names that are odd, times with fractions, a sparse file, attributes.
const DOCKERFILE: &str = r#"
FROM debian:bookworm-slim
RUN mkdir -p /t/old /t/away /t/again/inner && touch /t/old/a /t/old/b /t/again/lower /t/again/inner/x \
 && echo x > /t/file && ln /t/file /t/hard && ln /t/file /t/old/hard && ln -s ../etc /t/link \
 && cp /bin/true /t/setuid && chmod 6755 /t/setuid && chmod 1777 /t/old && chown 12:34 /t/old/a \
 && mkfifo /t/fifo && touch "$(printf '/t/line\nfeed\377')" && truncate -s 3M /t/sparse \
 && touch -d '2001-02-03 04:05:06.789' /t/old/b
RUN rm -r /t/away /t/old/a && rm -r /t/again && mkdir /t/again && touch /t/again/upper && rm /etc/debian_version
COPY ping /t/ping
# What setcap(8) would do, were it there: cap_net_raw+ep, in the form of its second version.
RUN perl -e 'my ($p, $n, $v) = ("/t/ping", "security.capability", pack("V5", 0x02000001, 1 << 13, 0, 0, 0)); \
 syscall(188, $p, $n, $v, 20, 0) == 0 or die $!'
RUN rm /t/file && mkdir /t/file && touch /t/file/inside && rm -r /t/old && ln -s nowhere /t/old
"#;

#[test]
fn layers_become_what_docker_makes_of_them() {
    let context = TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let mut file = File::create(context.path().join(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    write("Dockerfile", DOCKERFILE);
    write("ping", "#!");
    let build = Command::new("docker")
        .env("DOCKER_BUILDKIT", "0")
        .args(["build", "-q", "-t", IMAGE])
        .arg(context.path())
        .stderr(Stdio::null())
        .output();
    assert!(build.unwrap().status.success());
    let folders = folders_of_docker(IMAGE);
    if !folders.iter().all(|folder| folder.is_dir()) {
        eprintln!("not compared: this engine keeps its layers where they can't be seen from here");
        docker(&["rmi", "-f", IMAGE]);
        return;
    }
    let saved = save(IMAGE);
    let layers = layers(saved.path());
    assert_eq!(layers.len(), folders.len());
    let mut all = Vec::new();
    for ((diff_id, file), theirs) in layers.iter().zip(&folders) {
        let ours = TempDir::new().unwrap();
        let target = File::open(ours.path()).unwrap();
        let expect = Expect {
            blob: None,
            diff_id: diff_id.clone(),
        };
        let bounds = Bounds::default();
        let rules = Rules { bounds, ..ROOT };
        let input = File::open(file).unwrap();
        let done = unpack(input, &expect, target.as_fd(), &rules).unwrap();
        assert!(done.entries > 0 && done.skipped_devices == 0);
        let (ours, theirs) = (comparable(ours.path()), comparable(theirs));
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs);
        }
        assert_eq!(ours.len(), theirs.len());
        all.extend(ours);
    }
    let all = all.join("\n");
    for seen in [
        "security.capability=",
        "overlay.opaque=y",
        " 106755 ",
        " 20000 ",
        "t/hard",
        "feed",
    ] {
        assert!(all.contains(seen), "no `{seen}` in {all}");
    }
    assert!(docker(&["rmi", "-f", IMAGE]).contains("Deleted"));
}

/// Archives of Docker have whole seconds, its own folders more. Whiteouts have no time that counts,
/// and the kernel leaves marks of its own on Docker's folders.
fn comparable(root: &Path) -> Vec<String> {
    let kernels = ["origin", "impure", "nlink"].map(|name| format!("trusted.overlay.{name}="));
    let line = |line: String| {
        let is_whiteout = line.contains(" 20000 ");
        let mut kept = Vec::new();
        for field in line.split(' ') {
            let is_time = field.starts_with("mtime=");
            let is_kernels = kernels.iter().any(|mark| field.starts_with(mark.as_str()));
            if is_kernels || (is_time && is_whiteout) {
                continue;
            }
            let seconds = field.split_once('.').filter(|_| is_time);
            kept.push(seconds.map_or(field, |(seconds, _)| seconds));
        }
        kept.join(" ").trim_end().to_owned()
    };
    tree(root).into_iter().skip(1).map(line).collect()
}

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    assert!(output.status.success(), "docker {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The folders of an image's layers, from the lowest.
fn folders_of_docker(image: &str) -> Vec<PathBuf> {
    let format = "{{.GraphDriver.Data.LowerDir}}:{{.GraphDriver.Data.UpperDir}}";
    let text = docker(&["image", "inspect", "-f", format, image]);
    let (lower, upper) = text.trim().rsplit_once(':').unwrap_or_default();
    let lower = lower.split(':').rev().map(PathBuf::from);
    lower.chain([PathBuf::from(upper)]).collect()
}

fn save(image: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut save = Command::new("docker")
        .args(["save", image])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    tar::Archive::new(save.stdout.take().unwrap())
        .unpack(folder.path())
        .unwrap();
    assert!(save.wait().unwrap().success());
    folder
}

/// The layers of a saved image, from the lowest.
fn layers(folder: &Path) -> Vec<(Digest, PathBuf)> {
    let json = |path: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(folder.join(path)).unwrap()).unwrap()
    };
    let manifest = json("manifest.json");
    let config = json(manifest[0]["Config"].as_str().unwrap());
    let ids = config["rootfs"]["diff_ids"].as_array().unwrap();
    let files = manifest[0]["Layers"].as_array().unwrap();
    let pair = |(id, file): (&serde_json::Value, &serde_json::Value)| {
        let id = Digest::parse(id.as_str().unwrap()).unwrap();
        (id, folder.join(file.as_str().unwrap()))
    };
    ids.iter().zip(files).map(pair).collect()
}
