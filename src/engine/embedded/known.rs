//! An image that the helper knows, and what containers of it are like.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rustix::rand::{GetRandomFlags, getrandom};

use super::capabilities::Capabilities;
use super::client::failed;
use super::helper::{Container, Execution, NetworkKind};
use super::users::{self, User};
use crate::engine::{EngineError, Files, Image, Network, Process};

const STEP: &str = "start a container";
/// More is no list of users.
const LONGEST_LIST: u64 = 16 << 20;
/// What engines set where the image says nothing.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// An image and its users.
#[derive(Debug)]
pub(super) struct Known {
    /// What the helper calls it.
    pub(super) root: u64,
    users: Mutex<HashMap<String, User>>,
}

impl Known {
    pub(super) fn new(root: u64) -> Self {
        let users = Mutex::default();
        Self { root, users }
    }

    /// A container for a process. `files` are the image's.
    ///
    /// # Errors
    /// When the image has no such user.
    pub(super) fn container(
        &self,
        image: &Image,
        process: &Process,
        files: &dyn Fn() -> Result<Box<dyn Files>, EngineError>,
    ) -> Result<Container, EngineError> {
        let host_name = random_name().map_err(|error| failed(STEP, error))?;
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
            volumes: image.config.volumes.clone(),
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
        files: &dyn Fn() -> Result<Box<dyn Files>, EngineError>,
    ) -> Result<Execution, EngineError> {
        let asked = process.user.as_deref().unwrap_or(&image.config.user);
        let user = self.user(asked, process, files)?;
        let capabilities = Capabilities::of(&process.cap_add, &process.cap_drop)
            .map_err(|error| failed(STEP, error))?;
        let workdir = process.workdir.as_deref().unwrap_or(&image.config.workdir);
        Ok(Execution {
            argv: process.argv.clone(),
            env: env(image, process, host_name, &user.home),
            workdir: if workdir.is_empty() { "/" } else { workdir }.to_owned(),
            identity: user.identity,
            capabilities: capabilities.0,
        })
    }

    fn user(
        &self,
        asked: &str,
        process: &Process,
        files: &dyn Fn() -> Result<Box<dyn Files>, EngineError>,
    ) -> Result<User, EngineError> {
        let mounted = |path: &str| process.mounts.iter().find(|mount| mount.target == path);
        let lists = ["/etc/passwd", "/etc/group"];
        let is_own = lists.iter().all(|path| mounted(path).is_none());
        if is_own {
            let users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(user) = users.get(asked) {
                return Ok(user.clone());
            }
        }
        let image = files()?;
        let read = |path: &str| -> Result<String, EngineError> {
            let bytes = match mounted(path) {
                Some(mount) => std::fs::read(&mount.source).map_err(|error| failed(STEP, error))?,
                None if image.stat(path)?.is_none() => Vec::new(),
                None => image.read(path, LONGEST_LIST)?,
            };
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let [passwd, group] = [read(lists[0])?, read(lists[1])?];
        let user = users::find(asked, &passwd, &group).map_err(|error| failed(STEP, error))?;
        if is_own {
            let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
            users.insert(asked.to_owned(), user.clone());
        }
        Ok(user)
    }
}

/// As Docker puts it together: each name once, where it came first, with the value that came last.
fn env(image: &Image, process: &Process, host_name: &str, home: &str) -> Vec<String> {
    let mut env = vec![PATH.to_owned(), format!("HOSTNAME={host_name}")];
    let said = image.config.env.iter().chain(&process.env);
    for (name, value) in said {
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
