//! The connection to a Docker or Podman engine.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker};

use super::endpoint::{Endpoint, Env, Origin, Transport, resolve, usual_sockets};
use super::faults::Faults;
use crate::engine::{EngineError, EngineInfo};

/// An engine that is there answers at once; this is for one that hangs.
const IDENTIFY_LIMIT: Duration = Duration::from_secs(10);
/// Bollard has one limit for all requests, from commit to a build's upload: too long to matter,
/// since every step has a limit of its own.
const CLIENT_LIMIT_SECONDS: u64 = 24 * 60 * 60;

/// A client and where it leads. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Connection {
    endpoint: Endpoint,
    docker: Docker,
    pub(super) faults: Arc<Faults>,
}

/// Finds the engine and prepares a client. Whether it answers is what
/// [`identify`](Connection::identify) says.
///
/// # Errors
/// [`EngineError::Configuration`] for settings that don't fit together,
/// [`EngineError::Unreachable`] when there is no socket.
pub fn connect(env: Env<'_>) -> Result<Connection, EngineError> {
    let endpoint = resolve(env, &Path::exists)?;
    if let (Transport::Unix(path), false) = (&endpoint.transport, is_socket_visible(&endpoint)) {
        let mut reason = "there is no socket".to_owned();
        if endpoint.origin == Origin::Default {
            let others: Vec<String> = usual_sockets(env)
                .iter()
                .filter(|other| *other != path)
                .map(|other| other.display().to_string())
                .collect();
            reason.push_str(&format!(" (nor at {})", others.join(", ")));
        }
        reason.push_str("; start Docker or Podman, or say with DOCKER_HOST where it is");
        return Err(unreachable(&endpoint, reason));
    }
    let docker = client(&endpoint, API_DEFAULT_VERSION)?;
    Ok(Connection {
        endpoint,
        docker,
        faults: Arc::default(),
    })
}

impl Connection {
    /// The client.
    pub fn docker(&self) -> &Docker {
        &self.docker
    }

    /// Where it leads, and who said so.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whether the engine is on this machine, so that its containers can see files of it.
    pub fn is_local(&self) -> bool {
        matches!(self.endpoint.transport, Transport::Unix(_))
    }

    /// Asks the engine what it is and agrees on the version of the API. To be called before there are
    /// clones, which would not know that.
    ///
    /// # Errors
    /// [`EngineError::Unreachable`] with what can be done about it.
    pub async fn identify(&mut self) -> Result<EngineInfo, EngineError> {
        // The first request of all, which is the same in all versions. Docker executes several programs
        // to answer it, so it is made once for both.
        let asked = self.docker.version();
        let version = match tokio::time::timeout(IDENTIFY_LIMIT, asked).await {
            Ok(Ok(version)) => version,
            Ok(Err(error)) => return Err(self.unreachable(&error)),
            Err(_) => {
                let seconds = IDENTIFY_LIMIT.as_secs();
                return Err(unreachable(
                    &self.endpoint,
                    format!("it took the connection, but said nothing for {seconds} s"),
                ));
            }
        };
        let said = version.api_version.as_deref().unwrap_or_default();
        let Some(known) = api_version(said) else {
            let reason = format!("it calls the version of its API `{said}`");
            return Err(unreachable(&self.endpoint, reason));
        };
        if known < *API_DEFAULT_VERSION {
            self.docker = client(&self.endpoint, &known)?;
        }
        let is_podman = version
            .components
            .iter()
            .flatten()
            .any(|component| component.name.to_ascii_lowercase().contains("podman"));
        let text = |value: Option<String>| value.unwrap_or_else(|| "unknown".to_owned());
        Ok(EngineInfo {
            kind: if is_podman { "podman" } else { "docker" }.to_owned(),
            version: text(version.version),
            platform: format!("{}/{}", text(version.os), text(version.arch)),
            beside: None,
        })
    }

    /// Whether the engine has this image. One that does not answer has none.
    pub async fn has_image(&self, reference: &str) -> bool {
        let asked = self.docker.inspect_image(reference);
        matches!(tokio::time::timeout(IDENTIFY_LIMIT, asked).await, Ok(Ok(_)))
    }

    /// What a failed request means to the person who made it.
    pub fn unreachable(&self, error: &bollard::errors::Error) -> EngineError {
        let reason = match (io_kind(error), &self.endpoint.transport) {
            (Some(io::ErrorKind::PermissionDenied), Transport::Unix(_)) => {
                "you may not open the socket; join its group (`sudo usermod -aG docker $USER`, \
                 then log in again), or use a rootless engine"
                    .to_owned()
            }
            (
                Some(io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound),
                Transport::Unix(_),
            ) => "nobody listens on the socket; is the engine running? (`sudo systemctl start \
                 docker`, or `systemctl --user start podman.socket`)"
                .to_owned(),
            (Some(io::ErrorKind::ConnectionRefused), _) => {
                "nobody listens there; is the engine running, and is this its port?".to_owned()
            }
            (Some(io::ErrorKind::ConnectionReset), Transport::Http(_)) => {
                "it closed the connection; if it wants TLS, set DOCKER_TLS_VERIFY=1 and \
                 DOCKER_CERT_PATH"
                    .to_owned()
            }
            _ => chain(error),
        };
        unreachable(&self.endpoint, reason)
    }
}

fn unreachable(endpoint: &Endpoint, reason: String) -> EngineError {
    EngineError::Unreachable {
        endpoint: endpoint.to_string(),
        reason,
    }
}

/// A socket in a folder that may not be entered is there for all we know.
fn is_socket_visible(endpoint: &Endpoint) -> bool {
    match &endpoint.transport {
        Transport::Unix(path) => path.try_exists().unwrap_or(true),
        _ => true,
    }
}

/// A client that speaks this version of the API.
fn client(endpoint: &Endpoint, version: &ClientVersion) -> Result<Docker, EngineError> {
    let limit = CLIENT_LIMIT_SECONDS;
    let client = match &endpoint.transport {
        Transport::Unix(path) => Docker::connect_with_unix(&path.to_string_lossy(), limit, version),
        Transport::Http(address) => Docker::connect_with_http(address, limit, version),
        Transport::Https(address, files) => {
            let (key, cert, ca) = (&files.key, &files.cert, &files.ca);
            Docker::connect_with_ssl(address, key, cert, ca, limit, version)
        }
    };
    client.map_err(|error| {
        EngineError::Configuration(format!("can't prepare {endpoint}: {}", chain(&error)))
    })
}

/// Such as `1.41`.
fn api_version(text: &str) -> Option<ClientVersion> {
    let (major, minor) = text.split_once('.')?;
    Some(ClientVersion {
        major_version: major.parse().ok()?,
        minor_version: minor.parse().ok()?,
    })
}

/// The first system error below `error`.
fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    causes(error).find_map(|cause| cause.downcast_ref::<io::Error>().map(io::Error::kind))
}

/// `error` and all that is below it, in one line: hyper hides the reason in its causes.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    let is_reason = |cause: &&(dyn Error + 'static)| {
        // Says only which of bollard's libraries failed.
        !matches!(
            cause.downcast_ref(),
            Some(bollard::errors::Error::HyperLegacyError { .. })
        )
    };
    for cause in causes(error).filter(is_reason) {
        let text = cause.to_string();
        if words.last().is_none_or(|last| !last.contains(&text)) {
            words.push(text);
        }
    }
    words.join(": ")
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_host(host: &str) -> impl Fn(&str) -> Option<String> {
        let host = host.to_owned();
        move |name| (name == "DOCKER_HOST").then(|| host.clone())
    }

    async fn fail(host: &str) -> String {
        match connect(&with_host(host)) {
            Ok(mut connection) => connection.identify().await.unwrap_err().to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn a_socket_that_is_not_there_says_what_to_do() {
        insta::assert_snapshot!(fail("unix:///nowhere/docker.sock").await);
    }

    #[tokio::test]
    async fn a_socket_without_a_listener_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dead.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let message = fail(&format!("unix://{}", path.display())).await;
        insta::assert_snapshot!(message.replace(folder.path().to_str().unwrap(), "FOLDER"));
    }

    #[tokio::test]
    async fn a_port_without_a_listener_says_what_to_do() {
        // Port 1 (tcpmux) is served nowhere and can't be taken by a passing program.
        insta::assert_snapshot!(fail("tcp://127.0.0.1:1").await);
    }

    #[tokio::test]
    async fn something_that_is_no_engine_is_not_taken_for_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("odd.sock");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        tokio::spawn(async move {
            use tokio::io::AsyncWriteExt;
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\n\r\n").await;
            }
        });
        let message = fail(&format!("unix://{}", path.display())).await;
        assert!(
            message.starts_with("no container engine answers at unix://"),
            "{message}"
        );
    }
}
