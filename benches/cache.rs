//! What a second run costs when nothing has changed: whole processes, with 500 checks and a folder
//! of fixtures that they mount.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const IMAGE: &str = "debian:bookworm-slim";
const CHECKS: usize = 500;
const FIXTURES: usize = 50;
const ROUNDS: usize = 15;
/// What a second run may take.
const GOAL: Duration = Duration::from_millis(500);

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    lay_out(folder.path())?;
    for engine in ["embedded", "auto", "docker"] {
        let first = run(folder.path(), engine)?;
        let mut again: Vec<Duration> = Vec::new();
        for _ in 0..ROUNDS {
            again.push(run(folder.path(), engine)?);
        }
        again.sort();
        let (least, median) = (again[0], again[ROUNDS / 2]);
        println!("{engine:<10} first {first:>9.1?}  again {median:>9.1?}  (least {least:.1?})");
        if median > GOAL {
            return Err(format!("{engine}: a second run took {median:?}").into());
        }
    }
    Ok(())
}

fn lay_out(folder: &Path) -> Result<()> {
    let mut spec = format!("image: {IMAGE}\nchecks:\n");
    for number in 0..CHECKS / 2 {
        writeln!(
            spec,
            "  - name: command {number}\n    run: 'true'\n    env: {{NUMBER: '{number}'}}\n    mounts: {{fixtures: /data}}"
        )?;
        writeln!(
            spec,
            "  - {{name: file {number}, file: /etc/passwd, mode: '0644', exists: true}}"
        )?;
    }
    fs::create_dir(folder.join("test-specs"))?;
    fs::create_dir(folder.join("fixtures"))?;
    fs::File::create(folder.join("test-specs/all.yaml"))?.write_all(spec.as_bytes())?;
    for number in 0..FIXTURES {
        let file = fs::File::create(folder.join(format!("fixtures/{number}")))?;
        (&file).write_all(&vec![b'x'; 100_000])?;
    }
    // What was just made may change unseen, and would not be kept.
    std::thread::sleep(Duration::from_millis(200));
    Ok(())
}

fn run(folder: &Path, engine: &str) -> Result<Duration> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seatrial"));
    command
        .args(["test", "--quiet", "--engine", engine])
        .current_dir(folder)
        .env("HOME", folder)
        .env("SEATRIAL_STORE", folder.join("store"))
        .env_remove("SEATRIAL_FRESH")
        .stdout(Stdio::null());
    let begun = Instant::now();
    let status = command.status()?;
    let took = begun.elapsed();
    if status.success() {
        Ok(took)
    } else {
        Err(format!("{engine}: {status}").into())
    }
}
