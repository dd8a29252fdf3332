//! Run checks.

use std::time::Duration;

use super::perform::{Observation, verdict};
use super::reproduce;
use crate::engine::{Ended, Engine, Image, Limits, Look, Mount, Outcome, Process, holder};
use crate::expect::{Subject, judge as judge_text};
use crate::plan::Case;
use crate::source::Located;
use crate::spec::{
    Bytes, Capability, Command, Entrypoint, ExitExpectation, RunCheck, RunSettings, Stdin,
};
use crate::verdict::{Finding, Problem};

/// What a command may take when the spec says nothing.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
/// How much of each stream the matchers see, at its beginning and at its end.
const OUTPUT_LIMIT: usize = 1 << 20;
/// How much of each stream is kept for reports.
const KEPT_OUTPUT: usize = 64 << 10;

/// Runs the command and judges what it did.
pub(super) fn perform(
    case: &Case,
    check: &RunCheck,
    settings: &RunSettings,
    engine: &dyn Engine,
    image: &Image,
) -> Observation {
    let process = match process(case, check, settings, image) {
        Ok(process) => process,
        Err(problem) => return Observation::undecided(problem),
    };
    let reproduce = Some(reproduce::run(
        &engine.info().kind,
        image,
        &process,
        check,
        &case.root,
    ));
    match execute(check, &process, engine, image, None) {
        Ok(mut outcome) => {
            let verdict = verdict(judge(case, check, settings, &process, &outcome));
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
        Err(problem) => Observation {
            reproduce,
            ..Observation::undecided(problem)
        },
    }
}

/// Runs the process, in a container that `setup` has prepared if there is one.
fn execute(
    check: &RunCheck,
    process: &Process,
    engine: &dyn Engine,
    image: &Image,
    look: Option<&mut Look<'_>>,
) -> Result<Outcome, Problem> {
    let Some(setup) = &check.setup else {
        return Ok(engine.run(image, process, look)?);
    };
    let running = engine.start(image, &holder(process), None)?;
    if let Some(Ended::NotStarted { reason, .. }) = running.ended()? {
        let message = format!("a `setup` needs /bin/sh in the image: {reason}");
        return Err(unprepared(message));
    }
    let prepared = running.exec(&Process {
        argv: setup.argv(),
        stdin: None,
        ..process.clone()
    })?;
    if let Some(what) = wrong_exit(&ExitExpectation::Codes(vec![0]), &prepared.ended) {
        let stderr = String::from_utf8_lossy(prepared.stderr.kept());
        let message = format!("the setup at {} failed: {what}\n{stderr}", setup.place);
        return Err(unprepared(message.trim_end().to_owned()));
    }
    if prepared.ended == Ended::TimedOut {
        let message = format!("the setup at {} did not end in time", setup.place);
        return Err(unprepared(message));
    }
    let outcome = running.exec(process)?;
    if let (Some(look), Ended::Exited { .. }) = (look, &outcome.ended) {
        look(running.files().as_ref());
    }
    running.remove()?;
    Ok(outcome)
}

/// Nothing is known of a command that was never run.
fn unprepared(message: String) -> Problem {
    Problem {
        kind: "setup",
        message,
    }
}

fn process(
    case: &Case,
    check: &RunCheck,
    settings: &RunSettings,
    image: &Image,
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
    let stdin = match check.stdin.as_ref().map(|stdin| &stdin.value) {
        None => None,
        Some(Stdin::Text(text)) => Some(text.clone().into_bytes()),
        Some(Stdin::File(path)) => {
            let path = case.root.join(&path.value);
            Some(std::fs::read(&path).map_err(|error| unreadable(&path, &error))?)
        }
    };
    let env = settings.env.iter().flat_map(|pairs| &pairs.0);
    Ok(Process {
        check: case.info.name(),
        argv: argv(&check.run.value, settings.entrypoint.as_ref(), image),
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
        tmpfs: settings
            .tmpfs
            .iter()
            .flat_map(|tmpfs| &tmpfs.0)
            .map(tmpfs)
            .collect(),
        network: settings.network.unwrap_or_default(),
        limits: Limits {
            memory: most_memory(check, settings),
            cpus: settings.cpus.map(|cpus| cpus.0),
            pids: settings.pids.map(|pids| pids.0),
        },
        cap_add: names(settings.cap_add.as_deref()),
        cap_drop: names(settings.cap_drop.as_deref()),
        read_only: settings.read_only.unwrap_or_default(),
        platform: settings
            .platform
            .as_ref()
            .map(|platform| platform.value.clone()),
        ports: Vec::new(),
        isolation: settings.isolation.unwrap_or_default(),
        exact: check.within.is_some() || check.max_memory.is_some(),
        timeout: settings
            .timeout
            .as_ref()
            .map_or(DEFAULT_TIMEOUT, |timeout| timeout.value),
        output_limit: OUTPUT_LIMIT,
    })
}

/// More memory than the check allows is not there: what needs it is killed, and so found out.
fn most_memory(check: &RunCheck, settings: &RunSettings) -> Option<u64> {
    let most = check.max_memory.as_ref().or(settings.memory.as_ref());
    most.map(|most| most.value.0)
}

fn tmpfs((folder, size): &(Located<String>, Option<Bytes>)) -> (String, String) {
    let options = size.map_or_else(String::new, |size| format!("size={}", size.0));
    (folder.value.clone(), options)
}

fn names(capabilities: Option<&[Capability]>) -> Vec<String> {
    let names = capabilities.into_iter().flatten();
    names.map(|capability| capability.0.clone()).collect()
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
    settings: &RunSettings,
    process: &Process,
    outcome: &Outcome,
) -> Result<Vec<Finding>, Problem> {
    let timeout = process.timeout;
    if outcome.ended == Ended::TimedOut {
        // What it wrote until then decides nothing: it did not come to its end.
        let place = settings.timeout.as_ref().map(|timeout| &timeout.place);
        return Ok(vec![Finding::new(
            place.unwrap_or(&check.run.place),
            "timeout",
            format!("did not end within {timeout:?} and was killed"),
        )]);
    }
    let mut findings = ending(case, check, outcome);
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

/// How it ended, how long it took and how much memory it needed.
fn ending(case: &Case, check: &RunCheck, outcome: &Outcome) -> Vec<Finding> {
    let zero = ExitExpectation::Codes(vec![0]);
    let (expected, place) = match &check.exit {
        Some(exit) => (&exit.value, &exit.place),
        None => (&zero, &case.check.place),
    };
    let mut findings = Vec::new();
    let out_of_memory = matches!(
        outcome.ended,
        Ended::Exited {
            out_of_memory: true,
            ..
        }
    );
    if let (true, Some(most)) = (out_of_memory, &check.max_memory) {
        let message = format!(
            "needed more than {} of memory and was killed",
            most.place.text()
        );
        findings.push(Finding::new(&most.place, "max_memory", message));
    } else if let Some(message) = wrong_exit(expected, &outcome.ended) {
        findings.push(Finding::new(place, "exit", message));
    }
    if let Some(within) = &check.within
        && outcome.duration > within.value
    {
        let (most, took) = (within.value, outcome.duration.as_secs_f64());
        let message = format!("took {took:.3}s, which is more than {most:?}");
        findings.push(Finding::new(&within.place, "within", message));
    }
    findings
}

fn wrong_exit(expected: &ExitExpectation, ended: &Ended) -> Option<String> {
    let words = expected.describe();
    match ended {
        // A command that is not there is no command that fails, unless its code is expected.
        Ended::NotStarted { code, reason } => {
            let meant = *expected != ExitExpectation::Nonzero && expected.allows(*code);
            (!meant).then(|| {
                format!("expected {words}, but the command could not be run ({code}): {reason}")
            })
        }
        // Whatever code was expected: a process that the kernel had to kill did not do its work.
        Ended::Exited {
            code,
            out_of_memory: true,
        } => Some(format!(
            "ran out of memory and was killed (exit code {code})"
        )),
        Ended::Exited { code, .. } if !expected.allows(*code) => {
            let hint = match code {
                126 => " (not executable)",
                127 => " (command not found)",
                134 => " (SIGABRT)",
                137 => " (SIGKILL)",
                139 => " (SIGSEGV)",
                143 => " (SIGTERM)",
                _ => "",
            };
            Some(format!("expected {words}, got {code}{hint}"))
        }
        Ended::Exited { .. } | Ended::TimedOut => None,
    }
}
