//! What this host can give to containers of our own making, found out before any check.

use std::path::Path;

use super::capabilities::Capabilities;
use super::client::Helper;
use super::setup::Setup;
use super::source::Platform;
use crate::engine::{Image, Network, Process};

/// What works here.
#[derive(Debug)]
pub struct Abilities {
    platform: Platform,
    rootless: bool,
    /// Whether there are other users than the one who runs this.
    has_many_users: bool,
    memory: Ability,
    cpus: Ability,
    pids: Ability,
}

/// Whether something works, and why not.
#[derive(Debug)]
pub enum Ability {
    /// It does.
    Works,
    /// It does not.
    Lacks(String),
}

/// One row of the table that tells what works.
#[derive(Debug)]
pub struct Row {
    /// What it is.
    pub name: &'static str,
    /// Whether it works.
    pub works: bool,
    /// How, or why not.
    pub how: String,
    /// What is done about it if it does not.
    pub instead: &'static str,
}

impl Abilities {
    pub(super) fn new(setup: &Setup, helper: &Helper) -> Self {
        let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let limits = |controller: &str| Setup::limit(&groups, controller);
        Self {
            platform: Platform::host(),
            rootless: setup.settings.rootless,
            has_many_users: helper.has_many_users(),
            memory: limits("memory"),
            cpus: limits("cpu"),
            pids: limits("pids"),
        }
    }

    /// What a process needs that can't be had here.
    /// `is_entered`: whether further processes come into its container.
    pub(super) fn lack(
        &self,
        image: &Image,
        process: &Process,
        is_entered: bool,
    ) -> Option<String> {
        let needs = |what: &str| Some(format!("needs docker: {what}"));
        let lacking = |what: &str, why: &str| Some(format!("needs docker: {what} ({why})"));
        if process.network == Network::Bridge {
            return needs("`network: bridge` is an engine's own network");
        }
        if self.rootless && process.network == Network::Host {
            return lacking("`network: host`", NO_HOST_SYS);
        }
        if !process.ports.is_empty() && process.network != Network::Host {
            return needs("ports of a container are reached through an engine's network");
        }
        let capabilities = Capabilities::of(&process.cap_add, &process.cap_drop);
        let may_trace = capabilities.is_ok_and(|it| it.contains(Capabilities::SYS_PTRACE));
        if is_entered && may_trace {
            return needs(
                "SYS_PTRACE in a container that is entered: whoever enters it has the memory of \
                 the engine for a moment",
            );
        }
        let config = &image.config;
        let is_ours = |os: &str, architecture: &str| {
            let said = Platform::parse(&format!("{os}/{architecture}"));
            said.is_none_or(|said| self.platform.runs(&said))
        };
        if !is_ours(&config.os, &config.architecture) {
            let (os, architecture) = (&config.os, &config.architecture);
            return needs(&format!(
                "the image is for {os}/{architecture}, this machine is {}",
                self.platform
            ));
        }
        if let Some(wanted) = &process.platform {
            let has = format!("{}/{}", config.os, config.architecture);
            if *wanted != has && !wanted.starts_with(&format!("{has}/")) {
                return needs(&format!(
                    "`platform: {wanted}`, the image here is for {has}"
                ));
            }
        }
        for (is_wanted, what, ability) in [
            (
                process.limits.memory.is_some(),
                "a limit of memory",
                &self.memory,
            ),
            (
                process.limits.cpus.is_some(),
                "a limit of processors",
                &self.cpus,
            ),
            (
                process.limits.pids.is_some(),
                "a limit of processes",
                &self.pids,
            ),
        ] {
            if let (true, Ability::Lacks(why)) = (is_wanted, ability) {
                return lacking(what, why);
            }
        }
        if self.rootless
            && !self.has_many_users
            && process
                .user
                .as_ref()
                .or(Some(&config.user))
                .is_some_and(|user| !is_root(user))
        {
            return lacking("a user other than root", NO_USERS);
        }
        None
    }

    /// All of it as a table.
    pub fn rows(&self) -> Vec<Row> {
        const TO_DOCKER: &str = "such checks go to docker, or are skipped";
        let limit = |name, ability: &Ability| match ability {
            Ability::Works => Row {
                name,
                works: true,
                how: "control groups".to_owned(),
                instead: "",
            },
            Ability::Lacks(why) => Row {
                name,
                works: false,
                how: why.clone(),
                instead: TO_DOCKER,
            },
        };
        let always = |name, how: &str| Row {
            name,
            works: true,
            how: how.to_owned(),
            instead: "",
        };
        let mut rows = vec![
            always(
                "containers",
                if self.rootless {
                    "in a user namespace, overlayfs with user.* marks"
                } else {
                    "as root, overlayfs"
                },
            ),
            Row {
                name: "users of images",
                works: !self.rootless || self.has_many_users,
                how: match (self.rootless, self.has_many_users) {
                    (false, _) => "all".to_owned(),
                    (true, true) => "those set aside in /etc/subuid and /etc/subgid".to_owned(),
                    (true, false) => NO_USERS.to_owned(),
                },
                instead: if !self.rootless || self.has_many_users {
                    ""
                } else {
                    TO_DOCKER
                },
            },
            always("network: none", "a network namespace with loopback"),
            Row {
                name: "network: host",
                works: !self.rootless,
                how: if self.rootless {
                    NO_HOST_SYS.to_owned()
                } else {
                    "the host's own".to_owned()
                },
                instead: if self.rootless { TO_DOCKER } else { "" },
            },
            limit("memory", &self.memory),
            limit("cpus", &self.cpus),
            limit("pids", &self.pids),
        ];
        for (name, why) in [
            ("network: bridge", "an engine's own network"),
            ("ports", "reached through an engine's network"),
            ("other platforms", "only an engine with emulation runs them"),
        ] {
            rows.push(Row {
                name,
                works: false,
                how: why.to_owned(),
                instead: TO_DOCKER,
            });
        }
        rows
    }
}

/// What a user without further users is told.
pub(super) const NO_USERS: &str = "only root can be had: newuidmap (package uidmap) and entries in /etc/subuid and /etc/subgid \
     would give more";

/// sysfs shows devices of a network, and may be mounted by the owner of that network only.
const NO_HOST_SYS: &str = "only root may mount the /sys that belongs to it";

fn is_root(user: &str) -> bool {
    matches!(user.split(':').next(), Some("" | "0" | "root")) && !user.contains(':')
}

/// Whether this process may make control groups for a controller.
pub(super) fn may_limit(folder: Result<&Path, String>) -> Ability {
    match folder {
        Ok(folder) => match rustix::fs::access(folder, rustix::fs::Access::WRITE_OK) {
            Ok(()) => Ability::Works,
            Err(error) => Ability::Lacks(format!("{}: {error}", folder.display())),
        },
        Err(why) => Ability::Lacks(why),
    }
}
