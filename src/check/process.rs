//! From a spec's command and settings to the process that an engine runs.

use std::path::Path;

use crate::engine::{Image, Limits, Mount, Observers, Process};
use crate::plan::Case;
use crate::source::Located;
use crate::spec::{Bytes, Capability, Command, DEFAULT_TIMEOUT, Entrypoint, RunSettings, Stdin};
use crate::verdict::Problem;

/// How much of each stream the matchers see, at its beginning and at its end.
const OUTPUT_LIMIT: usize = 1 << 20;

/// A process with these settings.
///
/// # Errors
/// When a file of the host can't be read.
pub(super) fn process(
    case: &Case,
    settings: &RunSettings,
    argv: Vec<String>,
    stdin: Option<Vec<u8>>,
) -> Result<Process, Problem> {
    let mounts = settings.mounts.iter().flat_map(|pairs| &pairs.0);
    let mounts: Result<Vec<Mount>, Problem> = mounts
        .map(|(source, target)| {
            // Absolute and without links: an engine resolves neither against our folder.
            let source = case.root.join(&source.value);
            let source = source
                .canonicalize()
                .map_err(|error| unreadable(&source, &error))?;
            Ok(Mount {
                source,
                target: target.value.clone(),
            })
        })
        .collect();
    let env = settings.env.iter().flat_map(|pairs| &pairs.0);
    let engines = case.check.options.only.as_ref();
    let engines = engines.and_then(|only| only.engine.as_ref());
    Ok(Process {
        engines: engines
            .iter()
            .flat_map(|it| &it.0)
            .map(|name| name.value.clone())
            .collect(),
        check: case.info.name(),
        argv,
        env: env
            .map(|(name, value)| (name.value.clone(), value.clone()))
            .collect(),
        user: settings.user.as_ref().map(|user| user.value.clone()),
        workdir: settings
            .workdir
            .as_ref()
            .map(|workdir| workdir.value.clone()),
        stdin,
        mounts: mounts?,
        tmpfs: settings
            .tmpfs
            .iter()
            .flat_map(|tmpfs| &tmpfs.0)
            .map(tmpfs)
            .collect(),
        network: settings.network.unwrap_or_default(),
        limits: Limits {
            memory: settings.memory.as_ref().map(|memory| memory.value.0),
            cpus: settings.cpus.map(|cpus| cpus.0),
            pids: settings.pids.map(|pids| pids.0),
        },
        cap_add: names(settings.cap_add.as_deref()),
        cap_drop: names(settings.cap_drop.as_deref()),
        read_only: settings.read_only.unwrap_or_default(),
        platform: settings
            .platform
            .as_ref()
            .map(|platform| platform.value.0.clone()),
        ports: Vec::new(),
        isolation: settings.isolation.unwrap_or_default(),
        exact: false,
        timeout: settings
            .timeout
            .as_ref()
            .map_or(DEFAULT_TIMEOUT, |timeout| timeout.value),
        output_limit: OUTPUT_LIMIT,
        observers: Observers::default(),
    })
}

fn tmpfs((folder, size): &(Located<String>, Option<Bytes>)) -> (String, String) {
    let options = size.map_or_else(String::new, |size| format!("size={}", size.0));
    (folder.value.clone(), options)
}

fn names(capabilities: Option<&[Located<Capability>]>) -> Vec<String> {
    let names = capabilities.into_iter().flatten();
    names.map(|capability| capability.0.clone()).collect()
}

/// What a process reads.
///
/// # Errors
/// When a file of the host can't be read.
pub(super) fn stdin(
    case: &Case,
    stdin: Option<&Located<Stdin>>,
) -> Result<Option<Vec<u8>>, Problem> {
    match stdin.map(|stdin| &stdin.value) {
        None => Ok(None),
        Some(Stdin::Text(text)) => Ok(Some(text.clone().into_bytes())),
        Some(Stdin::File(path)) => {
            let path = case.root.join(&path.value);
            let content = std::fs::read(&path).map_err(|error| unreadable(&path, &error))?;
            Ok(Some(content))
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    Problem {
        kind: "host-file",
        message: format!("can't read {}: {error}", path.display()),
    }
}

/// As in a Dockerfile: the entrypoint comes first, the command is its arguments.
pub(super) fn argv(
    command: &Command,
    entrypoint: Option<&Entrypoint>,
    image: &Image,
) -> Vec<String> {
    let mut argv = match entrypoint {
        None => Vec::new(),
        Some(Entrypoint::Image) => image.config.entrypoint.clone(),
        Some(Entrypoint::Command(argv)) => argv.clone(),
    };
    argv.extend(command.argv());
    argv
}
