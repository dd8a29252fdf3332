//! A service check from its start to its end.

use std::time::{Duration, Instant};

use super::attempt::{Attempt, Broken, how};
use super::log::Seen;
use super::ready::patterns;
use crate::check::perform::{Observation, verdict};
use crate::check::{process as processes, reproduce, run};
use crate::engine::{Ended, Engine, Image, Isolation, Network, Process};
use crate::plan::Case;
use crate::spec::{Entrypoint, ExitExpectation, RunSettings, ServiceCheck};
use crate::verdict::{Finding, Problem, Verdict};

/// How long a service may take to stop when the spec says nothing.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Starts the service, asks it, stops it, and judges what it did.
pub(in crate::check) fn perform(
    case: &Case,
    check: &ServiceCheck,
    settings: &RunSettings,
    engine: &dyn Engine,
    image: &Image,
) -> Observation {
    let mut observation = Observation {
        verdict: Verdict::Passed,
        stdout: None,
        stderr: None,
        reproduce: None,
    };
    let argv = argv(check, settings, image);
    if argv.is_empty() {
        let message = "the image has neither an entrypoint nor a command to start";
        let place = &check.service.place;
        let finding = Finding::new(place, "service.ready", message.to_owned());
        observation.verdict = Verdict::Failed(vec![finding]);
        return observation;
    }
    let process = match process(case, check, settings, argv) {
        Ok(process) => process,
        Err(problem) => {
            observation.verdict = Verdict::Error(problem);
            return observation;
        }
    };
    let is_own_entrypoint = !matches!(settings.entrypoint, Some(Entrypoint::Command(_)));
    observation.reproduce = Some(reproduce::service(
        &engine.info().kind,
        image,
        &process,
        is_own_entrypoint,
        &case.root,
    ));
    let deadline = Instant::now() + process.timeout;
    let (seen, tap) = Seen::new(patterns(check));
    let running = match engine.start(image, &process, Some(tap)) {
        Ok(running) => running,
        Err(error) => {
            observation.verdict = Verdict::Error(error.into());
            return observation;
        }
    };
    let attempt = Attempt {
        case,
        check,
        process: &process,
        running: running.as_ref(),
        seen,
        deadline,
        findings: Vec::new(),
        undecided: None,
    };
    let judged = attempt.whole();
    let (stdout, stderr) = running.logs();
    observation.stdout = Some(stdout);
    observation.stderr = Some(stderr);
    observation.verdict = match (verdict(judged), running.remove()) {
        (Verdict::Passed, Err(error)) => Verdict::Error(error.into()),
        (verdict, _) => verdict,
    };
    observation
}

/// The entrypoint of the image or of the spec, and the arguments of the spec or of the image. As
/// with `docker run`, another entrypoint does without the image's arguments.
fn argv(check: &ServiceCheck, settings: &RunSettings, image: &Image) -> Vec<String> {
    let command = check.service.command.as_ref();
    let command = command.map(|command| command.value.argv());
    let (mut argv, arguments) = match &settings.entrypoint {
        None | Some(Entrypoint::Image) => (
            image.config.entrypoint.clone(),
            command.unwrap_or_else(|| image.config.cmd.clone()),
        ),
        Some(Entrypoint::Command(argv)) => (argv.clone(), command.unwrap_or_default()),
    };
    argv.extend(arguments);
    argv
}

fn process(
    case: &Case,
    check: &ServiceCheck,
    settings: &RunSettings,
    argv: Vec<String>,
) -> Result<Process, Problem> {
    let network = settings.network.unwrap_or(Network::Bridge);
    let ports = match network {
        Network::Bridge => check.ports(),
        Network::None | Network::Host => Vec::new(),
    };
    Ok(Process {
        network,
        ports,
        isolation: Isolation::default(),
        ..processes::process(case, settings, argv, None)?
    })
}

impl Attempt<'_> {
    /// All of it. One thing that does not hold decides, whatever is not known of the rest.
    fn whole(mut self) -> Result<Vec<Finding>, Problem> {
        let undecided = match self.steps() {
            Ok(()) | Err(Broken::Found) => self.undecided.take(),
            // What a stopped run has seen of a service may be the doing of the stop.
            Err(Broken::Undecided(problem)) if problem.kind == "interrupted" => {
                return Err(problem);
            }
            Err(Broken::Undecided(problem)) => Some(problem),
        };
        match undecided {
            Some(problem) if self.findings.is_empty() => Err(problem),
            _ => Ok(self.findings),
        }
    }

    fn steps(&mut self) -> Result<(), Broken> {
        self.become_ready()?;
        self.ask()?;
        let service = &self.check.service;
        if service.stop.is_none() && service.logs.is_none() {
            return Ok(());
        }
        self.stop()?;
        let logs = service.logs.as_ref();
        let (stdout, stderr) = self.running.logs();
        if let Some(expected) = logs.and_then(|logs| logs.stdout.as_ref()) {
            self.text("logs.stdout", "stdout of the service", expected, &stdout);
        }
        if let Some(expected) = logs.and_then(|logs| logs.stderr.as_ref()) {
            self.text("logs.stderr", "stderr of the service", expected, &stderr);
        }
        Ok(())
    }

    fn stop(&mut self) -> Result<(), Broken> {
        self.in_time("it was stopped")?;
        let expected = self.check.service.stop.as_ref();
        let signal = expected.and_then(|stop| stop.signal.as_ref());
        let signal = signal.map(|signal| signal.value.0.as_str());
        let within = expected.and_then(|stop| stop.within.as_ref());
        let (until, limit) = self.limit(within.map_or(STOP_LIMIT, |within| within.value));
        let left = until.saturating_duration_since(Instant::now());
        let ended = self.running.stop(signal, left)?;
        let Some(stop) = expected else {
            return Ok(());
        };
        let signal = signal.unwrap_or("the image's stop signal");
        let zero = ExitExpectation::Codes(vec![0]);
        let (codes, place) = match &stop.exit {
            Some(codes) => (&codes.value, &codes.place),
            None => (&zero, &stop.place),
        };
        match &ended {
            Ended::TimedOut => {
                let message =
                    format!("the service did not end within {limit} of {signal} and was killed");
                let place = within.map_or(&stop.place, |within| &within.place);
                self.find(place, "service.stop", message);
            }
            Ended::Exited {
                code,
                out_of_memory: false,
            } if codes.allows(*code) => {}
            Ended::Exited {
                code,
                out_of_memory: false,
            } => {
                let (expected, hint) = (codes.describe(), run::hint(*code));
                let message = format!("expected {expected} after {signal}, got {code}{hint}");
                self.find(place, "service.stop", message);
            }
            other => self.find(place, "service.stop", format!("the service {}", how(other))),
        }
        Ok(())
    }
}
