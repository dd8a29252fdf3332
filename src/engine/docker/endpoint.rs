//! Where the engine is: the settings of Docker's own command line, read the way it reads them.

use std::fmt;
use std::path::{Path, PathBuf};

use super::context;
use crate::engine::EngineError;

/// Docker's own socket, and where it is sought last.
pub const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// Where an engine answers, and who said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// How it is reached.
    pub transport: Transport,
    /// The setting that led here, for messages.
    pub origin: Origin,
}

/// How an engine is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// A socket of this machine.
    Unix(PathBuf),
    /// TCP in the clear, as `host:port`.
    Http(String),
    /// TCP with TLS on both sides, as `host:port`.
    Https(String, Certificates),
}

/// The files for TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificates {
    /// Who signed the engine's certificate.
    pub ca: PathBuf,
    /// Our certificate.
    pub cert: PathBuf,
    /// Our key.
    pub key: PathBuf,
}

impl Certificates {
    /// The three files under their usual names.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            ca: folder.join("ca.pem"),
            cert: folder.join("cert.pem"),
            key: folder.join("key.pem"),
        }
    }

    fn missing(&self) -> Option<&Path> {
        [&self.ca, &self.cert, &self.key]
            .into_iter()
            .find(|file| !file.is_file())
            .map(PathBuf::as_path)
    }
}

/// The setting that decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The variable `DOCKER_HOST`.
    Host,
    /// The Docker context of this name.
    Context(String),
    /// Nothing was set: a socket in a usual place.
    Default,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.transport {
            Transport::Unix(path) => write!(f, "unix://{}", path.display())?,
            Transport::Http(address) => write!(f, "tcp://{address}")?,
            Transport::Https(address, _) => write!(f, "https://{address}")?,
        }
        match &self.origin {
            Origin::Host => f.write_str(" (from DOCKER_HOST)"),
            Origin::Context(name) => write!(f, " (from the Docker context `{name}`)"),
            Origin::Default => Ok(()),
        }
    }
}

/// Variables of the environment; empty ones count as not set, as for `docker`.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Finds the endpoint: `DOCKER_HOST`, then `DOCKER_CONTEXT`, then the current context, then the
/// usual sockets. `is_there` says whether a socket exists.
///
/// # Errors
/// Settings that contradict each other, that would fall back to plain text, or that need what
/// seatrial has not.
pub(super) fn resolve(
    env: Env<'_>,
    is_there: &dyn Fn(&Path) -> bool,
) -> Result<Endpoint, EngineError> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    if let Some(host) = set("DOCKER_HOST") {
        let tls = Tls::from_env(&set);
        let transport = transport("DOCKER_HOST", &host, &tls)?;
        let origin = Origin::Host;
        return Ok(Endpoint { transport, origin });
    }
    if let Some(context) = context::current(&set)? {
        let transport = transport(&context.said_by(), &context.host, &context.tls)?;
        let origin = Origin::Context(context.name);
        return Ok(Endpoint { transport, origin });
    }
    let sockets = usual_sockets(&set);
    let found = sockets.iter().find(|path| is_there(path));
    let socket = found.cloned().unwrap_or_else(|| DOCKER_SOCKET.into());
    Ok(Endpoint {
        transport: Transport::Unix(socket),
        origin: Origin::Default,
    })
}

/// The sockets that are tried when nothing is set, in this order.
pub(super) fn usual_sockets(env: Env<'_>) -> Vec<PathBuf> {
    let mut sockets = vec![PathBuf::from(DOCKER_SOCKET)];
    if let Some(runtime) = env("XDG_RUNTIME_DIR").filter(|value| !value.is_empty()) {
        let runtime = PathBuf::from(runtime);
        sockets.push(runtime.join("docker.sock"));
        sockets.push(runtime.join("podman/podman.sock"));
    }
    sockets.push("/run/podman/podman.sock".into());
    sockets
}

/// The folder of Docker's settings.
pub(crate) fn docker_folder(env: Env<'_>) -> Option<PathBuf> {
    let home = || env("HOME").map(|home| PathBuf::from(home).join(".docker"));
    env("DOCKER_CONFIG").map(PathBuf::from).or_else(home)
}

/// What the settings say about TLS.
#[derive(Debug)]
pub(super) enum Tls {
    /// Nothing.
    Unsaid,
    /// It must be used, with these files.
    Required(Certificates),
    /// It must be used, but nothing says where the files are.
    WithoutFiles,
}

impl Tls {
    /// `DOCKER_CERT_PATH` alone asks for TLS too: who has certificates does not mean plain text.
    fn from_env(env: Env<'_>) -> Self {
        let folder = match (env("DOCKER_CERT_PATH"), env("DOCKER_TLS_VERIFY")) {
            (None, None) => return Self::Unsaid,
            (Some(folder), _) => Some(PathBuf::from(folder)),
            (None, Some(_)) => docker_folder(env),
        };
        folder.map_or(Self::WithoutFiles, |folder| {
            Self::Required(Certificates::in_folder(&folder))
        })
    }
}

fn transport(setting: &str, host: &str, tls: &Tls) -> Result<Transport, EngineError> {
    let refuse = |why: String| {
        Err(EngineError::Configuration(format!(
            "{setting} is `{host}`: {why}"
        )))
    };
    let Some((scheme, rest)) = host.split_once("://") else {
        return refuse(if host.starts_with('/') {
            format!("a socket is written with its scheme: unix://{host}")
        } else {
            "an address begins with unix://, tcp:// or https://".to_owned()
        });
    };
    match scheme {
        "unix" if rest.starts_with('/') => Ok(Transport::Unix(rest.into())),
        "unix" => refuse(format!(
            "the path of a socket is absolute: unix:///{}",
            rest.trim_start_matches("./")
        )),
        "http" if !matches!(tls, Tls::Unsaid) => refuse(
            "http:// is plain text, but DOCKER_TLS_VERIFY or certificates ask for TLS; write \
             https://, or unset DOCKER_TLS_VERIFY and DOCKER_CERT_PATH"
                .to_owned(),
        ),
        "tcp" | "http" | "https" => {
            let encrypted = scheme == "https" || !matches!(tls, Tls::Unsaid);
            let address = match address(rest, if encrypted { 2376 } else { 2375 }) {
                Ok(address) => address,
                Err(why) => return refuse(why.to_owned()),
            };
            match tls {
                Tls::Unsaid if !encrypted => Ok(Transport::Http(address)),
                Tls::Required(files) => match files.missing() {
                    None => Ok(Transport::Https(address, files.clone())),
                    Some(file) => refuse(format!(
                        "TLS needs the file {}, which is not there; DOCKER_CERT_PATH names the \
                         folder of ca.pem, cert.pem and key.pem",
                        file.display()
                    )),
                },
                _ => refuse(
                    "TLS needs certificates; set DOCKER_CERT_PATH to the folder of ca.pem, \
                     cert.pem and key.pem"
                        .to_owned(),
                ),
            }
        }
        "ssh" => refuse(format!(
            "seatrial does not speak ssh; forward the socket with `ssh -nNT -L \
             /tmp/docker.sock:{DOCKER_SOCKET} {rest}` and set \
             DOCKER_HOST=unix:///tmp/docker.sock"
        )),
        _ => refuse(format!(
            "unknown scheme `{scheme}`; use unix://, tcp:// or https://"
        )),
    }
}

/// `host:port`; Docker's default port where none is written.
fn address(rest: &str, default_port: u16) -> Result<String, &'static str> {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.is_empty() {
        return Err("the host is missing");
    }
    if !path.is_empty() {
        return Err("a path behind the port is not supported");
    }
    let after_ipv6 = authority.rsplit(']').next().unwrap_or(authority);
    Ok(if after_ipv6.contains(':') {
        authority.to_owned()
    } else {
        format!("{authority}:{default_port}")
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    /// Resolves with `variables` in a home that has two contexts, certificates and one socket.
    fn resolved(variables: &[(&str, &str)], sockets: &[&str]) -> String {
        let home = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = home.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::File::create(path)
                .unwrap()
                .write_all(text.as_bytes())
                .unwrap();
        };
        let meta = |name: &str, host: &str, skip: bool| {
            format!(
                r#"{{"Name":"{name}","Endpoints":{{"docker":{{"Host":"{host}","SkipTLSVerify":{skip}}}}}}}"#
            )
        };
        let metas = [
            ("rootless", "unix:///run/user/7/docker.sock", false),
            ("plain", "tcp://far", false),
            ("secure", "tcp://far:99", false),
            ("lax", "tcp://far:99", true),
            ("remote", "ssh://me@far", false),
        ];
        for (name, host, skip) in metas {
            let file = format!(".docker/contexts/meta/hash-of-{name}/meta.json");
            write(&file, &meta(name, host, skip));
        }
        for folder in ["certs", ".docker/contexts/tls/hash-of-secure/docker"] {
            for file in ["ca.pem", "cert.pem", "key.pem"] {
                write(&format!("{folder}/{file}"), "");
            }
        }
        write("current/config.json", r#"{"currentContext": "gone"}"#);
        write("default/config.json", r#"{"currentContext": "default"}"#);
        write("torn/config.json", "{");
        let home_text = home.path().to_str().unwrap();
        let env = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            let value = found.map(|(_, value)| value.replace('~', home_text));
            value.or_else(|| (name == "HOME").then(|| home_text.to_owned()))
        };
        let is_there = |path: &Path| sockets.iter().any(|socket| path == Path::new(socket));
        match resolve(&env, &is_there) {
            Ok(endpoint) => endpoint.to_string(),
            Err(error) => format!("error: {error}").replace(home_text, "~"),
        }
    }

    #[test]
    fn settings_lead_where_docker_would_go() {
        type Row = (
            &'static [(&'static str, &'static str)],
            &'static [&'static str],
            &'static str,
        );
        const PODMAN: &str = "/run/podman/podman.sock";
        let table: &[Row] = &[
            (&[], &[DOCKER_SOCKET, PODMAN], "unix:///var/run/docker.sock"),
            (&[], &[PODMAN], "unix:///run/podman/podman.sock"),
            (&[], &[], "unix:///var/run/docker.sock"),
            (
                &[("XDG_RUNTIME_DIR", "/x")],
                &["/x/docker.sock", PODMAN],
                "unix:///x/docker.sock",
            ),
            (
                &[("XDG_RUNTIME_DIR", "/x")],
                &["/x/podman/podman.sock"],
                "unix:///x/podman/podman.sock",
            ),
            (&[("DOCKER_HOST", "")], &[], "unix:///var/run/docker.sock"),
            (
                &[("DOCKER_HOST", "unix:///a")],
                &[DOCKER_SOCKET],
                "unix:///a (from DOCKER_HOST)",
            ),
            (
                &[("DOCKER_HOST", "tcp://far")],
                &[],
                "tcp://far:2375 (from DOCKER_HOST)",
            ),
            (
                &[("DOCKER_HOST", "http://far:80/")],
                &[],
                "tcp://far:80 (from DOCKER_HOST)",
            ),
            (
                &[("DOCKER_HOST", "tcp://[::1]")],
                &[],
                "tcp://[::1]:2375 (from DOCKER_HOST)",
            ),
            (
                &[("DOCKER_HOST", "tcp://[::1]:7")],
                &[],
                "tcp://[::1]:7 (from DOCKER_HOST)",
            ),
            (
                &[
                    ("DOCKER_HOST", "tcp://far"),
                    ("DOCKER_TLS_VERIFY", "1"),
                    ("DOCKER_CERT_PATH", "~/certs"),
                ],
                &[],
                "https://far:2376 (from DOCKER_HOST)",
            ),
            (
                &[
                    ("DOCKER_HOST", "https://far"),
                    ("DOCKER_CERT_PATH", "~/certs"),
                ],
                &[],
                "https://far:2376 (from DOCKER_HOST)",
            ),
            (
                &[
                    ("DOCKER_HOST", "unix:///a"),
                    ("DOCKER_CONTEXT", "plain"),
                    ("DOCKER_TLS_VERIFY", "1"),
                ],
                &[],
                "unix:///a (from DOCKER_HOST)",
            ),
            (
                &[("DOCKER_CONTEXT", "rootless")],
                &[DOCKER_SOCKET],
                "unix:///run/user/7/docker.sock (from the Docker context `rootless`)",
            ),
            (
                &[("DOCKER_CONTEXT", "default")],
                &[],
                "unix:///var/run/docker.sock",
            ),
            (
                &[("DOCKER_CONTEXT", "plain")],
                &[],
                "tcp://far:2375 (from the Docker context `plain`)",
            ),
            (
                &[("DOCKER_CONTEXT", "secure")],
                &[],
                "https://far:99 (from the Docker context `secure`)",
            ),
            (
                &[("DOCKER_CONFIG", "~/default")],
                &[],
                "unix:///var/run/docker.sock",
            ),
        ];
        for (variables, sockets, expected) in table {
            assert_eq!(
                resolved(variables, sockets),
                *expected,
                "{variables:?} {sockets:?}"
            );
        }
    }

    #[test]
    fn what_would_lead_elsewhere_is_refused() {
        let table: &[&[(&str, &str)]] = &[
            &[("DOCKER_HOST", "/var/run/docker.sock")],
            &[("DOCKER_HOST", "unix://docker.sock")],
            &[("DOCKER_HOST", "far:2375")],
            &[("DOCKER_HOST", "tcp://")],
            &[("DOCKER_HOST", "tcp://far/path")],
            &[("DOCKER_HOST", "npipe:////./pipe/docker")],
            &[("DOCKER_HOST", "ssh://me@far")],
            &[("DOCKER_HOST", "https://far")],
            &[("DOCKER_HOST", "http://far"), ("DOCKER_TLS_VERIFY", "1")],
            &[("DOCKER_HOST", "tcp://far"), ("DOCKER_TLS_VERIFY", "1")],
            &[
                ("DOCKER_HOST", "tcp://far"),
                ("DOCKER_CERT_PATH", "~/nowhere"),
            ],
            &[("DOCKER_CONTEXT", "lax")],
            &[("DOCKER_CONTEXT", "remote")],
            &[("DOCKER_CONTEXT", "unknown")],
            &[("DOCKER_CONFIG", "~/current")],
            &[("DOCKER_CONFIG", "~/torn")],
        ];
        let refused: Vec<String> = table
            .iter()
            .map(|variables| format!("{variables:?}\n  {}", resolved(variables, &[])))
            .collect();
        insta::assert_snapshot!(refused.join("\n"));
    }
}
