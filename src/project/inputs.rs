//! What a build of an image may use besides its context: secrets, keys, caches.

use std::path::{Path, PathBuf};

use super::file::{ImageEntry, SecretEntry};
use super::given::{Inputs, Secret, SecretSource};
use super::load::{Image, Project};
use crate::diagnostic::Diagnostic;
use crate::source::{Located, Place};
use crate::yaml::{Context, OneOrMany, Pairs};

/// What the project file says of it.
#[derive(Debug, Clone, Default)]
pub struct SaidInputs {
    /// The secrets, in the order of the file.
    pub secrets: Vec<SaidSecret>,
    /// What `ssh` mounts can use: `ID` or `ID=PATH`.
    pub ssh: Vec<Located<String>>,
    /// Where layers may be taken from.
    pub cache_from: Vec<String>,
    /// Where layers are kept for others.
    pub cache_to: Vec<String>,
}

/// A secret as the project file says it.
#[derive(Debug, Clone)]
pub struct SaidSecret {
    id: String,
    source: Source,
    place: Place,
}

#[derive(Debug, Clone)]
enum Source {
    Env(String),
    File(String),
}

impl SaidInputs {
    /// Takes them from `entry`, and reports every mistake.
    pub(super) fn take(entry: &mut ImageEntry, context: &mut Context) -> Self {
        let list = |said: Option<OneOrMany<Located<String>>>| said.map(|it| it.0);
        let secrets = entry.secrets.take().unwrap_or_default();
        let ssh = list(entry.ssh.take()).unwrap_or_default();
        let cache_from = list(entry.cache_from.take()).unwrap_or_default();
        let cache_to = list(entry.cache_to.take()).unwrap_or_default();
        for said in &ssh {
            check_ssh(said, context);
        }
        for said in &cache_from {
            let message =
                "a place to take layers from is an image, or `type=…` in BuildKit's words";
            check_cache(said, said.starts_with('-'), message, context);
        }
        for said in &cache_to {
            let is_other = said.value != "inline" && !said.starts_with("type=");
            let message = "layers are kept `inline`, or where `type=…` says in BuildKit's words";
            check_cache(said, is_other, message, context);
        }
        let texts = |list: Vec<Located<String>>| list.into_iter().map(|it| it.value).collect();
        Self {
            secrets: take_secrets(secrets, context),
            ssh,
            cache_from: texts(cache_from),
            cache_to: texts(cache_to),
        }
    }
}

impl Project {
    /// What a build of `image` may use: what is in the caller's environment and files must be there.
    ///
    /// # Errors
    /// Every secret and key that is not.
    pub fn inputs(
        &self,
        image: &Image,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Inputs, Vec<Diagnostic>> {
        let said = &image.inputs;
        let mut mistakes = Vec::new();
        let mut told = |found: Result<_, _>| found.map_err(|it| mistakes.push(it)).ok();
        let secrets: Vec<Option<Secret>> = (said.secrets.iter())
            .map(|secret| told(secret.find(&self.root, env)))
            .collect();
        let mut told = |found: Result<_, _>| found.map_err(|it| mistakes.push(it)).ok();
        let ssh: Vec<Option<String>> = (said.ssh.iter())
            .map(|it| told(key(it, &self.root, env)))
            .collect();
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        Ok(Inputs {
            secrets: secrets.into_iter().flatten().collect(),
            ssh: ssh.into_iter().flatten().collect(),
            cache_from: said.cache_from.clone(),
            cache_to: said.cache_to.clone(),
            platform: None,
        })
    }
}

impl SaidSecret {
    fn find(
        &self,
        root: &Path,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Secret, Diagnostic> {
        let source = match &self.source {
            Source::Env(name) => {
                let help = format!("set it for this call: {name}=… seatrial build");
                // CI systems set an empty one where they have no such secret.
                let message = match env(name) {
                    None => format!("the variable `{name}` is not set"),
                    Some(value) if value.is_empty() => format!("the variable `{name}` is empty"),
                    Some(_) => String::new(),
                };
                if !message.is_empty() {
                    return Err(Diagnostic::new(&self.place, message).help(help));
                }
                SecretSource::Env(name.clone())
            }
            Source::File(said) => SecretSource::File(file(said, &self.place, root, env)?),
        };
        Ok(Secret {
            id: self.id.clone(),
            source,
        })
    }
}

/// `ID` needs the caller's agent; the path of `ID=PATH` is one of the project.
fn key(
    said: &Located<String>,
    root: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<String, Diagnostic> {
    if let Some((id, path)) = said.split_once('=') {
        let path = located(path, &said.place, root, env)?;
        if !path.exists() {
            let message = format!("there is no key or socket `{}`", path.display());
            return Err(Diagnostic::new(&said.place, message));
        }
        return Ok(format!("{id}={}", path.display()));
    }
    if env("SSH_AUTH_SOCK").is_none_or(|socket| socket.is_empty()) {
        let help = "start one (`eval $(ssh-agent)`, then `ssh-add`), or name a key: `ID=PATH`";
        let message = "no agent has keys: SSH_AUTH_SOCK is not set";
        return Err(Diagnostic::new(&said.place, message).help(help));
    }
    Ok(said.value.clone())
}

fn file(
    said: &str,
    place: &Place,
    root: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<PathBuf, Diagnostic> {
    let path = located(said, place, root, env)?;
    match std::fs::File::open(&path).and_then(|file| file.metadata()) {
        Ok(found) if found.is_file() => Ok(path),
        Ok(_) => Err(Diagnostic::new(place, format!("`{said}` is not a file"))),
        Err(error) => {
            let message = format!("the secret can't be read: {}: {error}", path.display());
            Err(Diagnostic::new(place, message))
        }
    }
}

/// `~/` is the caller's home; other paths begin at the root.
fn located(
    said: &str,
    place: &Place,
    root: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<PathBuf, Diagnostic> {
    let path = match said.strip_prefix("~/") {
        None => root.join(said),
        Some(rest) => match env("HOME").filter(|home| !home.is_empty()) {
            Some(home) => Path::new(&home).join(rest),
            None => return Err(Diagnostic::new(place, "`~` is nothing: HOME is not set")),
        },
    };
    let path = std::path::absolute(&path).unwrap_or(path);
    // What builds reads a list that knows no quotes.
    if path
        .to_str()
        .is_none_or(|text| text.contains([',', '"', '\n']))
    {
        let message = format!("`{}` can't be told to a builder", path.display());
        let help = "use a path without commas and quotes";
        return Err(Diagnostic::new(place, message).help(help));
    }
    Ok(path)
}

fn take_secrets(said: Pairs<Located<SecretEntry>>, context: &mut Context) -> Vec<SaidSecret> {
    let mut secrets = Vec::new();
    for (id, entry) in said.0 {
        let is_word = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if id.is_empty() || !id.chars().all(is_word) {
            context.report(
                Diagnostic::new(
                    &id.place,
                    format!("`{}` can't be the id of a secret", id.value),
                )
                .help("ids are made of letters, digits, `.`, `_` and `-`"),
            );
        }
        let (source, place) = match (entry.value.env, entry.value.file) {
            (Some(env), None) => {
                if env.is_empty() || env.contains(['=', ',', '"', '\0']) {
                    let message = format!("`{}` can't be the name of a variable", env.value);
                    context.report(Diagnostic::new(&env.place, message));
                }
                (Source::Env(env.value), env.place)
            }
            (None, Some(file)) => (Source::File(file.value), file.place),
            _ => {
                let message = format!("a secret has one source, `{}` has not", id.value);
                context.report(
                    Diagnostic::new(&id.place, message)
                        .help("say `env: NAME` (a variable) or `file: PATH`"),
                );
                continue;
            }
        };
        secrets.push(SaidSecret {
            id: id.value,
            source,
            place,
        });
    }
    secrets
}

fn check_ssh(said: &Located<String>, context: &mut Context) {
    let id = said.split('=').next().unwrap_or_default();
    let is_word = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if id.is_empty() || !id.chars().all(is_word) || said.ends_with('=') {
        let message = format!("`{}` names no key", said.value);
        let help = "say `default` for the agent of the caller, or `ID=PATH` for a key or a socket";
        context.report(Diagnostic::new(&said.place, message).help(help));
    }
}

fn check_cache(said: &Located<String>, is_other: bool, message: &str, context: &mut Context) {
    let is_odd = |c: char| c.is_whitespace() || c.is_control();
    if is_other || said.is_empty() || said.contains(is_odd) {
        let help = "such as `registry.example.org/team/cache:tools` or `type=registry,ref=…`";
        context.report(Diagnostic::new(&said.place, message).help(help));
    }
}
