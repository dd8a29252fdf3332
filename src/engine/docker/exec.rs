//! Further processes in a container that runs.

use std::time::{Duration, Instant};

use bollard::container::AttachContainerResults;
use bollard::exec::StartExecResults;
use bollard::models::{ExecConfig, ExecInspectResponse};

use super::container::{Container, Streams, not_executed, not_started};
use super::steps::{broken, step};
use crate::engine::{Captured, Ended, EngineError, Outcome, Process};

const STEP: &str = "run a command in a container";

/// The engine may be a moment behind the end of the output.
const STILL_RUNNING: Duration = Duration::from_millis(20);
/// It is not so far behind: then it was the connection that ended.
const LONGEST_LAG: Duration = Duration::from_millis(250);
/// A container that is killed takes its processes with it a moment before it is known to have ended.
const END_OF_CONTAINER: Duration = Duration::from_millis(300);
/// What becomes of processes whose container ends.
const KILLED: i64 = 128 + 9;

impl Container<'_> {
    /// Runs a process and follows it to its end, or for as long as it may take.
    pub(super) async fn exec(&self, process: &Process) -> Result<Outcome, EngineError> {
        let docker = self.connection.docker();
        let request = docker.create_exec(&self.name, config(process));
        let id = step(self.connection, STEP, request).await?.id;
        let begun = Instant::now();
        let mut streams = Streams::new(process);
        let request = async {
            match docker.start_exec(&id, None).await {
                Ok(started) => Ok(Ok(started)),
                Err(error) => match not_started(&error) {
                    Some(ended) => Ok(Err(ended)),
                    None => Err(error),
                },
            }
        };
        let started = step(self.connection, STEP, request).await?;
        let (output, input) = match started {
            Ok(StartExecResults::Attached { output, input }) => (output, input),
            Ok(StartExecResults::Detached) => return Err(failed("its output is not to be had")),
            Err(ended) => {
                return Ok(outcome(
                    ended,
                    begun,
                    Captured::default(),
                    Captured::default(),
                ));
            }
        };
        let following = async {
            let attached = AttachContainerResults { output, input };
            streams
                .read(self.connection, attached, process.stdin.as_deref())
                .await?;
            self.exec_end(&id).await
        };
        let ended = match tokio::time::timeout(process.timeout, following).await {
            Ok(ended) => Some(ended?),
            Err(_) => {
                self.exec_overdue(&id).await?;
                None
            }
        };
        let Some(answer) = ended else {
            let (stdout, stderr) = (streams.stdout.finish(), streams.stderr.finish());
            return Ok(outcome(Ended::TimedOut, begun, stdout, stderr));
        };
        if answer.exit_code == Some(KILLED) {
            self.was_left_alone().await?;
        }
        let unstarted = match unstarted(&answer, &streams) {
            Ok(unstarted) => unstarted,
            Err(error) => {
                // The runtime can't say that it failed because the container had ended.
                self.was_left_alone().await?;
                return Err(error);
            }
        };
        if let Some(unstarted) = unstarted {
            let none = Captured::default;
            return Ok(outcome(unstarted, begun, none(), none()));
        }
        streams.whole(self.connection)?;
        let Some(code) = answer.exit_code else {
            return Err(self.exec_broken("its exit code is not to be had"));
        };
        let ended = Ended::Exited {
            code,
            out_of_memory: false,
        };
        let (stdout, stderr) = (streams.stdout.finish(), streams.stderr.finish());
        Ok(outcome(ended, begun, stdout, stderr))
    }

    /// What the engine says of an exec when its output has ended, and so it too.
    async fn exec_end(&self, id: &str) -> Result<ExecInspectResponse, EngineError> {
        let asked = Instant::now();
        loop {
            let answer = self.exec_state(id).await?;
            if answer.running != Some(true) {
                return Ok(answer);
            }
            if asked.elapsed() > LONGEST_LAG {
                return Err(self.exec_broken("its output broke off while it went on"));
            }
            tokio::time::sleep(STILL_RUNNING).await;
        }
    }

    async fn exec_state(&self, id: &str) -> Result<ExecInspectResponse, EngineError> {
        let request = self.connection.docker().inspect_exec(id);
        step(self.connection, STEP, request).await
    }

    /// Makes sure that a process whose time is up has really not ended: the engine may only have
    /// failed to say so.
    async fn exec_overdue(&self, id: &str) -> Result<(), EngineError> {
        let answer = self.exec_state(id).await?;
        if answer.running == Some(true) {
            self.was_not_held_up().await
        } else {
            Err(self.exec_broken("it ended, but its output did not"))
        }
    }

    /// Makes sure that nobody else has ended the container, and with it all that ran there.
    async fn was_left_alone(&self) -> Result<(), EngineError> {
        let asked = Instant::now();
        loop {
            let state = self.state().await?;
            if state.running != Some(true) {
                return if self.was_signalled(&state).await? {
                    Err(self.exec_broken("somebody else ended its container while it ran"))
                } else {
                    Ok(())
                };
            }
            if asked.elapsed() > END_OF_CONTAINER {
                return Ok(());
            }
            tokio::time::sleep(STILL_RUNNING).await;
        }
    }

    fn exec_broken(&self, reason: &str) -> EngineError {
        broken(self.connection, STEP, reason)
    }
}

fn config(process: &Process) -> ExecConfig {
    let env = process.env.iter();
    ExecConfig {
        attach_stdin: Some(process.stdin.is_some()),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        cmd: Some(process.argv.clone()),
        env: Some(env.map(|(name, value)| format!("{name}={value}")).collect()),
        user: process.user.clone(),
        working_dir: process.workdir.clone(),
        ..ExecConfig::default()
    }
}

/// Why a process never began, if it did not.
fn unstarted(
    answer: &ExecInspectResponse,
    streams: &Streams,
) -> Result<Option<Ended>, EngineError> {
    // Such a process has no id. Its output is then the engine's words, and its exit code is 126
    // for whatever reason. (Podman forgets the id of a process that ended: there only the words
    // tell.)
    if answer.pid.unwrap_or(0) != 0 || !matches!(answer.exit_code, Some(126 | 127)) {
        return Ok(None);
    }
    let (stdout, stderr) = (streams.stdout.so_far(), streams.stderr.so_far());
    let words = [stdout.kept(), stderr.kept(), &streams.unframed].concat();
    let words = String::from_utf8_lossy(&words);
    let words = words.trim();
    let of_the_runtime = words.contains("OCI runtime") || words.contains("unable to find user");
    let of_a_folder = words.contains("chdir to cwd");
    if !of_the_runtime {
        return Ok(None);
    }
    match not_executed(words) {
        Some(ended) if !of_a_folder => Ok(Some(ended)),
        _ => Err(failed(words)),
    }
}

fn outcome(ended: Ended, begun: Instant, stdout: Captured, stderr: Captured) -> Outcome {
    Outcome {
        ended,
        stdout,
        stderr,
        duration: begun.elapsed(),
    }
}

fn failed(reason: &str) -> EngineError {
    EngineError::Failed {
        step: STEP,
        reason: reason.to_owned(),
    }
}
