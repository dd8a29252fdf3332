//! What checks cost on the embedded engine, next to the least that a container can cost.
//!
//! `cargo bench --bench embedded`, as root; benches/README.md says how to read what it prints.
//! Nothing here fails for being slow, only for being wrong.

use std::fmt::Write as _;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use seatrial::engine::embedded::{Daemon, EmbeddedEngine};
use seatrial::engine::{Ended, Engine, Image, Process};
use tokio::runtime::Runtime;
use tokio::sync::watch;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const IMAGE: &str = "debian:bookworm-slim";
/// A larger one: the third of the example images.
const LARGE: &str = "sv-base";
const ROUNDS: usize = 5;
const EACH: usize = 300;
const WIDTHS: [usize; 3] = [2, 4, 8];
/// An ordinary user.
const NOBODY: &str = "65534";
/// The first argument of this program when it is to measure and nothing else.
const MEASURE: &str = "--measure";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, width, reference] = arguments.as_slice()
        && flag == MEASURE
    {
        println!("{:.4}", measure(reference, width.parse()?)?);
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755))?;
    let archive = save(IMAGE, &folder.path().join("debian.tar"))?;
    checks(folder.path(), &archive)?;
    processes(folder.path(), &archive)?;
    first_seen(folder.path())
}

/// One trivial check after the other, and several at once.
fn checks(folder: &Path, archive: &str) -> Result<()> {
    let floor = Floor::build(folder)?;
    let (mut floors, mut ours, mut users) = (Vec::new(), Vec::new(), Vec::new());
    let mut wide = WIDTHS.map(|_| Vec::new());
    let mut wide_floors = WIDTHS.map(|_| Vec::new());
    let reference = format!("docker-archive:{archive}");
    let ordinary = Measured::by_nobody(folder, &reference)?;
    let root = Measured::by_us(folder, &reference)?;
    for _ in 0..ROUNDS {
        floors.push(floor.run(1)?);
        ours.push(root.run(1)?);
        users.push(ordinary.run(1)?);
        for (at, width) in WIDTHS.into_iter().enumerate() {
            wide_floors[at].push(floor.run(width)?);
            wide[at].push(root.run(width)?);
        }
    }
    println!("\na trivial check of {IMAGE}, median of {ROUNDS} rounds (milliseconds for each)");
    row("bare clone, overlay, pivot_root, exec", &floors);
    row("one after another", &ours);
    row("one after another, unprivileged", &users);
    for (at, width) in WIDTHS.into_iter().enumerate() {
        row(&format!("bare, {width} at a time"), &wide_floors[at]);
        row(&format!("{width} at a time"), &wide[at]);
    }
    println!(
        "one after another / bare: {:.2}",
        median(&ours) / median(&floors)
    );
    println!(
        "unprivileged / bare: {:.2}",
        median(&users) / median(&floors)
    );
    let best = |wide: &[Vec<f64>]| {
        let times = wide.iter().map(|times| median(times));
        1000.0 / times.fold(f64::MAX, f64::min)
    };
    let (ours, bare) = (best(&wide), best(&wide_floors));
    println!("at best {ours:.0} checks a second, bare {bare:.0}");
    Ok(())
}

/// Something that is measured.
type Work<'a> = Box<dyn Fn() -> Result<()> + 'a>;

/// Whole processes, from their start to their end: each in turn, so that a machine that is busy is so
/// for all of them.
fn processes(folder: &Path, archive: &str) -> Result<()> {
    let floor = Floor::build(folder)?;
    let image = format!("docker-archive:{archive}");
    let (one, many) = (folder.join("one.yaml"), folder.join("many.yaml"));
    write_spec(&one, &image, 1, 0, 0)?;
    write_spec(&many, &image, 60, 20, 1)?;
    let stores = [folder.join("store-one"), folder.join("store-many")];
    let rows: [(&str, Work<'_>); 5] = [
        (
            "/bin/true",
            Box::new(|| run(&mut Command::new("/bin/true")).map(drop)),
        ),
        (
            "seatrial --version",
            Box::new(|| {
                run(Command::new(env!("CARGO_BIN_EXE_seatrial")).arg("--version")).map(drop)
            }),
        ),
        (
            "one container, bare",
            Box::new(|| floor.contain(1).map(drop)),
        ),
        (
            "1 command",
            Box::new(|| test("embedded", &stores[0], &one, 1)),
        ),
        (
            "60 commands, 20 files, 1 config",
            Box::new(|| test("embedded", &stores[1], &many, 81)),
        ),
    ];
    let mut times = rows.each_ref().map(|_| Vec::new());
    for round in 0..=4 * ROUNDS {
        for ((_, work), times) in rows.iter().zip(&mut times) {
            let took = milliseconds(work)?;
            // The first one fills the store.
            if round > 0 {
                times.push(took);
            }
        }
    }
    let rounds = 4 * ROUNDS;
    println!("\nwhole processes with a warm store, median and least of {rounds} (milliseconds)");
    for ((name, _), times) in rows.iter().zip(&times) {
        let (median, least) = (median(times), least(times));
        println!("{name:<40} {median:>9.2} {least:>9.2}");
    }
    println!(
        "1 command / /bin/true, at the least: {:.1}",
        least(&times[3]) / least(&times[0])
    );
    Ok(())
}

/// What an image costs that was never seen before, until the verdict of a file of it is written.
fn first_seen(folder: &Path) -> Result<()> {
    let archive = save(LARGE, &folder.join("large.tar"))?;
    let spec = folder.join("first.yaml");
    let (archive_of, daemon_of) = (
        format!("docker-archive:{archive}"),
        format!("docker-daemon:{LARGE}"),
    );
    // Where every other run of this user has been; of the image it knows nothing.
    let used = folder.join("store-one");
    let sources = [
        ("from an archive", "embedded", &archive_of, false),
        ("from the local engine", "embedded", &daemon_of, false),
        ("the same, in a store in use", "embedded", &daemon_of, true),
        (
            "the same with auto, in a store in use",
            "auto",
            &daemon_of,
            true,
        ),
    ];
    let mut plain = Vec::new();
    let mut times = sources.map(|_| Vec::new());
    for round in 0..ROUNDS {
        let layers = layers(folder, &archive)?;
        let target = folder.join(format!("plain-{round}"));
        plain.push(milliseconds(|| {
            for layer in &layers {
                std::fs::create_dir_all(&target)?;
                run(Command::new("tar")
                    .arg("-xf")
                    .arg(layer)
                    .arg("-C")
                    .arg(&target))?;
            }
            Ok(())
        })?);
        for ((_, engine, reference, in_use), times) in sources.iter().zip(&mut times) {
            write_spec(&spec, reference, 0, 1, 0)?;
            let new = tempfile::tempdir_in(folder)?;
            let store = if *in_use { used.as_path() } else { new.path() };
            let before = layers_in(store);
            times.push(milliseconds(|| test(engine, store, &spec, 1))?);
            if *reference == &daemon_of && layers_in(store) != before {
                return Err("layers of the local engine were copied".into());
            }
        }
    }
    println!("\nan image that is seen for the first time, median of {ROUNDS} (milliseconds)");
    row("tar -x of its layers", &plain);
    for ((name, ..), times) in sources.iter().zip(&times) {
        row(name, times);
    }
    println!(
        "from an archive / tar: {:.2}",
        median(&times[0]) / median(&plain)
    );
    Ok(())
}

fn layers_in(store: &Path) -> usize {
    let layers = store.join("layers/sha256").read_dir();
    layers.map_or(0, Iterator::count)
}

fn milliseconds(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed().as_secs_f64() * 1000.0)
}

struct Floor {
    program: PathBuf,
    lower: String,
    folder: PathBuf,
}

impl Floor {
    fn build(folder: &Path) -> Result<Self> {
        let program = folder.join("floor");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/floor.c");
        run(Command::new("cc")
            .arg("-O2")
            .arg("-o")
            .arg(&program)
            .arg(source))?;
        let format = "{{.GraphDriver.Data.UpperDir}}";
        let output = Command::new("docker")
            .args(["inspect", "-f", format, IMAGE])
            .output()?;
        Ok(Self {
            program,
            lower: String::from_utf8(output.stdout)?.trim().to_owned(),
            folder: folder.to_owned(),
        })
    }

    /// One after the other; the milliseconds for each.
    fn contain(&self, count: usize) -> Result<f64> {
        let scratch =
            tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir_in(&self.folder))?;
        let mut command = Command::new(&self.program);
        command.args([&self.lower, &count.to_string()]);
        Ok(run(command.arg(scratch.path()))?.trim().parse()?)
    }

    /// The milliseconds for each of many containers, so many of them at a time.
    fn run(&self, width: usize) -> Result<f64> {
        let one = || self.contain(EACH / width);
        let times = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..width)
                .map(|_| scope.spawn(|| one().map_err(|error| error.to_string())))
                .collect();
            let times = threads.into_iter().map(|thread| {
                let joined = thread.join();
                joined.unwrap_or_else(|_| Err("a thread broke off".to_owned()))
            });
            times.collect::<std::result::Result<Vec<f64>, String>>()
        })?;
        // All of them run for as long as each of them.
        Ok(median(&times) / width as f64)
    }
}

/// An engine, and the image in it.
fn engine(reference: &str) -> Result<(Runtime, EmbeddedEngine, Image)> {
    let runtime = Runtime::new()?;
    let (keep, stop) = watch::channel(false);
    // Nobody stops this run.
    runtime.spawn(async move { keep.closed().await });
    let here = std::env::current_exe()?.with_file_name("seatrial");
    let built = Path::new(env!("CARGO_BIN_EXE_seatrial"));
    let program = if here.exists() { here.as_path() } else { built };
    let handle = runtime.handle().clone();
    let engine = EmbeddedEngine::start(program, Daemon::none(), Path::new("/"), handle, stop)?;
    let image = engine.image(reference)?;
    Ok((runtime, engine, image))
}

fn trivial(engine: &EmbeddedEngine, image: &Image) -> Result<()> {
    let process = Process::new("trivial", vec!["true".to_owned()], Duration::from_secs(20));
    match engine.run(image, &process, None)?.ended {
        Ended::Exited { code: 0, .. } => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}

/// The milliseconds for each of many checks, so many of them at a time.
fn measure(reference: &str, width: usize) -> Result<f64> {
    let (_runtime, engine, image) = engine(reference)?;
    let work = |count: usize| {
        std::thread::scope(|scope| {
            let check = || {
                let mut checks = (0..count / width).map(|_| trivial(&engine, &image));
                checks.try_for_each(|done| done.map_err(|error| error.to_string()))
            };
            let threads: Vec<_> = (0..width).map(|_| scope.spawn(check)).collect();
            for thread in threads {
                thread
                    .join()
                    .map_err(|_| "a thread broke off".to_owned())??;
            }
            Ok::<(), String>(())
        })
    };
    // Not counted: each thread of the helper begins with the first use.
    work(10 * width)?;
    let begun = Instant::now();
    work(EACH)?;
    Ok(begun.elapsed().as_secs_f64() * 1000.0 / EACH as f64)
}

/// This program again, with a store of its own.
struct Measured {
    command: Vec<String>,
    store: PathBuf,
    reference: String,
}

impl Measured {
    fn by_us(folder: &Path, reference: &str) -> Result<Self> {
        let program = std::env::current_exe()?.display().to_string();
        Ok(Self {
            command: vec![program],
            store: folder.join("root"),
            reference: reference.to_owned(),
        })
    }

    fn by_nobody(folder: &Path, reference: &str) -> Result<Self> {
        let home = folder.join("nobody");
        std::fs::create_dir(&home)?;
        std::os::unix::fs::chown(&home, NOBODY.parse().ok(), NOBODY.parse().ok())?;
        // Where they were built, others may not look.
        let program = folder.join("bench");
        std::fs::copy(std::env::current_exe()?, &program)?;
        std::fs::copy(env!("CARGO_BIN_EXE_seatrial"), folder.join("seatrial"))?;
        let words = [
            "setpriv",
            "--reuid",
            NOBODY,
            "--regid",
            NOBODY,
            "--clear-groups",
        ];
        let program = program.display().to_string();
        Ok(Self {
            command: words
                .iter()
                .map(|word| (*word).to_owned())
                .chain([program])
                .collect(),
            store: home.join("store"),
            reference: reference.to_owned(),
        })
    }

    fn run(&self, width: usize) -> Result<f64> {
        let (program, words) = self.command.split_first().ok_or("no command")?;
        let mut command = Command::new(program);
        command
            .args(words)
            .args([MEASURE, &width.to_string(), &self.reference]);
        command.env("SEATRIAL_STORE", &self.store).current_dir("/");
        Ok(run(&mut command)?.trim().parse()?)
    }
}

fn row(name: &str, times: &[f64]) {
    let rounds: Vec<String> = times
        .iter()
        .take(ROUNDS)
        .map(|time| format!("{time:.2}"))
        .collect();
    println!("{name:<40} {:>9.2}  {}", median(times), rounds.join(" "));
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn least(times: &[f64]) -> f64 {
    times.iter().copied().fold(f64::MAX, f64::min)
}

fn test(engine: &str, store: &Path, spec: &Path, checks: usize) -> Result<()> {
    let junit = spec.with_extension("xml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_seatrial"));
    command
        .args(["test", "--engine", engine, "--spec"])
        .arg(spec);
    command
        .arg("--junit")
        .arg(&junit)
        .env("SEATRIAL_STORE", store)
        .env("SEATRIAL_FRESH", "1");
    command.current_dir(spec.parent().unwrap_or(Path::new("/")));
    run(&mut command)?;
    let report = std::fs::read_to_string(&junit)?;
    if report.matches("<testcase").count() == checks {
        return Ok(());
    }
    Err(format!("the report is not as expected:\n{report}").into())
}

fn write_spec(
    path: &Path,
    image: &str,
    commands: usize,
    files: usize,
    configs: usize,
) -> Result<()> {
    let mut text = format!("image: {image}\nchecks:\n");
    for number in 0..commands {
        let _ = writeln!(
            text,
            "  - {{name: says {number}, run: [echo, hello-{number}], stdout: hello-{number}}}"
        );
    }
    for number in 0..files {
        let _ = writeln!(
            text,
            "  - {{name: file {number}, file: /etc/passwd, mode: \"0644\"}}"
        );
    }
    for number in 0..configs {
        let _ = writeln!(text, "  - {{name: config {number}, config: {{os: linux}}}}");
    }
    std::fs::File::create(path)?.write_all(text.as_bytes())?;
    Ok(())
}

fn save(image: &str, path: &Path) -> Result<String> {
    run(Command::new("docker")
        .arg("save")
        .arg("-o")
        .arg(path)
        .arg(image))?;
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o644))?;
    Ok(path.display().to_string())
}

/// The layers of an archive, as files beside it.
fn layers(folder: &Path, archive: &str) -> Result<Vec<PathBuf>> {
    let target = folder.join("layers");
    std::fs::create_dir_all(&target)?;
    run(Command::new("tar")
        .args(["-xf", archive, "-C"])
        .arg(&target))?;
    let manifest = std::fs::read_to_string(target.join("manifest.json"))?;
    let manifest: serde_json::Value = serde_json::from_str(&manifest)?;
    let layers = manifest[0]["Layers"].as_array().ok_or("no layers")?;
    let layers = layers.iter().filter_map(|layer| layer.as_str());
    Ok(layers.map(|layer| target.join(layer)).collect())
}

/// Runs a command to its end, which must be a good one; what it wrote.
fn run(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    Err(format!("{command:?}: {output:?}").into())
}
