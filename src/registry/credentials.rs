//! The credentials that `docker login` has kept: in its `config.json`, or with a program.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use super::error::RegistryError;
use super::place::Env;
use super::reference::DOCKER_HUB;
use crate::engine::docker::docker_folder;

/// What Docker's registry is called where credentials are kept.
const HUB_KEY: &str = "https://index.docker.io/v1/";
/// A program may ask somebody for a password, but not for ever.
const HELPER_LIMIT: Duration = Duration::from_secs(60);
/// The longest answer of a program, in bytes.
const ANSWER_LIMIT: u64 = 1 << 20;

/// What is known for a registry, and from where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) secret: Secret,
    origin: String,
}

#[derive(PartialEq, Eq)]
pub(super) enum Secret {
    /// Nothing: what is public can be had all the same.
    None,
    Password {
        user: String,
        password: String,
    },
    /// A token that others are given for.
    Identity(String),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Password { .. } => "Password",
            Self::Identity(_) => "Identity",
        })
    }
}

/// What was used, as the end of a sentence.
impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.secret {
            Secret::None => write!(f, "without credentials: {}", self.origin),
            Secret::Password { user, .. } => {
                write!(f, "as `{user}` with the password of {}", self.origin)
            }
            Secret::Identity(_) => write!(f, "with the token of {}", self.origin),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: Option<HashMap<String, Auth>>,
    creds_store: Option<String>,
    cred_helpers: Option<HashMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

impl Credentials {
    /// Looks for those of a registry where Docker keeps them.
    ///
    /// # Errors
    /// Settings that can't be read, and programs that fail.
    pub(super) fn find(env: &Env, host: &str) -> Result<Self, RegistryError> {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let folder = docker_folder(&set);
        let none = |origin: String| Self {
            secret: Secret::None,
            origin,
        };
        let Some(path) = folder.map(|folder| folder.join("config.json")) else {
            return Ok(none("neither DOCKER_CONFIG nor HOME is set".to_owned()));
        };
        let shown = path.display().to_string();
        let wrong = |reason: String| RegistryError::Configuration(format!("{shown}: {reason}"));
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(none(format!("there is no {shown}")));
            }
            Err(error) => return Err(wrong(error.to_string())),
        };
        let config: Config =
            serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        let keys: &[&str] = match host {
            DOCKER_HUB => &[
                HUB_KEY,
                "docker.io",
                "index.docker.io",
                "registry-1.docker.io",
            ],
            _ => &[host],
        };
        let helpers = config.cred_helpers.unwrap_or_default();
        let of_host = keys.iter().find_map(|key| Some((*key, helpers.get(*key)?)));
        let of_all = config.creds_store.as_ref().map(|store| (keys[0], store));
        let helper = of_host.or(of_all).filter(|(_, name)| !name.is_empty());
        if let Some((key, name)) = helper {
            let program = format!("docker-credential-{name}");
            let secret = ask(&program, &env("PATH").unwrap_or_default(), key)
                .map_err(|reason| wrong(format!("{program}, asked for {key}, {reason}")))?;
            if let Some(secret) = secret {
                let origin = program;
                return Ok(Self { secret, origin });
            }
            if of_host.is_some() {
                return Ok(none(format!("{program} has none for {key}")));
            }
        }
        let auths = config.auths.unwrap_or_default();
        let found = auths
            .iter()
            .find(|(key, _)| keys.contains(&host_of(key, keys)));
        let secret = match found {
            Some((_, auth)) => {
                secret(auth).ok_or_else(|| wrong(format!("`auth` for {host} can't be read")))?
            }
            None => Secret::None,
        };
        Ok(match secret {
            Secret::None => none(format!("there are none for {host} in {shown}")),
            secret => Self {
                secret,
                origin: shown,
            },
        })
    }
}

/// A key of `auths` may be a whole address.
fn host_of<'a>(key: &'a str, keys: &[&str]) -> &'a str {
    if keys.contains(&key) {
        return key;
    }
    let rest = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"));
    let rest = rest.unwrap_or(key);
    rest.split('/').next().unwrap_or(rest)
}

/// `None` for what can't be read.
fn secret(auth: &Auth) -> Option<Secret> {
    let set = |text: &Option<String>| text.clone().filter(|it| !it.is_empty());
    if let Some(token) = set(&auth.identitytoken) {
        return Some(Secret::Identity(token));
    }
    if let (Some(user), Some(password)) = (set(&auth.username), set(&auth.password)) {
        return Some(Secret::Password { user, password });
    }
    let Some(encoded) = set(&auth.auth) else {
        return Some(Secret::None);
    };
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoder = GeneralPurpose::new(&alphabet::STANDARD, lenient);
    let decoded = String::from_utf8(decoder.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    // Old versions of Docker ended it with zeros.
    let password = password.trim_end_matches('\0').to_owned();
    let user = user.to_owned();
    Some(Secret::Password { user, password })
}

/// Asks a program; `None` if it has nothing for this key.
fn ask(program: &str, path: &str, key: &str) -> Result<Option<Secret>, String> {
    if program.contains('/') {
        return Err("is no name of a program".to_owned());
    }
    let mut folders = path.split(':').filter(|folder| !folder.is_empty());
    let found = folders.find_map(|folder| {
        let path = Path::new(folder).join(program);
        path.is_file().then_some(path)
    });
    let Some(found) = found else {
        return Err("is not installed".to_owned());
    };
    let child = Command::new(found)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.map_err(|error| format!("can't be started: {error}"))?;
    let answer = answer(&mut child, key);
    if answer.is_err() {
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let answer = answer?;
    // It says so in place of an answer, with an exit code of 1.
    if answer.contains("credentials not found in native keychain") {
        return Ok(None);
    }
    if !status.success() {
        let said = super::words::harmless(&answer);
        return Err(format!("failed with {status}: {said}"));
    }
    let answer: Answer = serde_json::from_str(&answer)
        .map_err(|_| "gave an answer that can't be read".to_owned())?;
    Ok(Some(if answer.username == "<token>" {
        Secret::Identity(answer.secret)
    } else {
        let (user, password) = (answer.username, answer.secret);
        Secret::Password { user, password }
    }))
}

fn answer(child: &mut Child, key: &str) -> Result<String, String> {
    if let Some(mut input) = child.stdin.take() {
        // One that reads nothing may answer all the same.
        let _ = input.write_all(key.as_bytes());
    }
    let Some(output) = child.stdout.take() else {
        return Err("has no output".to_owned());
    };
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let read = output.take(ANSWER_LIMIT).read_to_end(&mut text);
        let _ = sender.send(read.map(|_| String::from_utf8_lossy(&text).into_owned()));
    });
    match receiver.recv_timeout(HELPER_LIMIT) {
        Ok(read) => read.map_err(|error| error.to_string()),
        Err(_) => Err(format!(
            "did not answer within {} s",
            HELPER_LIMIT.as_secs()
        )),
    }
}
