//! An image that the helper knows, and what containers of it are like.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rustix::rand::{GetRandomFlags, getrandom};

use super::capabilities::Capabilities;
use super::client::failed;
use super::files::View;
use super::helper::{Container, Execution, NetworkKind};
use super::lacks::NO_USERS;
use super::users::{self, User};
use crate::engine::{EngineError, FileKind, Files, Image, Network, Process};

const STEP: &str = "start a container";
/// More is no list of users.
const LONGEST_LIST: u64 = 16 << 20;
/// As the kernel counts.
const MOST_LINKS: u32 = 40;
const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";
/// What engines set where the image says nothing.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// An image and its users.
#[derive(Debug)]
pub(super) struct Known {
    /// What the helper calls it.
    pub(super) root: u64,
    /// Whether there are other users than root here.
    has_many_users: bool,
    users: Mutex<HashMap<String, User>>,
}

impl Known {
    pub(super) fn new(root: u64, has_many_users: bool) -> Self {
        Self {
            root,
            has_many_users,
            users: Mutex::default(),
        }
    }

    /// A container for a process. `files` are the image's.
    ///
    /// # Errors
    /// When the image has no such user.
    pub(super) fn container(
        &self,
        image: &Image,
        process: &Process,
        files: &dyn Fn() -> Result<View<'static>, EngineError>,
    ) -> Result<Container, EngineError> {
        let host_name = match process.network {
            Network::Host => host_name(),
            Network::None | Network::Bridge => {
                random_name().map_err(|error| failed(STEP, error))?
            }
        };
        let limits = process.limits;
        Ok(Container {
            root: self.root,
            process: self.execution(image, process, &host_name, files)?,
            host_name,
            network: match process.network {
                Network::Host => NetworkKind::Host,
                Network::None | Network::Bridge => NetworkKind::None,
            },
            mounts: process
                .mounts
                .iter()
                .map(|mount| (mount.source.clone(), mount.target.clone()))
                .collect(),
            tmpfs: process.tmpfs.clone(),
            volumes: volumes(image, process),
            read_only: process.read_only,
            memory: limits.memory,
            milli_cpus: limits.cpus.map(|cpus| (cpus * 1000.0).round() as u64),
            pids: limits.pids,
        })
    }

    /// A process in a container of this host name.
    ///
    /// # Errors
    /// When the image has no such user.
    pub(super) fn execution(
        &self,
        image: &Image,
        process: &Process,
        host_name: &str,
        files: &dyn Fn() -> Result<View<'static>, EngineError>,
    ) -> Result<Execution, EngineError> {
        let asked = process.user.as_deref().unwrap_or(&image.config.user);
        let user = self.user(asked, process, files)?;
        if !self.has_many_users && !user.identity.is_root() {
            let what = format!("needs docker: the user `{asked}` ({NO_USERS})");
            return Err(EngineError::Needs(what));
        }
        let capabilities = Capabilities::of(&process.cap_add, &process.cap_drop)
            .map_err(|error| failed(STEP, error))?;
        let workdir = process.workdir.as_deref().unwrap_or(&image.config.workdir);
        Ok(Execution {
            argv: process.argv.clone(),
            env: env(image, process, host_name, &user.home),
            workdir: clean(workdir),
            identity: user.identity,
            capabilities: capabilities.0,
        })
    }

    fn user(
        &self,
        asked: &str,
        process: &Process,
        files: &dyn Fn() -> Result<View<'static>, EngineError>,
    ) -> Result<User, EngineError> {
        let mut user = self.user_of_image(asked, files)?;
        // Who it is, engines ask the image; where it is at home, the runtime asks the container.
        let mut mounts = process.mounts.iter();
        if let Some(mount) = mounts.find(|mount| mount.target == PASSWD) {
            let bytes = std::fs::read(&mount.source).map_err(|error| failed(STEP, error))?;
            let passwd = String::from_utf8_lossy(&bytes);
            user.home = users::home(user.identity.uid, &passwd);
        }
        Ok(user)
    }

    fn user_of_image(
        &self,
        asked: &str,
        files: &dyn Fn() -> Result<View<'static>, EngineError>,
    ) -> Result<User, EngineError> {
        let users = || self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(user) = users().get(asked) {
            return Ok(user.clone());
        }
        let image = files()?;
        let [passwd, group] = [list(&image, PASSWD)?, list(&image, GROUP)?];
        let user = users::find(asked, &passwd, &group).map_err(|error| failed(STEP, error))?;
        users().insert(asked.to_owned(), user.clone());
        Ok(user)
    }
}

/// The volumes of an image in whose place nothing else is asked for.
fn volumes(image: &Image, process: &Process) -> Vec<String> {
    let mounts = process.mounts.iter().map(|mount| &mount.target);
    let taken: Vec<&String> = mounts
        .chain(process.tmpfs.iter().map(|(path, _)| path))
        .collect();
    let volumes = image.config.volumes.iter();
    volumes
        .filter(|volume| !taken.contains(volume))
        .cloned()
        .collect()
}

/// The text of a list of an image, which may be a link; empty where there is none.
fn list(image: &View<'_>, path: &str) -> Result<String, EngineError> {
    // Nearly always it is a file, or nothing at all: then one question is enough.
    if let Ok(bytes) = image.read_if_there(path, LONGEST_LIST) {
        return Ok(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned());
    }
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Some(found) = image.stat(&path)? else {
            return Ok(String::new());
        };
        if found.kind == FileKind::File {
            let bytes = image.read(&path, LONGEST_LIST)?;
            return Ok(String::from_utf8_lossy(&bytes).into_owned());
        }
        if found.kind != FileKind::Symlink {
            break;
        }
        let target = image.link_target(&path)?;
        path = match path.rsplit_once('/') {
            Some((folder, _)) if !target.starts_with('/') => format!("{folder}/{target}"),
            _ => target,
        };
    }
    Err(failed(
        STEP,
        format!("{path} is no list of users or groups"),
    ))
}

/// A path without what leads nowhere, as engines take a working directory.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// As Docker puts it together: each name once, where it came first, with the value that came last.
fn env(image: &Image, process: &Process, host_name: &str, home: &str) -> Vec<String> {
    let mut env = vec![PATH.to_owned(), format!("HOSTNAME={host_name}")];
    // What the image says comes after what the check says, and only if that does not say it.
    let asked = |name: &String| process.env.iter().any(|(asked, _)| asked == name);
    let image = image.config.env.iter().filter(|(name, _)| !asked(name));
    for (name, value) in process.env.iter().chain(image) {
        let entry = format!("{name}={value}");
        let known = env.iter().position(|known| {
            let (known, _) = known.split_once('=').unwrap_or((known, ""));
            known == name
        });
        match known {
            Some(at) => env[at] = entry,
            None => env.push(entry),
        }
    }
    if !env.iter().any(|entry| entry.starts_with("HOME=")) {
        env.push(format!("HOME={home}"));
    }
    env
}

/// The name of this machine.
fn host_name() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}

/// As the short id of a container: twelve hexadecimal digits, and not a number.
fn random_name() -> std::io::Result<String> {
    let mut bytes = [0; 6];
    loop {
        getrandom(&mut bytes, GetRandomFlags::empty())?;
        let name: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        if name.bytes().any(|byte| byte.is_ascii_alphabetic()) {
            return Ok(name);
        }
    }
}
