//! Images that mean harm: each is refused with a word why, or runs as any other; nothing outside
//! changes.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::stage::{is_root, project, script, store, temporary_of, test};
use crate::support::{Ended, Project, docker};

/// A layer with a shell, as a file that lives as long as the tests, and its digest.
fn base() -> &'static (PathBuf, String) {
    static BASE: OnceLock<(PathBuf, String)> = OnceLock::new();
    BASE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("contained-base");
        std::fs::create_dir_all(&folder).unwrap();
        let saved = folder.join("saved.tar");
        let name = saved.to_str().unwrap();
        docker(&["save", "--output", name, "debian:bookworm-slim"]);
        let mut archive = tar::Archive::new(std::fs::File::open(&saved).unwrap());
        let layer = folder.join("layer.tar");
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().into_owned();
            if path.ends_with("layer.tar") || path.starts_with("blobs") && entry.size() > 1 << 20 {
                entry.unpack(&layer).unwrap();
            }
        }
        std::fs::remove_file(saved).unwrap();
        let digest = digest(&std::fs::read(&layer).unwrap());
        (layer, digest)
    })
}

fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// An entry of a layer: a kind, a name and a link, taken as they are.
type Entry<'a> = (u8, &'a str, &'a str);

fn layer(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (kind, name, link) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::new(*kind));
        header.set_mode(if *kind == b'4' { 0o666 } else { 0o6755 });
        header.set_uid(0);
        header.set_gid(0);
        let content: &[u8] = if *kind == b'0' { b"evil" } else { b"" };
        header.set_size(content.len() as u64);
        if *kind == b'4' {
            header.set_device_major(7).unwrap();
            header.set_device_minor(0).unwrap();
        }
        let gnu = header.as_gnu_mut().unwrap();
        gnu.name[..name.len()].copy_from_slice(name.as_bytes());
        gnu.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        tar.append(&header, content).unwrap();
    }
    tar.into_inner().unwrap()
}

/// Lies about an image's parts, after they were put together.
type Lie = fn(&mut Value, &mut Value, &mut Vec<u8>);

/// An OCI layout of the base and one more layer, with more in its configuration.
fn layout(project: &Project, mut top: Vec<u8>, more: &Value, lie: Lie) {
    let (base, base_digest) = base();
    let mut config = json!({
        "architecture": "amd64", "os": "linux",
        "config": {"Env": ["PATH=/usr/bin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [base_digest, digest(&top)]},
    });
    for (key, value) in more.as_object().unwrap() {
        config["config"][key] = value.clone();
    }
    let kind = "application/vnd.oci.image.layer.v1.tar";
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "layers": [
            {"mediaType": kind, "digest": base_digest, "size": base.metadata().unwrap().len()},
            {"mediaType": kind, "digest": digest(&top), "size": top.len()},
        ],
    });
    let true_digest = digest(&top);
    lie(&mut config, &mut manifest, &mut top);
    let blob = |name: &str| format!("image/blobs/sha256/{}", name.trim_start_matches("sha256:"));
    project.write(&blob(&true_digest), &top);
    let config = config.to_string();
    project.write(&blob(&digest(config.as_bytes())), config.as_bytes());
    if manifest.get("config").is_none() {
        manifest["config"] = json!({
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest(config.as_bytes()), "size": config.len(),
        });
    }
    let manifest = manifest.to_string();
    project.write(&blob(&digest(manifest.as_bytes())), manifest.as_bytes());
    std::fs::hard_link(base, project.path(&blob(base_digest)))
        .or_else(|_| std::fs::copy(base, project.path(&blob(base_digest))).map(drop))
        .unwrap();
    let index = json!({"schemaVersion": 2, "manifests": [{
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": digest(manifest.as_bytes()), "size": manifest.len(),
    }]});
    project.write("image/index.json", index.to_string().as_bytes());
    project.write("image/oci-layout", br#"{"imageLayoutVersion": "1.0.0"}"#);
}

/// An image as any other, which must be unpacked.
pub fn harmless(project: &Project) {
    layout(project, layer(&[(b'0', "file", "")]), &json!({}), no_lie);
}

/// The same as `docker save` writes it.
fn saved(project: &Project, top: &[u8]) {
    let (base, base_digest) = base();
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/usr/bin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [base_digest, digest(top)]},
    })
    .to_string();
    let manifest = json!([{"Config": "config.json", "RepoTags": ["evil:1"], "Layers": ["base.tar", "top.tar"]}]);
    let mut tar = tar::Builder::new(std::fs::File::create(project.path("image.tar")).unwrap());
    tar.append_path_with_name(base, "base.tar").unwrap();
    for (name, content) in [
        ("config.json", config.as_bytes()),
        ("top.tar", top),
        ("manifest.json", manifest.to_string().as_bytes()),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, content).unwrap();
    }
    tar.into_inner().unwrap();
}

/// References of images that were not seen before.
const FORMS: [&str; 2] = ["oci:image", "docker-archive:image.tar"];

/// What a reference of this form names: the base and one more layer.
fn packed(project: &Project, form: &str, top: Vec<u8>) {
    if form.starts_with("oci") {
        layout(project, top, &json!({}), no_lie);
    } else {
        saved(project, &top);
    }
}

/// Everything of a folder that can change.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, (u32, u32, u64, i64, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            let stat = path.symlink_metadata().unwrap();
            let mut content = Vec::new();
            if stat.is_file() {
                let mut file = std::fs::File::open(&path).unwrap();
                file.read_to_end(&mut content).unwrap();
            } else if stat.is_dir() {
                folders.push(path.clone());
            }
            all.insert(
                path,
                (stat.mode(), stat.uid(), stat.nlink(), stat.ctime(), content),
            );
        }
    }
    all
}

/// A tree outside that nobody may change, beside the project's own folder.
struct Canary(Project);

impl Canary {
    fn new() -> Self {
        Self(Project::new(&[
            ("etc/hosts", "canary"),
            ("passwd", "canary"),
            ("deep/er/file", "canary"),
        ]))
    }

    fn path(&self) -> &str {
        self.0.root().to_str().unwrap()
    }
}

/// What is made on the host by whoever gets out.
fn traces() -> Vec<PathBuf> {
    let mut places = vec![
        PathBuf::from("/"),
        PathBuf::from("/etc"),
        PathBuf::from("/tmp"),
        PathBuf::from("/dev/shm"),
        store(),
        store().join("layers/sha256"),
        store().join("run"),
    ];
    for top in PathBuf::from("/sys/fs/cgroup")
        .read_dir()
        .unwrap()
        .flatten()
    {
        places.push(top.path());
    }
    let places = places.iter().map(|place| place.join("seatrial-evil"));
    places
        .filter(|place| place.symlink_metadata().is_ok())
        .collect()
}

fn run(project: &Project, canary: &Canary, name: &str) -> Ended {
    let before = snapshot(canary.0.root());
    let ended = test(project, &[]);
    assert!(
        before == snapshot(canary.0.root()),
        "{name}: the canary: {ended:?}"
    );
    assert_eq!(traces(), Vec::<PathBuf>::new(), "{name}");
    assert_eq!(
        temporary_of(ended.pid, &store()),
        Vec::<PathBuf>::new(),
        "{name}"
    );
    ended
}

const HARMLESS: &str = "cat /etc/hosts | grep -c localhost; test -d /proc/1; test -c /dev/null; ls -d /sys/fs; test -w /dev/shm; \
    (head -c 1 /evil-device) 2>/dev/null && exit 91; grep -rl canary /etc /root /tmp 2>/dev/null && exit 92; true";

fn no_lie(_: &mut Value, _: &mut Value, _: &mut Vec<u8>) {}

#[test]
fn layers_that_mean_harm_reach_nothing() {
    if !is_root() {
        return;
    }
    let canary = Canary::new();
    let path = canary.path();
    let inside = path.trim_start_matches('/');
    let relative = format!("../../../../../../../../../../{inside}");
    let file = format!("{path}/passwd");
    let below = |folder: &str| format!("{folder}/seatrial-evil");
    let (refused, runs) = (false, true);
    let in_link = below("link");
    let dots = below(&relative);
    let absolute = below(path);
    let mut table: Vec<(&str, Vec<Entry<'_>>, bool)> = vec![
        ("dots", vec![(b'0', &dots, "")], refused),
        ("an absolute name", vec![(b'0', &absolute, "")], runs),
        (
            "through a link",
            vec![(b'2', "link", path), (b'0', &in_link, "")],
            refused,
        ),
        (
            "through a relative link",
            vec![(b'2', "link", &relative), (b'0', &in_link, "")],
            refused,
        ),
        ("a hard link outside", vec![(b'1', "link", &file)], refused),
        (
            "a hard link with dots",
            vec![(b'1', "link", &relative)],
            refused,
        ),
        (
            "a hard link through a link",
            vec![(b'2', "link", path), (b'1', "hard", "link/passwd")],
            refused,
        ),
        ("a device", vec![(b'4', "evil-device", "")], runs),
        (
            "a device in /dev",
            vec![(b'5', "dev", ""), (b'4', "dev/evil", "")],
            runs,
        ),
        ("setuid", vec![(b'0', "evil", "")], runs),
        ("a whiteout of all", vec![(b'0', ".wh.etc", "")], runs),
        ("a whiteout with dots", vec![(b'0', ".wh...", "")], refused),
    ];
    for replaced in [
        "etc",
        "proc",
        "dev",
        "sys",
        "tmp",
        "root",
        "home",
        "etc/hosts",
        "etc/resolv.conf",
        "etc/hostname",
        "etc/mtab",
        ".dockerenv",
        "dev/shm",
        "dev/pts",
    ] {
        if replaced.contains("dev/") {
            table.push((
                replaced,
                vec![(b'5', "dev", ""), (b'2', replaced, path)],
                runs,
            ));
        } else {
            table.push((replaced, vec![(b'2', replaced, path)], runs));
        }
    }
    for (name, entries, is_run) in table {
        for form in FORMS {
            let project = project(form, &script("harmless", HARMLESS, ""));
            packed(&project, form, layer(&entries));
            let ended = run(&project, &canary, name);
            let code = if is_run { 0 } else { 3 };
            assert_eq!(
                ended.code,
                Some(code),
                "{name} {form}: {}{}",
                ended.stdout,
                ended.stderr
            );
        }
    }
}

/// A layer with a file of 100 GB in which there is nothing but its end, as GNU's tar writes it.
fn hollow(project: &Project) -> Vec<u8> {
    const SIZE: u64 = 100_000_000_000;
    project.write("hollow", b"");
    let file = std::fs::File::options()
        .write(true)
        .open(project.path("hollow"));
    file.unwrap().write_all_at(b"end", SIZE - 3).unwrap();
    let mut tar = Command::new("tar");
    tar.args(["--sparse", "--create", "hollow"])
        .current_dir(project.root());
    let output = tar.output().unwrap();
    assert!(output.status.success() && output.stdout.len() < 100_000);
    output.stdout
}

#[test]
fn a_file_of_100_gb_of_nothing_takes_no_room() {
    if !is_root() {
        return;
    }
    let canary = Canary::new();
    let looks = "test $(stat -c %s /hollow) = 100000000000 && test $(stat -c %b /hollow) -lt 1000 &&\n\
                 test $(tail -c 3 /hollow) = end";
    let checks = script("from within", looks, "")
        + "  - {name: from outside, file: /hollow, size: 100000000000}\n";
    for form in FORMS {
        let project = project(form, &checks);
        let top = hollow(&project);
        packed(&project, form, top);
        let ended = run(&project, &canary, form);
        assert_eq!(
            ended.code,
            Some(0),
            "{form}: {}{}",
            ended.stdout,
            ended.stderr
        );
        assert!(
            ended.stdout.contains("2 passed"),
            "{form}: {}",
            ended.stdout
        );
    }
}

#[test]
fn images_that_lie_are_refused() {
    if !is_root() {
        return;
    }
    let canary = Canary::new();
    let lies: [(&str, Lie); 8] = [
        ("another content", |_, _, top| top[600] ^= 1),
        ("cut short", |_, _, top| top.truncate(700)),
        ("another diff id", |config, _, _| {
            config["rootfs"]["diff_ids"][1] = digest(b"else").into();
        }),
        ("too few diff ids", |config, _, _| {
            config["rootfs"]["diff_ids"].as_array_mut().unwrap().pop();
        }),
        ("a digest that is a path", |_, manifest, _| {
            manifest["layers"][1]["digest"] = "sha256:../../../../etc/passwd".into();
        }),
        ("a diff id that is a path", |config, _, _| {
            config["rootfs"]["diff_ids"][1] = "sha256:../../run".into();
        }),
        ("another size", |_, manifest, _| {
            manifest["layers"][1]["size"] = 7.into();
        }),
        ("an enormous file", |config, manifest, top| {
            let mut header = tar::Header::new_gnu();
            header.set_path("enormous").unwrap();
            header.set_size(100 << 30);
            header.set_mode(0o644);
            header.set_cksum();
            *top = header.as_bytes().to_vec();
            config["rootfs"]["diff_ids"][1] = digest(top).into();
            manifest["layers"][1]["size"] = top.len().into();
        }),
    ];
    for (name, lie) in lies {
        let project = project("oci:image", &script("harmless", HARMLESS, ""));
        layout(&project, layer(&[(b'0', "file", "")]), &json!({}), lie);
        let ended = run(&project, &canary, name);
        assert_eq!(
            ended.code,
            Some(3),
            "{name}: {}{}",
            ended.stdout,
            ended.stderr
        );
    }
}

#[test]
fn configurations_that_mean_harm_reach_nothing() {
    if !is_root() {
        return;
    }
    let canary = Canary::new();
    let path = canary.path();
    let store = store();
    let store = store.to_str().unwrap();
    let volume = |path: &str| json!({"Volumes": {path: {}}});
    let many: serde_json::Map<String, Value> = (0..1000)
        .map(|number| (format!("/v/{number}"), json!({})))
        .collect();
    let long = "x".repeat(1 << 20);
    let several: Vec<String> = (0..40_000)
        .map(|number| format!("NAME{number}=value"))
        .collect();
    // Where more than one answer is sound, there is none here.
    let table: Vec<(String, Value, Option<i32>)> = vec![
        (
            "a folder to work in above all".into(),
            json!({"WorkingDir": format!("/..{path}/seatrial-evil")}),
            Some(0),
        ),
        (
            "in the store".into(),
            json!({"WorkingDir": format!("/..{store}/seatrial-evil")}),
            Some(0),
        ),
        (
            "in the control groups".into(),
            json!({"WorkingDir": "/../sys/fs/cgroup/pids/seatrial-evil"}),
            None,
        ),
        (
            "through a link to above".into(),
            json!({"WorkingDir": format!("/above{store}/seatrial-evil")}),
            Some(0),
        ),
        (
            "through a link to outside".into(),
            json!({"WorkingDir": "/outside/seatrial-evil"}),
            None,
        ),
        (
            "through a magic link".into(),
            json!({"WorkingDir": "/proc/self/cwd/seatrial-evil"}),
            None,
        ),
        (
            "a volume above all".into(),
            volume(&format!("/..{store}/seatrial-evil")),
            Some(0),
        ),
        (
            "a volume through a link".into(),
            volume("/outside/seatrial-evil"),
            None,
        ),
        (
            "a volume through a link to above".into(),
            volume(&format!("/above{store}/seatrial-evil")),
            Some(0),
        ),
        ("a volume over /proc".into(), volume("/proc"), None),
        ("a volume over all".into(), volume("/"), None),
        ("a volume of no name".into(), volume(""), None),
        ("a volume with a NUL".into(), volume("/a\0b"), None),
        ("many volumes".into(), json!({"Volumes": many}), None),
        (
            "a user with dots".into(),
            json!({"User": "../../etc/passwd"}),
            Some(3),
        ),
        (
            "a NUL in the environment".into(),
            json!({"Env": ["A=b\0c"]}),
            Some(3),
        ),
        (
            "a long environment".into(),
            json!({"Env": [format!("A={long}")]}),
            None,
        ),
        ("a large environment".into(), json!({"Env": several}), None),
        (
            "a relative folder".into(),
            json!({"WorkingDir": "seatrial-evil"}),
            None,
        ),
    ];
    let top = layer(&[(b'2', "above", "/.."), (b'2', "outside", path)]);
    for (name, more, code) in table {
        let project = project("oci:image", &script("harmless", "true", ""));
        layout(&project, top.clone(), &more, no_lie);
        let ended = run(&project, &canary, &name);
        match code {
            Some(code) => assert_eq!(
                ended.code,
                Some(code),
                "{name}: {}{}",
                ended.stdout,
                ended.stderr
            ),
            None => assert!(
                matches!(ended.code, Some(0 | 1 | 3 | 78)),
                "{name}: {ended:?}"
            ),
        }
    }
}
