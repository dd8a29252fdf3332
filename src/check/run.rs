//! Run checks.

use std::time::Duration;

use super::perform::{Observation, verdict};
use super::reproduce;
use crate::engine::{Ended, Engine, Image, Limits, Mount, Outcome, Process};
use crate::expect::{Subject, judge as judge_text};
use crate::plan::Case;
use crate::source::Located;
use crate::spec::{Command, Entrypoint, RunCheck, RunSettings, Stdin};
use crate::verdict::{Finding, Problem, Verdict};

/// What a command may take when the spec says nothing.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
/// How much of each stream the matchers see, at its beginning and at its end.
const OUTPUT_LIMIT: usize = 1 << 20;
/// How much of each stream is kept for reports.
pub(super) const KEPT_OUTPUT: usize = 64 << 10;

/// Runs the command and judges what it did.
pub(super) fn perform(
    case: &Case,
    check: &RunCheck,
    settings: &RunSettings,
    engine: &dyn Engine,
    image: &Image,
) -> Observation {
    let argv = argv(&check.run.value, settings.entrypoint.as_ref(), image);
    let process =
        stdin(case, check.stdin.as_ref()).and_then(|stdin| process(case, settings, argv, stdin));
    let process = match process {
        Ok(process) => process,
        Err(problem) => {
            return Observation {
                verdict: Verdict::Error(problem),
                stdout: None,
                stderr: None,
                reproduce: None,
            };
        }
    };
    let reproduce = Some(reproduce::run(
        &engine.info().kind,
        image,
        &process,
        check,
        &case.root,
    ));
    match engine.run(image, &process, None) {
        Ok(mut outcome) => {
            let verdict = verdict(judge(case, check, &process, &outcome));
            outcome.stdout.shorten(KEPT_OUTPUT);
            outcome.stderr.shorten(KEPT_OUTPUT);
            let started = !matches!(outcome.ended, Ended::NotStarted { .. });
            Observation {
                verdict,
                stdout: started.then_some(outcome.stdout),
                stderr: started.then_some(outcome.stderr),
                reproduce,
            }
        }
        Err(error) => Observation {
            verdict: Verdict::Error(error.into()),
            stdout: None,
            stderr: None,
            reproduce,
        },
    }
}

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
    Ok(Process {
        check: case.info.name(),
        argv,
        env: env
            .map(|(name, value)| (name.value.clone(), value.clone()))
            .collect(),
        user: settings.user.clone(),
        workdir: settings
            .workdir
            .as_ref()
            .map(|workdir| workdir.value.clone()),
        stdin,
        mounts: mounts?,
        tmpfs: Vec::new(),
        network: settings.network.unwrap_or_default(),
        limits: Limits::default(),
        cap_add: Vec::new(),
        cap_drop: Vec::new(),
        read_only: false,
        ports: Vec::new(),
        timeout: settings.timeout.unwrap_or(DEFAULT_TIMEOUT),
        output_limit: OUTPUT_LIMIT,
    })
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
            let path = case.root.join(path);
            let content = std::fs::read(&path).map_err(|error| unreadable(&path, &error))?;
            Ok(Some(content))
        }
    }
}

fn unreadable(path: &std::path::Path, error: &std::io::Error) -> Problem {
    Problem {
        kind: "host-file",
        message: format!("can't read {}: {error}", path.display()),
    }
}

/// As in a Dockerfile: the entrypoint comes first, the command is its arguments.
fn argv(command: &Command, entrypoint: Option<&Entrypoint>, image: &Image) -> Vec<String> {
    let mut argv = match entrypoint {
        None => Vec::new(),
        Some(Entrypoint::Image) => image.config.entrypoint.clone(),
        Some(Entrypoint::Command(argv)) => argv.clone(),
    };
    argv.extend(command.argv());
    argv
}

fn judge(
    case: &Case,
    check: &RunCheck,
    process: &Process,
    outcome: &Outcome,
) -> Result<Vec<Finding>, Problem> {
    let timeout = process.timeout;
    if outcome.ended == Ended::TimedOut {
        // What it wrote until then decides nothing: it did not come to its end.
        return Ok(vec![Finding::new(
            &check.run.place,
            "timeout",
            format!("did not end within {timeout:?} and was killed"),
        )]);
    }
    let exit = check.exit.as_ref();
    let exit_place = exit.map_or(&case.check.place, |exit| &exit.place);
    let expected = exit.map_or(0, |exit| exit.value.0);
    let mut findings = Vec::new();
    if let Some(message) = wrong_exit(expected, &outcome.ended) {
        findings.push(Finding::new(exit_place, "exit", message));
    }
    let streams = [
        ("stdout", &check.stdout, &outcome.stdout),
        ("stderr", &check.stderr, &outcome.stderr),
    ];
    let mut undecided = None;
    for (name, expected, actual) in streams {
        let Some(expected) = expected else { continue };
        match judge_text(Subject { kind: name, name }, expected, actual) {
            Ok(more) => findings.extend(more),
            Err(problem) => undecided = Some(problem),
        }
    }
    match undecided {
        Some(problem) if findings.is_empty() => Err(problem),
        _ => Ok(findings),
    }
}

fn wrong_exit(expected: i64, ended: &Ended) -> Option<String> {
    match ended {
        Ended::NotStarted { code, reason } => (*code != expected).then(|| {
            format!(
                "expected exit code {expected}, but the command could not be run ({code}): {reason}"
            )
        }),
        // Whatever code was expected: a process that the kernel had to kill did not do its work.
        Ended::Exited {
            code,
            out_of_memory: true,
        } => Some(format!(
            "ran out of memory and was killed (exit code {code})"
        )),
        Ended::Exited { code, .. } if *code != expected => {
            let hint = hint(*code);
            Some(format!("expected exit code {expected}, got {code}{hint}"))
        }
        Ended::Exited { .. } | Ended::TimedOut => None,
    }
}

/// What an exit code usually means, to be put behind it.
pub(super) fn hint(code: i64) -> &'static str {
    match code {
        126 => " (not executable)",
        127 => " (command not found)",
        134 => " (SIGABRT)",
        137 => " (SIGKILL)",
        139 => " (SIGSEGV)",
        143 => " (SIGTERM)",
        _ => "",
    }
}
