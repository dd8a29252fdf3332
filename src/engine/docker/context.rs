//! Docker contexts: named endpoints in the folder of Docker's settings.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::endpoint::{Certificates, Env, Tls, docker_folder};
use crate::engine::EngineError;

/// A context as far as it matters for reaching the engine.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) name: String,
    pub(super) host: String,
    pub(super) tls: Tls,
}

impl Context {
    pub(super) fn said_by(&self) -> String {
        format!("the host of the Docker context `{}`", self.name)
    }
}

/// The context that `docker` would use; `None` is the one that contexts call `default`.
pub(super) fn current(env: Env<'_>) -> Result<Option<Context>, EngineError> {
    let folder = docker_folder(env);
    let (name, said_by) = match (env("DOCKER_CONTEXT"), &folder) {
        (Some(name), _) => (name, "DOCKER_CONTEXT".to_owned()),
        (None, Some(folder)) => {
            let file = folder.join("config.json");
            let config = read_json(&file)?.unwrap_or_default();
            let name = config["currentContext"].as_str().unwrap_or_default();
            (
                name.to_owned(),
                format!("`currentContext` in {}", file.display()),
            )
        }
        (None, None) => return Ok(None),
    };
    if name.is_empty() || name == "default" {
        return Ok(None);
    }
    match folder {
        Some(folder) => find(&folder.join("contexts"), &name, &said_by).map(Some),
        None => Err(configuration(format!(
            "{said_by} is `{name}`, but neither DOCKER_CONFIG nor HOME says where contexts are"
        ))),
    }
}

/// The folders are named after the hash of the context's name; the name itself is inside, so that
/// looking through them needs no hash.
fn find(contexts: &Path, name: &str, said_by: &str) -> Result<Context, EngineError> {
    let mut known = Vec::new();
    for entry in fs::read_dir(contexts.join("meta"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let Some(meta) = read_json(&entry.path().join("meta.json"))? else {
            continue;
        };
        let Some(found) = meta["Name"].as_str() else {
            continue;
        };
        if found != name {
            known.push(found.to_owned());
            continue;
        }
        let docker = &meta["Endpoints"]["docker"];
        let host = docker["Host"].as_str().unwrap_or_default().to_owned();
        if docker["SkipTLSVerify"].as_bool() == Some(true) && !host.starts_with("unix://") {
            return Err(configuration(format!(
                "the Docker context `{name}` skips the verification of the engine's certificate, \
                 which seatrial does not do; make it again without `skip-tls-verify`"
            )));
        }
        let files = contexts.join("tls").join(entry.file_name()).join("docker");
        let tls = if files.is_dir() {
            Tls::Required(Certificates::in_folder(&files))
        } else {
            Tls::Unsaid
        };
        let name = name.to_owned();
        return Ok(Context { name, host, tls });
    }
    known.sort();
    let known = match known.as_slice() {
        [] => "there are no contexts".to_owned(),
        known => format!("there are: {}", known.join(", ")),
    };
    Err(configuration(format!(
        "{said_by} is `{name}`, but there is no such Docker context in {} ({known})",
        contexts.display()
    )))
}

/// A file that is not there says nothing; one that can't be read is an error, since going on could
/// lead to another engine than the one that was meant.
fn read_json(file: &Path) -> Result<Option<Value>, EngineError> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(configuration(format!(
                "can't read {}: {error}",
                file.display()
            )));
        }
    };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| configuration(format!("{} is not valid JSON: {error}", file.display())))
}

fn configuration(message: String) -> EngineError {
    EngineError::Configuration(message)
}
