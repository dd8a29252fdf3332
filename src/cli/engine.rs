//! `seatrial engine`: what runs containers here, what does not work, and what is done about it.

use std::io::Write;
use std::sync::Arc;

use clap::Args;

use super::engines;
use super::exit::Exit;
use super::session::{Session, Trouble};
use super::table::{Row, Table};
use crate::engine::docker::DockerEngine;
use crate::engine::embedded::{
    BuildahBuilder, Daemon, EmbeddedEngine, HostFacts, Trial, host_facts,
};
use crate::engine::{Engine, EngineError};

/// The arguments of `seatrial engine`.
#[derive(Debug, Args)]
pub struct EngineArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Such checks go elsewhere.
const TO_DOCKER: &str = "checks that need it go to docker, or are skipped";
const NONE: &str = "the embedded engine is not used";

/// Runs `seatrial engine`.
pub fn run(args: &EngineArgs) -> Exit {
    attempt(args).unwrap_or_else(Trouble::tell)
}

fn attempt(args: &EngineArgs) -> Result<Exit, Trouble> {
    let trouble = |error| Trouble::new(Exit::Harness, error);
    let session = Session::start()?;
    let docker = daemon(&session);
    let facts = host_facts();
    let root = std::env::current_dir().unwrap_or_default();
    let answering = docker.as_ref().ok().cloned();
    let mut rows = host_rows(&facts);
    let embedded = engines::unproven(&session.waiter(), Daemon::known(answering), &root);
    let (runs_embedded, more) = match &embedded {
        Ok(engine) => container_rows(engine).map_err(trouble)?,
        Err(error) => (false, vec![Row::lacks("containers", error, NONE)]),
    };
    rows.extend(more);
    rows.extend(elsewhere_rows());
    rows.push(daemon_row(&docker));
    rows.push(builder_row(&docker));
    let engines = match (runs_embedded, &docker) {
        (true, Ok(docker)) => vec!["embedded".to_owned(), docker.info().kind.clone()],
        (true, Err(_)) => vec!["embedded".to_owned()],
        (false, Ok(docker)) => vec![docker.info().kind.clone()],
        (false, Err(_)) => Vec::new(),
    };
    if let Ok(embedded) = &embedded {
        let _ = embedded.close();
    }
    let table = Table { rows, engines };
    let text = if args.json {
        table.json()
    } else {
        table.text()
    };
    let _ = write!(anstream::stdout().lock(), "{text}");
    Ok(match session.signals().received() {
        Some(signal) => Exit::Signal(signal),
        None if table.engines.is_empty() => Exit::Harness,
        None => Exit::AllPassed,
    })
}

/// The engine of this machine; nothing is cleaned up on it.
fn daemon(session: &Session) -> Result<Arc<DockerEngine>, EngineError> {
    let (connection, info) = session.connect()?;
    let stop = session.signals().stop();
    DockerEngine::new(connection, info, session.handle(), stop).map(Arc::new)
}

fn host_rows(facts: &HostFacts) -> Vec<Row> {
    let who = match (facts.is_root, facts.in_user_namespace) {
        (true, false) => "as root",
        (true, true) => "as root of a user namespace",
        (false, _) => "as a user",
    };
    let needs_users = !facts.is_root || facts.in_user_namespace;
    let namespaces = match (facts.obstacles.as_slice(), needs_users) {
        (_, false) => Row::works("user namespaces", "not needed as root"),
        ([], true) => Row::works("user namespaces", "nothing switches them off"),
        (obstacles, true) => Row::lacks("user namespaces", obstacles.join("; "), NONE),
    };
    let kernel = |name, has: bool, works: &str, lacks: &str| {
        if has {
            Row::works(name, works)
        } else {
            Row::lacks(name, lacks, NONE)
        }
    };
    vec![
        Row::works("host", format!("Linux {}, {who}", facts.kernel)),
        kernel(
            "overlayfs",
            facts.has_overlay,
            "the kernel has it",
            "the kernel has none loaded; `modprobe overlay`",
        ),
        kernel(
            "seccomp",
            facts.has_seccomp,
            "the kernel has it; containers get Docker's filter",
            "the kernel has none",
        ),
        namespaces,
        Row::works("control groups", &facts.groups),
    ]
}

/// Whether containers run, and all that was tried with them.
fn container_rows(engine: &EmbeddedEngine) -> Result<(bool, Vec<Row>), EngineError> {
    let trials = engine.trials()?;
    let said = engine.abilities().rows();
    let how = |name: &str| {
        let row = said.iter().find(|row| row.name == name);
        row.map(|row| row.how.clone()).unwrap_or_default()
    };
    let tried = |name: &'static str, trial: &Trial, how: String, instead| match trial {
        Ok(_) => Row::works(name, how),
        Err(reason) => Row::lacks(name, reason, instead),
    };
    let runs = trials.plain.is_ok();
    let took = trials
        .plain
        .as_ref()
        .map_or(0, |took| took.as_millis().max(1));
    let mut rows = vec![tried(
        "containers",
        &trials.plain,
        format!("{}; one took {took} ms", how("containers")),
        NONE,
    )];
    if runs {
        rows.push(Row::works(
            "/proc, /sys and /dev",
            "made anew for each container",
        ));
        let users = how("users of images");
        rows.push(tried("users of images", &trials.user, users, TO_DOCKER));
        let none = how("network: none");
        rows.push(tried("network: none", &trials.plain, none, NONE));
        let host = how("network: host");
        rows.push(tried("network: host", &trials.host, host, TO_DOCKER));
        for (name, trial) in [
            ("memory", &trials.memory),
            ("cpus", &trials.cpus),
            ("pids", &trials.pids),
        ] {
            rows.push(tried(
                name,
                trial,
                "by control groups".to_owned(),
                TO_DOCKER,
            ));
        }
    }
    let state = engine.store_state()?;
    rows.push(Row::works(
        "store",
        format!(
            "{}: {} layers, {} of at most {}; {} are free",
            state.folder.display(),
            state.layers,
            size(state.bytes),
            size(engine.store_bound()),
            size(state.free),
        ),
    ));
    rows.push(Row::works(
        "what checks write",
        format!(
            "goes to memory, {} for each container at most",
            size(engine.scratch())
        ),
    ));
    Ok((runs, rows))
}

/// What the embedded engine has on no host.
fn elsewhere_rows() -> Vec<Row> {
    [
        ("network: bridge", "only an engine has such a network"),
        ("ports", "they are reached through an engine's network"),
        ("other platforms", "only an engine with emulation runs them"),
    ]
    .map(|(name, why)| Row::lacks(name, why, TO_DOCKER))
    .into()
}

fn daemon_row(docker: &Result<Arc<DockerEngine>, EngineError>) -> Row {
    let docker = match docker {
        Ok(docker) => docker,
        Err(error) => return Row::lacks("daemon", error, "none is used"),
    };
    let info = docker.info();
    let layers = match docker.shares_layers() {
        Ok(Ok(())) => "its layers are used in place".to_owned(),
        Ok(Err(why)) => format!("its images are exported to the store: {why}"),
        Err(error) => format!("its images are exported to the store: {error}"),
    };
    let (kind, version) = (&info.kind, &info.version);
    Row::works(
        "daemon",
        format!("{kind} {version} at {}; {layers}", docker.endpoint()),
    )
}

fn builder_row(docker: &Result<Arc<DockerEngine>, EngineError>) -> Row {
    match docker {
        Ok(docker) => Row::works("building", format!("by {}", docker.info().kind)),
        Err(why) => match BuildahBuilder::find(why) {
            Ok(program) => Row::works("building", format!("by {}", program.display())),
            Err(_) => Row::lacks(
                "building",
                "neither an engine nor buildah is there",
                "install the package buildah to build without a daemon",
            ),
        },
    }
}

fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 || value >= 100.0 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}
