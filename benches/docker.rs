//! What checks cost beyond the engine's own work: seatrial next to the bare Engine API.
//!
//! `cargo bench --bench docker`; benches/README.md says how to read what it prints. Nothing here
//! fails for being slow, only for being wrong.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder,
    WaitContainerOptionsBuilder,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use seatrial::engine::docker::connect;
use tokio::runtime::Runtime;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const IMAGE: &str = "debian:bookworm-slim";
const CHECKS: usize = 60;
/// How many containers the bare pipelines have at a time.
const WIDTHS: [usize; 3] = [2, 4, 8];
const ROUNDS: usize = 3;
const LISTED: usize = 1000;
const STARTS: usize = 20;

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    // Before the runtime and its connections, which would be inherited and compete.
    start_up(folder.path())?;
    checks(folder.path())
}

/// Prints what checks take, with the bare API and with seatrial, turn and turn about.
fn checks(folder: &Path) -> Result<()> {
    let runtime = Runtime::new()?;
    let mut connection = connect(&|name| std::env::var(name).ok())?;
    let info = runtime.block_on(connection.identify())?;
    spec(&folder.join("checks.yaml"), CHECKS)?;
    // Not counted: the engine's caches are cold, and some of its parts start with the first use.
    runtime.block_on(pipeline(connection.docker(), 2, CHECKS / 10))?;

    let mut floors = WIDTHS.map(|_| Vec::new());
    let mut whole = Vec::new();
    for _ in 0..ROUNDS {
        for (width, times) in WIDTHS.into_iter().zip(&mut floors) {
            let begun = Instant::now();
            runtime.block_on(pipeline(connection.docker(), width, CHECKS))?;
            times.push(begun.elapsed());
        }
        whole.push(seatrial(folder)?);
    }

    let cores = std::thread::available_parallelism()?;
    println!(
        "\n{CHECKS} checks on {IMAGE}, {cores} cores, {} {}, median of {ROUNDS}",
        info.kind, info.version
    );
    println!("{:<24} {:>9} {:>12}  rounds", "", "seconds", "ms per check");
    let mut best = Duration::MAX;
    for (width, times) in WIDTHS.into_iter().zip(&floors) {
        row(&format!("bare API, {width} at a time"), times);
        best = best.min(median(times));
    }
    row("seatrial, defaults", &whole);
    let ratio = median(&whole).as_secs_f64() / best.as_secs_f64();
    println!("seatrial / best bare API: {ratio:.2}");
    Ok(())
}

fn row(name: &str, times: &[Duration]) {
    let middle = median(times).as_secs_f64();
    let each = middle * 1000.0 / f64::from(u32::try_from(CHECKS).unwrap_or(u32::MAX));
    let rounds = times
        .iter()
        .map(|time| format!("{:.2}", time.as_secs_f64()));
    let rounds = rounds.collect::<Vec<_>>().join(" ");
    println!("{name:<24} {middle:>9.2} {each:>12.1}  {rounds}");
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

/// Runs the checks with no more than the API needs.
async fn pipeline(docker: &Docker, width: usize, count: usize) -> Result<()> {
    stream::iter(0..count)
        .map(|number| removed(docker, number))
        .buffer_unordered(width)
        .try_collect()
        .await
}

/// One container, which is removed whatever comes of it.
async fn removed(docker: &Docker, number: usize) -> Result<()> {
    static CREATED: AtomicUsize = AtomicUsize::new(0);
    let count = CREATED.fetch_add(1, Ordering::Relaxed);
    let name = format!("seatrial-bench-{}-{count}", std::process::id());
    let ran = run(docker, &name, number).await;
    let options = RemoveContainerOptionsBuilder::default()
        .force(true)
        .v(true)
        .build();
    let removed = docker.remove_container(&name, Some(options)).await;
    ran?;
    Ok(removed?)
}

async fn run(docker: &Docker, name: &str, number: usize) -> Result<()> {
    let options = CreateContainerOptionsBuilder::default().name(name).build();
    let script = format!("echo hello-{number}");
    let body = ContainerCreateBody {
        image: Some(IMAGE.to_owned()),
        cmd: Some(vec!["sh".to_owned(), "-c".to_owned(), script]),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        network_disabled: Some(true),
        host_config: Some(HostConfig {
            log_config: Some(HostConfigLogConfig {
                typ: Some("none".to_owned()),
                config: None,
            }),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    docker.create_container(Some(options), body).await?;
    let options = AttachContainerOptionsBuilder::default()
        .stdout(true)
        .stderr(true)
        .stream(true)
        .build();
    let mut attached = docker.attach_container(name, Some(options)).await?;
    docker.start_container(name, None).await?;
    let mut stdout = Vec::new();
    while let Some(frame) = attached.output.next().await {
        match frame? {
            LogOutput::StdOut { message } => stdout.extend_from_slice(&message),
            other => return Err(format!("{name} wrote {other:?}").into()),
        }
    }
    let code = exit_code(docker, name).await?;
    if (code, stdout.as_slice()) != (0, format!("hello-{number}\n").as_bytes()) {
        let stdout = String::from_utf8_lossy(&stdout);
        return Err(format!("{name} ended with {code} and wrote {stdout:?}").into());
    }
    Ok(())
}

async fn exit_code(docker: &Docker, name: &str) -> Result<i64> {
    let options = WaitContainerOptionsBuilder::default()
        .condition("not-running")
        .build();
    match docker.wait_container(name, Some(options)).next().await {
        Some(Ok(answer)) => Ok(answer.status_code),
        // This is how bollard hands on any code but 0.
        Some(Err(Error::DockerContainerWaitError { code, .. })) => Ok(code),
        Some(Err(error)) => Err(error.into()),
        None => Err(format!("the engine did not say how {name} ended").into()),
    }
}

/// Runs the same checks with the real program.
fn seatrial(folder: &Path) -> Result<Duration> {
    let junit = folder.join("junit.xml");
    let (time, _) = timed(
        program(folder)
            .args([
                "test",
                "--engine",
                "docker",
                "--spec",
                "checks.yaml",
                "--junit",
            ])
            .arg(&junit),
    )?;
    let report = std::fs::read_to_string(&junit)?;
    std::fs::remove_file(&junit)?;
    let is_whole = report.matches("<testcase").count() == CHECKS;
    // The exit code 0 says that none failed; each output is to be in the report all the same.
    let is_right = (0..CHECKS).all(|number| report.contains(&format!("hello-{number}\n")));
    if !(is_whole && is_right) {
        return Err(format!("the report is not as expected:\n{report}").into());
    }
    Ok(time)
}

/// Prints what it takes to start, next to a program that does nothing.
fn start_up(folder: &Path) -> Result<()> {
    spec(&folder.join("many.yaml"), LISTED)?;
    let mut list = program(folder);
    list.args(["test", "--list", "--spec", "many.yaml"]);
    let mut version = program(folder);
    version.arg("--version");
    let rows = [
        ("/bin/true".to_owned(), Command::new("/bin/true"), 0),
        ("seatrial --version".to_owned(), version, 1),
        (
            format!("seatrial test --list, {LISTED} checks"),
            list,
            LISTED,
        ),
    ];
    println!("{:<36} {:>9}  (median of {STARTS})", "", "ms");
    for (name, mut command, lines) in rows {
        let mut times = Vec::new();
        for _ in 0..STARTS {
            let (time, output) = timed(&mut command)?;
            let text = String::from_utf8(output.stdout)?;
            let names = text.lines().filter(|line| line.ends_with(": test"));
            if text.lines().count() < lines || (lines == LISTED && names.count() != LISTED) {
                return Err(format!("{command:?} wrote {text}").into());
            }
            times.push(time);
        }
        println!("{name:<36} {:>9.1}", median(&times).as_secs_f64() * 1000.0);
    }
    Ok(())
}

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seatrial"));
    command.current_dir(folder).env("SEATRIAL_FRESH", "1");
    command
}

/// Runs a command to its end, which must be a good one.
fn timed(command: &mut Command) -> Result<(Duration, Output)> {
    let begun = Instant::now();
    let output = command.stdin(Stdio::null()).output()?;
    let time = begun.elapsed();
    if output.status.success() {
        return Ok((time, output));
    }
    Err(format!("{command:?}: {output:?}").into())
}

fn spec(path: &Path, count: usize) -> std::io::Result<()> {
    let mut text = format!("image: {IMAGE}\nchecks:\n");
    for number in 0..count {
        let _ = write!(
            text,
            "  - name: says hello-{number}\n    run: [sh, -c, echo hello-{number}]\n    \
             stdout: |\n      hello-{number}\n"
        );
    }
    std::fs::File::create(path).and_then(|mut file| file.write_all(text.as_bytes()))
}
