//! Run checks.

use super::file::judge_all;
use super::judged::Judged;
use super::perform::{Observation, verdict};
use super::process::{argv, process, stdin};
use super::reproduce;
use crate::engine::{
    Ended, Engine, Files, Image, Look, Observers, Outcome, Process, Stream, holder,
};
use crate::expect::{Flow, Subject, judge as judge_text};
use crate::plan::Case;
use crate::spec::{ExitExpectation, RunCheck, RunSettings};
use crate::verdict::{Finding, Problem};

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
    let mut process = match process {
        Ok(process) => process,
        Err(problem) => return Observation::undecided(problem),
    };
    process.observers = observers(check);
    process.exact = check.within.is_some() || check.max_memory.is_some();
    if let Some(most) = &check.max_memory {
        // More is not there: what needs it is killed, and so found out.
        process.limits.memory = Some(most.value.0);
    }
    let reproduce = Some(reproduce::run(
        &engine.info().kind,
        image,
        &process,
        Some(check),
        &case.root,
    ));
    let mut left: Result<Vec<Finding>, Problem> = Ok(Vec::new());
    let mut look = |files: &dyn Files| {
        if let Some(expected) = &check.files {
            left = judge_all(expected, files, &case.root);
        }
    };
    let look: Option<&mut Look<'_>> = match check.files {
        Some(_) => Some(&mut look),
        None => None,
    };
    match execute(check, &process, engine, image, look) {
        Ok(outcome) => {
            let mut judged = Judged::default();
            judged.add(judge(case, check, settings, &process, &outcome));
            judged.add(left);
            let verdict = verdict(judged.finish());
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

/// Matchers see outputs as they flow, for what is not kept of them.
fn observers(check: &RunCheck) -> Observers {
    let (stdout, stderr) = (check.stdout.clone(), check.stderr.clone());
    Observers::new(move |stream| {
        let expected = match stream {
            Stream::Stdout => stdout.as_ref(),
            Stream::Stderr => stderr.as_ref(),
        };
        Some(Box::new(Flow::new(expected?)))
    })
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
        observers: Observers::default(),
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
    let mut findings = ending(case, check, settings, process, outcome);
    let streams = [
        ("stdout", &check.stdout, &outcome.stdout),
        ("stderr", &check.stderr, &outcome.stderr),
    ];
    let mut undecided = None;
    for (name, expected, actual) in streams {
        let Some(expected) = expected else { continue };
        let subject = Subject {
            kind: name,
            name,
            root: &case.root,
        };
        match judge_text(subject, expected, actual) {
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
fn ending(
    case: &Case,
    check: &RunCheck,
    settings: &RunSettings,
    process: &Process,
    outcome: &Outcome,
) -> Vec<Finding> {
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
    let is_too_large = out_of_memory || may_be_out_of_memory(process, outcome);
    if let (true, Some(most)) = (is_too_large, &check.max_memory) {
        let message = format!(
            "needed more than {} of memory and was killed",
            most.place.text()
        );
        findings.push(Finding::new(&most.place, "max_memory", message));
    } else if let Some(message) = wrong_exit(expected, &outcome.ended) {
        let place = match &settings.memory {
            Some(memory) if out_of_memory => &memory.place,
            _ => place,
        };
        findings.push(Finding::new(place, "exit", message));
    } else if *expected == ExitExpectation::Nonzero && may_be_out_of_memory(process, outcome) {
        let message = "was killed (137), as by its limit of memory; `exit: 137` allows that";
        findings.push(Finding::new(place, "exit", message.to_owned()));
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

/// The engine does not always know in time why a command was killed, and never in a container that
/// the command has not to itself.
fn may_be_out_of_memory(process: &Process, outcome: &Outcome) -> bool {
    let is_killed = matches!(outcome.ended, Ended::Exited { code: 137, .. });
    is_killed && process.limits.memory.is_some()
}

/// What is wrong with how a process ended.
pub(super) fn wrong_exit(expected: &ExitExpectation, ended: &Ended) -> Option<String> {
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
            let hint = hint(*code);
            Some(format!("expected {words}, got {code}{hint}"))
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
