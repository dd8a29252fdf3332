//! The life of one container: created, attached, started, read to its end, removed. How it ended is
//! told in [`ending`](super::ending).

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig, PortBinding};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder,
};
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;

use super::connection::Connection;
use super::steps::{broken, failure, is_not_found, status, steadily, step};
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
    /// Creates the container, if the image is for this platform. That is tried again: the name is
    /// like no other, so that one that is taken is ours, from a try whose answer was lost.
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
        let docker = self.connection.docker();
        let tries = AtomicU32::new(0);
        let request = || async {
            let is_first = tries.fetch_add(1, Ordering::Relaxed) == 0;
            let (options, body) = (options.clone(), body.clone());
            match docker.create_container(Some(options), body).await {
                Err(error) if !is_first && is_taken(&error) => Ok(None),
                Err(error) if is_without_image(&error) => Ok(Some(error)),
                result => result.map(|_| None),
            }
        };
        let gone = steadily(self.connection, "create a container", request).await?;
        match gone {
            None => Ok(()),
            Some(_) => Err(EngineError::ImageGone {
                reference: body.image.unwrap_or_default(),
            }),
        }
    }

    /// Starts the container and follows it to its end.
    pub(super) async fn follow(&self, process: &Process) -> Result<Outcome, EngineError> {
        let (attached, started) = match self.begin(process.stdin.is_some()).await? {
            Ok(begun) => begun,
            Err(ended) => {
                return Ok(Outcome {
                    ended,
                    stdout: Captured::default(),
                    stderr: Captured::default(),
                    duration: Duration::ZERO,
                });
            }
        };
        let mut streams = Streams::new(process);
        let ending = async {
            streams
                .read(self.connection, attached, process.stdin.as_deref())
                .await?;
            streams.whole(self.connection)?;
            self.wait(process.exact, process.limits.memory.is_some())
                .await
        };
        let (ended, exactly) = match tokio::time::timeout(process.timeout, ending).await {
            Ok(ended) => ended?,
            Err(_) => {
                self.overdue(process.timeout).await?;
                (Ended::TimedOut, None)
            }
        };
        Ok(Outcome {
            ended,
            duration: exactly.unwrap_or_else(|| started.elapsed()),
            stdout: streams.stdout.finish(),
            stderr: streams.stderr.finish(),
        })
    }

    /// Attaches to the container and starts it; an end if its program could not be executed, which
    /// is the image's doing, not the engine's.
    pub(super) async fn begin(
        &self,
        stdin: bool,
    ) -> Result<Result<(AttachContainerResults, Instant), Ended>, EngineError> {
        // Attached before the start, so that not one byte is missed.
        let attached = match self.attach(stdin).await? {
            Ok(attached) => attached,
            Err(ended) => return Ok(Err(ended)),
        };
        let started = Instant::now();
        let unstarted = self.start().await?;
        Ok(unstarted.map_or(Ok((attached, started)), Err))
    }

    /// Podman prepares the program as soon as somebody attaches, and says here already that it
    /// can't be executed.
    async fn attach(
        &self,
        stdin: bool,
    ) -> Result<Result<AttachContainerResults, Ended>, EngineError> {
        let options = AttachContainerOptionsBuilder::default()
            .stdin(stdin)
            .stdout(true)
            .stderr(true)
            .stream(true)
            .build();
        let docker = self.connection.docker();
        let request = async {
            match docker.attach_container(&self.name, Some(options)).await {
                Ok(attached) => Ok(Ok(attached)),
                Err(error) => not_started(&error).map(Err).ok_or(error),
            }
        };
        step(self.connection, "attach to a container", request).await
    }

    /// `Some` if the program could not be executed.
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
                Err(_) if tries < REMOVE_TRIES && !self.connection.is_lost() => {
                    tokio::time::sleep(pause).await;
                }
                result => return result,
            }
            pause *= 2;
        }
    }
}

/// The two outputs of a process.
pub(super) struct Streams {
    pub(super) stdout: Capture,
    pub(super) stderr: Capture,
    /// What came without a frame: of a process, only the rest of a frame that was cut; in its
    /// place, the words of a runtime that could not execute it.
    pub(super) unframed: Vec<u8>,
}

impl Streams {
    pub(super) fn new(process: &Process) -> Self {
        Self {
            stdout: Capture::of(process, Stream::Stdout),
            stderr: Capture::of(process, Stream::Stderr),
            unframed: Vec::new(),
        }
    }

    /// Refuses an output whose last frame is not whole.
    pub(super) fn whole(&self, connection: &Connection) -> Result<(), EngineError> {
        if self.unframed.is_empty() {
            return Ok(());
        }
        Err(cut_short(connection))
    }

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
                    Ok(LogOutput::StdOut { message }) => self.stdout.push(&message),
                    Ok(LogOutput::StdErr { message }) => self.stderr.push(&message),
                    Ok(LogOutput::Console { message }) => self.unframed.extend_from_slice(&message),
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

/// Refuses a frame of a stream that has frames only, but for the rest of one that was cut.
pub(super) fn whole_frame(connection: &Connection, frame: &LogOutput) -> Result<(), EngineError> {
    match frame {
        LogOutput::Console { .. } => Err(cut_short(connection)),
        _ => Ok(()),
    }
}

fn cut_short(connection: &Connection) -> EngineError {
    broken(connection, "read the output", "it broke off in the middle")
}

fn is_taken(error: &Error) -> bool {
    matches!(
        error,
        Error::DockerResponseServerError { status_code: 409, message } if message.contains("in use")
    )
}

fn is_without_image(error: &Error) -> bool {
    matches!(
        error,
        Error::DockerResponseServerError { status_code: 404, message }
            if message.to_ascii_lowercase().contains("no such image")
    )
}

/// What Docker's command line turns into 127 (no such program) and 126 (not executable).
pub(super) fn not_started(error: &Error) -> Option<Ended> {
    let Error::DockerResponseServerError { message, .. } = error else {
        return None;
    };
    matches!(status(error), Some(400 | 404 | 409 | 500))
        .then(|| not_executed(message))
        .flatten()
}

/// What the runtime says when it can't execute a program.
pub(super) fn not_executed(message: &str) -> Option<Ended> {
    let missing = ["executable file not found", "no such file or directory"];
    // Only of the program itself: of mounts and folders the runtime says such things too.
    let odd = [
        "not a directory",
        "too many levels of symbolic links",
        "found relative to current directory",
    ];
    let unfit = ["permission denied", "exec format error", "is a directory"];
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    // Only what the runtime says of executing the program in the container: a mount that fails is
    // another matter, and so is an engine that can't execute its own runtime.
    let of_exec = message.contains("exec")
        && !message.contains("fork/exec")
        && !message.contains("shim: exec")
        && !message.contains("mounting ")
        // The container that it was to join has gone.
        && !message.contains("namespace path");
    let code = match () {
        () if of_exec && says(&missing) => 127,
        () if of_exec && says(&unfit) => 126,
        () if of_exec && message.contains("exec: \"") && says(&odd) => 126,
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
            // The advice after it is about mounts.
            .split(": unknown")
            .next()
            .unwrap_or(message)
            // What Podman makes of it.
            .trim_end_matches(": OCI runtime attempted to invoke a command that was not found")
            .trim_end_matches(": OCI permission denied")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_program_of_the_image_is_not_executed() {
        let table = [
            (
                "OCI runtime exec failed: exec failed: unable to create new parent process: \
                 namespace path: lstat /proc/24044/ns/ipc: no such file or directory",
                None,
            ),
            (
                r#"OCI runtime create failed: runc create failed: unable to start container process: exec: "x": executable file not found in $PATH: unknown"#,
                Some(127),
            ),
            (
                r#"OCI runtime create failed: container_linux.go:380: starting container process caused: exec: "/etc": permission denied: unknown"#,
                Some(126),
            ),
            (
                r#"failed to start shim: exec: "containerd-shim-runc-v2": executable file not found in $PATH: unknown"#,
                None,
            ),
            (
                "OCI runtime create failed: fork/exec /usr/sbin/runc: no such file or directory",
                None,
            ),
            (
                r#"OCI runtime create failed: mounting "/exec" to rootfs: no such file or directory"#,
                None,
            ),
        ];
        for (words, expected) in table {
            let code = not_executed(words).map(|ended| match ended {
                Ended::NotStarted { code, .. } => code,
                other => panic!("{other:?}"),
            });
            assert_eq!(code, expected, "{words}");
        }
    }
}
