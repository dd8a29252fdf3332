//! Further processes in a container that runs.

use std::time::{Duration, Instant};

use bollard::container::AttachContainerResults;
use bollard::exec::StartExecResults;
use bollard::models::{ExecConfig, ExecInspectResponse};

use super::container::{Container, Streams, not_executed, not_started};
use super::steps::step;
use crate::engine::{Capture, Captured, Ended, EngineError, Outcome, Process, Stream};

const STEP: &str = "run a command in a container";

/// The engine may be a moment behind the end of the output.
const STILL_RUNNING: Duration = Duration::from_millis(20);

impl Container<'_> {
    /// Runs a process and follows it to its end, or for as long as it may take.
    pub(super) async fn exec(&self, process: &Process) -> Result<Outcome, EngineError> {
        let docker = self.connection.docker();
        let request = docker.create_exec(&self.name, config(process));
        let id = step(self.connection, STEP, request).await?.id;
        let begun = Instant::now();
        let mut streams = Streams {
            stdout: Capture::of(process, Stream::Stdout),
            stderr: Capture::of(process, Stream::Stderr),
        };
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
            Err(_) => None,
        };
        let (stdout, stderr) = (streams.stdout.finish(), streams.stderr.finish());
        match ended {
            None => Ok(outcome(Ended::TimedOut, begun, stdout, stderr)),
            Some(answer) => judge(&answer, begun, stdout, stderr),
        }
    }

    /// What the engine says of an exec when it has ended.
    async fn exec_end(&self, id: &str) -> Result<ExecInspectResponse, EngineError> {
        loop {
            let request = self.connection.docker().inspect_exec(id);
            let answer = step(self.connection, STEP, request).await?;
            if answer.running != Some(true) {
                return Ok(answer);
            }
            tokio::time::sleep(STILL_RUNNING).await;
        }
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

fn judge(
    answer: &ExecInspectResponse,
    begun: Instant,
    stdout: Captured,
    stderr: Captured,
) -> Result<Outcome, EngineError> {
    let Some(code) = answer.exit_code else {
        return Err(failed("its exit code is not to be had"));
    };
    // A process that never began has no id. Its output is then the engine's words, and its exit
    // code is 126 for whatever reason. (Podman forgets the id of a process that ended: there only
    // the words tell.)
    if answer.pid.unwrap_or(0) == 0 && matches!(code, 126 | 127) {
        let words = [stdout.kept(), stderr.kept()].concat();
        let words = String::from_utf8_lossy(&words);
        let words = words.trim();
        let of_the_runtime = words.contains("OCI runtime") || words.contains("unable to find user");
        let of_a_folder = words.contains("chdir to cwd");
        if of_the_runtime {
            return match not_executed(words) {
                Some(ended) if !of_a_folder => Ok(outcome(
                    ended,
                    begun,
                    Captured::default(),
                    Captured::default(),
                )),
                _ => Err(failed(words)),
            };
        }
    }
    let ended = Ended::Exited {
        code,
        out_of_memory: false,
    };
    Ok(outcome(ended, begun, stdout, stderr))
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
