//! The health check of an image, made as Docker makes it.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::client::failed;
use super::inside::Inside;
use crate::engine::{Ended, EngineError, Health, Healthcheck, Image, Process};

const STEP: &str = "check the health of a container";
/// So much of what a test wrote is kept, as Docker does.
const LONGEST_OUTPUT: usize = 4096;

/// Checks the health of a container from time to time.
#[derive(Debug)]
pub(super) struct Checker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    health: Result<Health, EngineError>,
    is_over: bool,
}

impl Checker {
    pub(super) fn start(
        inside: Arc<Inside>,
        check: Healthcheck,
        image: &Image,
    ) -> Result<Self, EngineError> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                health: Ok(Health::Starting),
                is_over: false,
            }),
            changed: Condvar::new(),
        });
        let process = Process {
            output_limit: LONGEST_OUTPUT,
            ..Process::new("health", argv(&check, image), check.timeout)
        };
        let for_thread = Arc::clone(&shared);
        let thread = thread::Builder::new().name("health".to_owned());
        let thread = thread.spawn(move || for_thread.check(&inside, &check, &process));
        thread.map_err(|error| failed(STEP, error))?;
        Ok(Self { shared })
    }

    /// What it says so far.
    pub(super) fn health(&self) -> Result<Health, EngineError> {
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner).health.clone()
    }
}

impl Drop for Checker {
    /// Makes no more checks; one that is under way ends with the container.
    fn drop(&mut self) {
        let mut state = self
            .shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        state.is_over = true;
        self.shared.changed.notify_all();
    }
}

fn argv(check: &Healthcheck, image: &Image) -> Vec<String> {
    match check.test.split_first() {
        Some((kind, rest)) if kind == "CMD-SHELL" => {
            let usual = ["/bin/sh".to_owned(), "-c".to_owned()];
            let shell = &image.config.shell;
            let shell = if shell.is_empty() { &usual[..] } else { shell };
            shell.iter().chain(rest).cloned().collect()
        }
        Some((_, rest)) => rest.to_vec(),
        None => Vec::new(),
    }
}

impl Shared {
    fn check(&self, inside: &Inside, check: &Healthcheck, process: &Process) {
        let began = Instant::now();
        let mut failures = 0;
        while self.pause(check.interval) {
            let outcome = inside.exec(process);
            let in_start_period = began.elapsed() < check.start_period;
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let (is_well, output) = match outcome {
                Ok(outcome) => {
                    let is_well = matches!(outcome.ended, Ended::Exited { code: 0, .. });
                    let mut output = outcome.stdout.kept().to_vec();
                    output.extend_from_slice(outcome.stderr.kept());
                    let output = String::from_utf8_lossy(&output).into_owned();
                    let output = match outcome.ended {
                        Ended::TimedOut => format!(
                            "Health check exceeded timeout ({:?}){output}",
                            check.timeout
                        ),
                        Ended::NotStarted { reason, .. } => reason,
                        Ended::Exited { .. } => output,
                    };
                    (is_well, output)
                }
                Err(error) => {
                    // The container has ended, or nobody wants to know any more.
                    state.health = Err(error);
                    return;
                }
            };
            if is_well {
                failures = 0;
                state.health = Ok(Health::Healthy);
            } else if !(in_start_period && matches!(state.health, Ok(Health::Starting))) {
                failures += 1;
                if failures >= check.retries {
                    state.health = Ok(Health::Unhealthy { output });
                }
            }
        }
    }

    /// Whether to go on after it.
    fn pause(&self, interval: Duration) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .changed
            .wait_timeout_while(state, interval, |state| !state.is_over);
        !waited.unwrap_or_else(PoisonError::into_inner).0.is_over
    }
}
