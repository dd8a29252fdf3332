//! The life of one container: created, attached, started, read to its end, waited for, removed.

use std::time::{Duration, Instant};

use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::models::{
    ContainerCreateBody, ContainerState, HostConfig, HostConfigLogConfig, PortBinding,
};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder,
    WaitContainerOptionsBuilder,
};
use futures_util::StreamExt;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::io::AsyncWriteExt;

use super::connection::Connection;
use super::steps::{failure, is_not_found, status, step};
use crate::engine::{
    Capture, Captured, Ended, EngineError, Image, Network, Outcome, Process, Stream,
};

/// Removing is tried this often: an engine under load answers 409 or 500 and then well.
const REMOVE_TRIES: u32 = 5;

/// A container of ours, known by its name from before it exists.
pub(super) struct Container<'a> {
    pub(super) connection: &'a Connection,
    pub(super) name: String,
}

impl Container<'_> {
    /// Creates the container, if the image is for this platform.
    pub(super) async fn create_for(
        &self,
        platform: Option<&str>,
        body: ContainerCreateBody,
    ) -> Result<(), EngineError> {
        let options = CreateContainerOptionsBuilder::default().name(&self.name);
        let options = match platform {
            Some(platform) => options.platform(platform),
            None => options,
        };
        let options = options.build();
        let request = self
            .connection
            .docker()
            .create_container(Some(options), body);
        step(self.connection, "create a container", request).await?;
        Ok(())
    }

    /// Starts the container and follows it to its end.
    pub(super) async fn follow(&self, process: &Process) -> Result<Outcome, EngineError> {
        // Attached before the start, so that not one byte is missed.
        let attached = self.attach(process.stdin.is_some()).await?;
        let started = Instant::now();
        if let Some(ended) = self.start().await? {
            return Ok(Outcome {
                ended,
                stdout: Captured::default(),
                stderr: Captured::default(),
                duration: started.elapsed(),
            });
        }
        let mut streams = Streams {
            stdout: Capture::of(process, Stream::Stdout),
            stderr: Capture::of(process, Stream::Stderr),
        };
        let ending = async {
            streams
                .read(self.connection, attached, process.stdin.as_deref())
                .await?;
            self.wait(process.exact).await
        };
        let (ended, exactly) = match tokio::time::timeout(process.timeout, ending).await {
            Ok(ended) => ended?,
            // Whoever removes the container kills what is in it.
            Err(_) => (Ended::TimedOut, None),
        };
        Ok(Outcome {
            ended,
            duration: exactly.unwrap_or_else(|| started.elapsed()),
            stdout: streams.stdout.finish(),
            stderr: streams.stderr.finish(),
        })
    }

    pub(super) async fn attach(&self, stdin: bool) -> Result<AttachContainerResults, EngineError> {
        let options = AttachContainerOptionsBuilder::default()
            .stdin(stdin)
            .stdout(true)
            .stderr(true)
            .stream(true)
            .build();
        let request = self
            .connection
            .docker()
            .attach_container(&self.name, Some(options));
        step(self.connection, "attach to a container", request).await
    }

    /// `Some` if the program could not be executed, which is the image's doing, not the engine's.
    pub(super) async fn start(&self) -> Result<Option<Ended>, EngineError> {
        let docker = self.connection.docker();
        let request = async {
            match docker.start_container(&self.name, None).await {
                Ok(()) => Ok(None),
                Err(error) => match not_started(&error) {
                    Some(ended) => Ok(Some(ended)),
                    None => Err(error),
                },
            }
        };
        step(self.connection, "start a container", request).await
    }

    /// Waits for the end of the process, for as long as it takes. Also tells how long it ran, if
    /// the engine was asked.
    pub(super) async fn wait(&self, exact: bool) -> Result<(Ended, Option<Duration>), EngineError> {
        let options = WaitContainerOptionsBuilder::default()
            .condition("not-running")
            .build();
        let docker = self.connection.docker();
        let mut answers = Box::pin(docker.wait_container(&self.name, Some(options)));
        let code = match answers.next().await {
            Some(Ok(answer)) => answer.status_code,
            // This is how bollard hands on any code but 0.
            Some(Err(Error::DockerContainerWaitError { code, .. })) => code,
            Some(Err(error)) => {
                return Err(failure(self.connection, "wait for a container", &error));
            }
            None => {
                return Err(EngineError::Failed {
                    step: "wait for a container",
                    reason: "its answer ended without an exit code".to_owned(),
                });
            }
        };
        let mut out_of_memory = false;
        let mut duration = None;
        if exact || code != 0 {
            let state = self.state().await?;
            out_of_memory = state.oom_killed.unwrap_or(false);
            duration = lasted(&state);
        }
        let ended = Ended::Exited {
            code,
            out_of_memory,
        };
        Ok((ended, duration))
    }

    async fn state(&self) -> Result<ContainerState, EngineError> {
        let request = self.connection.docker().inspect_container(&self.name, None);
        let container = step(self.connection, "inspect a container", request).await?;
        Ok(container.state.unwrap_or_default())
    }

    /// Removes the container, whatever state it is in; one that is not there is well.
    pub(super) async fn remove(&self) -> Result<(), EngineError> {
        let docker = self.connection.docker();
        let mut pause = Duration::from_millis(50);
        let mut tries = 0;
        loop {
            tries += 1;
            let options = RemoveContainerOptionsBuilder::default()
                .force(true)
                .v(true)
                .build();
            let request = async {
                match docker.remove_container(&self.name, Some(options)).await {
                    Err(error) if is_not_found(&error) => Ok(()),
                    result => result,
                }
            };
            match step(self.connection, "remove a container", request).await {
                Err(_) if tries < REMOVE_TRIES => tokio::time::sleep(pause).await,
                result => return result,
            }
            pause *= 2;
        }
    }
}

/// From the start of the process to its end, as the engine saw it.
fn lasted(state: &ContainerState) -> Option<Duration> {
    let at = |text: &Option<String>| OffsetDateTime::parse(text.as_deref()?, &Rfc3339).ok();
    let lasted = at(&state.finished_at)? - at(&state.started_at)?;
    Duration::try_from(lasted).ok()
}

/// The two outputs of a process.
pub(super) struct Streams {
    pub(super) stdout: Capture,
    pub(super) stderr: Capture,
}

impl Streams {
    /// Reads both streams to their end while the input is written, so that neither side waits for
    /// the other for ever.
    pub(super) async fn read(
        &mut self,
        connection: &Connection,
        attached: AttachContainerResults,
        stdin: Option<&[u8]>,
    ) -> Result<(), EngineError> {
        let AttachContainerResults {
            mut output,
            mut input,
        } = attached;
        let write = async {
            // A process that does not read all of its input is not an error of the engine.
            if let Some(bytes) = stdin {
                let _ = input.write_all(bytes).await;
                let _ = input.shutdown().await;
            }
            std::future::pending::<()>().await;
        };
        let read = async {
            while let Some(frame) = output.next().await {
                match frame {
                    Ok(LogOutput::StdOut { message } | LogOutput::Console { message }) => {
                        self.stdout.push(&message);
                    }
                    Ok(LogOutput::StdErr { message }) => self.stderr.push(&message),
                    Ok(LogOutput::StdIn { .. }) => {}
                    Err(error) => return Err(failure(connection, "read the output", &error)),
                }
            }
            Ok(())
        };
        tokio::select! {
            result = read => result,
            () = write => Ok(()),
        }
    }
}

/// What Docker's command line turns into 127 (no such program) and 126 (not executable).
pub(super) fn not_started(error: &Error) -> Option<Ended> {
    let Error::DockerResponseServerError { message, .. } = error else {
        return None;
    };
    matches!(status(error), Some(400 | 404 | 500))
        .then(|| not_executed(message))
        .flatten()
}

/// What the runtime says when it can't execute a program.
pub(super) fn not_executed(message: &str) -> Option<Ended> {
    let missing = ["executable file not found", "no such file or directory"];
    let unfit = ["permission denied", "exec format error", "is a directory"];
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    // Only what the runtime says of executing the program: a mount that fails is another matter.
    let of_exec = message.contains("exec");
    let code = match () {
        () if of_exec && says(&missing) => 127,
        () if of_exec && says(&unfit) => 126,
        () => return None,
    };
    let reason = message
        .trim()
        .rsplit("starting container process caused: ")
        .next()
        .and_then(|reason| reason.rsplit("start container process: ").next());
    Some(Ended::NotStarted {
        code,
        reason: reason
            .unwrap_or(message)
            .trim_end_matches(": unknown")
            .to_owned(),
    })
}

/// Any free port of this machine, for nobody else to reach.
fn loopback() -> PortBinding {
    PortBinding {
        host_ip: Some("127.0.0.1".to_owned()),
        host_port: None,
    }
}

/// What the engine is asked to create for a process; mounts and networks are added by the caller.
pub(super) fn body(image: &Image, process: &Process) -> ContainerCreateBody {
    let (program, arguments) = process.argv.split_first().map_or_else(
        || (Vec::new(), Vec::new()),
        |(program, rest)| (vec![program.clone()], rest.to_vec()),
    );
    let network = match process.network {
        Network::None => "none",
        Network::Bridge => "bridge",
        Network::Host => "host",
    };
    let ports = process.ports.iter().map(|port| format!("{port}/tcp"));
    let memory = process
        .limits
        .memory
        .map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    ContainerCreateBody {
        image: Some(image.id.clone()),
        entrypoint: Some(program),
        cmd: Some(arguments),
        env: Some(
            process
                .env
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
        ),
        user: process.user.clone(),
        working_dir: process.workdir.clone(),
        attach_stdin: Some(process.stdin.is_some()),
        open_stdin: Some(process.stdin.is_some()),
        stdin_once: Some(process.stdin.is_some()),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        exposed_ports: Some(ports.clone().collect()),
        host_config: Some(HostConfig {
            network_mode: Some(network.to_owned()),
            port_bindings: Some(ports.map(|port| (port, Some(vec![loopback()]))).collect()),
            tmpfs: Some(process.tmpfs.iter().cloned().collect()),
            memory,
            // As much as the memory: no swap on top of it.
            memory_swap: memory,
            nano_cpus: process.limits.cpus.map(|cpus| (cpus * 1e9) as i64),
            pids_limit: process.limits.pids.map(i64::from),
            cap_add: Some(process.cap_add.clone()),
            cap_drop: Some(process.cap_drop.clone()),
            readonly_rootfs: Some(process.read_only),
            // Both streams are read as they come: nothing need be kept by the engine.
            log_config: Some(HostConfigLogConfig {
                typ: Some("none".to_owned()),
                config: None,
            }),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}
