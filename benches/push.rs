//! What it costs to push an image to two registries (benches/README.md): compressed once and sent twice,
//! beside what a plain client takes for sending the same bytes.

use std::fs::File;
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::{Compress, Compression, FlushCompress};
use seatrial::registry::{
    Digest, Hasher, ImageParts, LayerCache, LayerContent, LayerPart, Prepared, PushEvent,
    PushListener, Registries, RepositoryName, Target, push,
};

/// How large the image is when nobody says otherwise, in MB.
const SIZE: u64 = 1024;
/// In so many layers.
const LAYERS: u64 = 4;

struct Deaf;

impl PushListener for Deaf {
    fn on(&self, _: &RepositoryName, _: &PushEvent) {}
}

struct Registry {
    child: Child,
    host: String,
}

impl Registry {
    fn start(folder: &Path, port: u16) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let host = format!("127.0.0.1:{port}");
        let config = folder.join("registry.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: \
             {}/data}}}}\nhttp: {{addr: \"{host}\"}}\n",
            folder.display()
        );
        File::create(&config)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        let child = Command::new("docker-registry")
            .args([Path::new("serve"), &config])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry: run ci/registry");
        while TcpStream::connect(&host).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, host }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn main() {
    let size = std::env::var("SIZE")
        .ok()
        .and_then(|said| said.parse().ok());
    let size = size.unwrap_or(SIZE);
    let place = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let layers = layers(place.path(), size);
    levels(&layers[0]);
    let (parts, id) = image(&layers);
    let registries = Registries::new(runtime.handle().clone(), stopped, |_| None);
    let folder = |name: &str| place.path().join(name);
    let ready = |cache: &str| {
        let cache = LayerCache::open(&folder(cache)).unwrap();
        Prepared::new(&parts, &id, &cache, &|| false).unwrap()
    };
    let sent = |image: &Prepared, hosts: [&str; 2]| {
        let targets = hosts.map(|host| Target {
            repository: registries
                .repository(&RepositoryName::parse(&format!("{host}/x")).unwrap())
                .unwrap(),
            mount_from: Vec::new(),
        });
        let listener: Arc<dyn PushListener> = Arc::new(Deaf);
        push(image, &targets, &listener)
            .into_iter()
            .map(|pushed| pushed.unwrap().sent)
            .sum::<usize>()
    };

    let (image, once) = timed(|| ready("first"));
    println!("compressed once: {once:.1?}, {} MB", image.size() >> 20);
    let plain: Duration = (0..2)
        .map(|number| {
            let registry = Registry::start(&folder(&format!("plain{number}")), 5701 + number);
            timed(|| curl(&folder("first"), &registry.host)).1
        })
        .sum();
    println!("sent to two registries by a plain client, one after the other: {plain:.1?}");
    drop(image);

    let first = Registry::start(&folder("one"), 5711);
    let second = Registry::start(&folder("two"), 5712);
    let hosts = [first.host.as_str(), second.host.as_str()];
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let (image, all) = timed(|| {
        let image = ready("second");
        sent(&image, hosts);
        image
    });
    let ratio = all.as_secs_f64() / (once + plain).as_secs_f64();
    println!("compressed and pushed to two registries: {all:.1?}, {ratio:.2} times that");
    println!("the most memory at once: {} MB", peak() >> 10);
    let (count, again) = timed(|| sent(&ready("second"), hosts));
    println!("the same again: {again:.1?}, {count} blobs sent");
    drop(image);
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let done = work();
    (done, begun.elapsed())
}

/// Tars of this machine's own files.
fn layers(folder: &Path, size: u64) -> Vec<PathBuf> {
    let all = folder.join("all.tar");
    let script = format!(
        "tar -C / -cf - usr/lib usr/bin usr/share opt root/.rustup 2>/dev/null | head -c {} > {}",
        size << 20,
        all.display()
    );
    Command::new("sh").args(["-c", &script]).status().unwrap();
    let bytes = all.metadata().unwrap().len();
    let each = bytes.div_ceil(LAYERS);
    let mut made = Vec::new();
    for number in 0..LAYERS {
        let path = folder.join(format!("layer{number}"));
        let script = format!(
            "tail -c +{} {} | head -c {each} > {}",
            number * each + 1,
            all.display(),
            path.display()
        );
        Command::new("sh").args(["-c", &script]).status().unwrap();
        made.push(path);
    }
    std::fs::remove_file(all).unwrap();
    println!("an image of {} MB in {LAYERS} layers", bytes >> 20);
    made
}

fn image(layers: &[PathBuf]) -> (ImageParts, Digest) {
    let mut diff_ids = Vec::new();
    let mut parts = Vec::new();
    for path in layers {
        let mut file = File::open(path).unwrap();
        let mut hasher = Hasher::default();
        let length = std::io::copy(&mut file, &mut Sum(&mut hasher)).unwrap();
        let diff_id = hasher.finish();
        diff_ids.push(diff_id.to_string());
        parts.push(LayerPart {
            diff_id,
            content: LayerContent::File {
                file: Arc::new(file),
                offset: 0,
                length,
            },
        });
    }
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let config = config.to_string().into_bytes();
    let id = Digest::of(&config);
    let parts = ImageParts {
        place: "an image".to_owned(),
        config,
        layers: parts,
        manifest: None,
    };
    (parts, id)
}

struct Sum<'a>(&'a mut Hasher);

impl Write for Sum<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What each level makes of the first layer, on one processor.
fn levels(layer: &Path) {
    let bytes = std::fs::read(layer).unwrap();
    let bytes = &bytes[..bytes.len().min(64 << 20)];
    for level in [1, 3, 4, 5, 6, 7, 9] {
        let (size, took) = timed(|| {
            let mut size = 0;
            for block in bytes.chunks(1 << 20) {
                let mut state = Compress::new(Compression::new(level), false);
                let mut out = Vec::with_capacity(2 << 20);
                state
                    .compress_vec(block, &mut out, FlushCompress::Finish)
                    .unwrap();
                size += out.len();
            }
            size
        });
        let speed = (bytes.len() >> 20) as f64 / took.as_secs_f64();
        let left = 100.0 * size as f64 / bytes.len() as f64;
        println!("level {level}: {speed:.0} MB/s, {left:.1} % left");
    }
}

/// Sends every blob of a cache as anybody would.
fn curl(cache: &Path, host: &str) {
    for kind in std::fs::read_dir(cache).unwrap() {
        for blob in std::fs::read_dir(kind.unwrap().path()).unwrap() {
            let path = blob.unwrap().path();
            let digest = path.extension().unwrap().to_string_lossy().into_owned();
            let script = format!(
                "at=$(curl -si -X POST http://{host}/v2/x/blobs/uploads/ | tr -d '\\r' | \
                 sed -n 's/^Location: //p') && curl -sf -T {} \"$at&digest=sha256:{digest}\"",
                path.display()
            );
            let status = Command::new("sh").args(["-c", &script]).status().unwrap();
            assert!(status.success());
        }
    }
}

/// In KB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
