//! A container without a network that is started in half the time.
//!
//! `NetworkMode: none` makes the engine set up a network sandbox with nothing in it: as much work
//! as the rest of the start. `NetworkDisabled` leaves that out, and with it three things that a
//! check could see: `/etc/hosts` and `/etc/resolv.conf` stay empty, and IPv6 is on at loopback.
//! Here they are put back, so that the check sees what `none` gives.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::folder;
use crate::engine::EngineInfo;

/// From this release on `none` gives other files; there the plain way is taken.
const FIRST_UNKNOWN_RELEASE: u32 = 26;

/// What Docker writes into `/etc/hosts` of a container without a network.
const HOSTS: &str = "127.0.0.1\tlocalhost\n\
    ::1\tlocalhost ip6-localhost ip6-loopback\n\
    fe00::0\tip6-localnet\n\
    ff00::0\tip6-mcastprefix\n\
    ff02::1\tip6-allnodes\n\
    ff02::2\tip6-allrouters\n";

/// Whether this engine's `none` is known well enough to be given without a sandbox.
pub(super) fn is_known(info: &EngineInfo) -> bool {
    let release = info
        .version
        .split('.')
        .next()
        .and_then(|text| text.parse::<u32>().ok());
    info.kind == "docker" && release.is_some_and(|release| release < FIRST_UNKNOWN_RELEASE)
}

/// The files that are put back, one pair for each container because a container may write to them.
#[derive(Debug)]
pub(super) struct NetworkFiles {
    folder: TempDir,
    resolv_conf: String,
    has_ipv6: bool,
}

impl NetworkFiles {
    /// Prepares a folder for the files of this run.
    ///
    /// # Errors
    /// When the machine's temporary folder can't be written to.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            folder: folder::make()?,
            resolv_conf: resolv_conf(),
            has_ipv6: Path::new("/proc/sys/net/ipv6").exists(),
        })
    }

    /// The folder, for the proof that the engine sees files of this machine.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the files of one container and gives them as binds.
    pub(super) fn write(&self, container: &str) -> io::Result<ContainerFiles> {
        let file = |name: &str, content: &str| -> io::Result<PathBuf> {
            let path = self.folder.path().join(format!("{container}-{name}"));
            let mut file = std::fs::File::create_new(&path)?;
            file.write_all(content.as_bytes())?;
            set_mode(&file)?;
            Ok(path)
        };
        Ok(ContainerFiles {
            hosts: file("hosts", HOSTS)?,
            resolv_conf: file("resolv.conf", &self.resolv_conf)?,
        })
    }

    /// The settings of the container's own network.
    pub(super) fn sysctls(&self) -> HashMap<String, String> {
        let disable = self
            .has_ipv6
            .then_some(("net.ipv6.conf.all.disable_ipv6", "1"));
        disable
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}

fn set_mode(file: &std::fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

/// The files of one container; they go when this does.
#[derive(Debug)]
pub(super) struct ContainerFiles {
    hosts: PathBuf,
    resolv_conf: PathBuf,
}

impl ContainerFiles {
    /// The files as `HostConfig.Binds`, but for those in whose place something else is mounted.
    pub(super) fn binds(&self, read_only: bool, is_mounted: impl Fn(&str) -> bool) -> Vec<String> {
        let mode = if read_only { ":ro" } else { "" };
        let files = [
            (&self.hosts, "/etc/hosts"),
            (&self.resolv_conf, "/etc/resolv.conf"),
        ];
        let files = files.iter().filter(|(_, target)| !is_mounted(target));
        files
            .map(|(file, target)| format!("{}:{target}{mode}", file.display()))
            .collect()
    }
}

impl Drop for ContainerFiles {
    fn drop(&mut self) {
        // The folder goes with the run, and these with it, should this fail.
        let _ = std::fs::remove_file(&self.hosts);
        let _ = std::fs::remove_file(&self.resolv_conf);
    }
}

/// The host's resolver configuration as Docker copies it: systemd's own one where the usual file
/// only points at systemd's stub.
fn resolv_conf() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let usual = read("/etc/resolv.conf");
    let stub_only = {
        let mut servers = name_servers(&usual).peekable();
        servers.peek().is_some() && servers.all(|server| server == "127.0.0.53")
    };
    let chosen = if stub_only {
        read("/run/systemd/resolve/resolv.conf")
    } else {
        usual
    };
    without_loopback(&chosen)
}

fn name_servers(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver"))
            .then(|| words.next())
            .flatten()
    })
}

/// A resolver of the host's own loopback can't be reached from a container: Docker leaves it out
/// and names Google's where none is left.
fn without_loopback(text: &str) -> String {
    let is_loopback = |line: &&str| {
        name_servers(line).any(|server| server.starts_with("127.") || server == "::1")
    };
    if !text.lines().any(|line| is_loopback(&line)) {
        return text.to_owned();
    }
    let mut kept: Vec<&str> = text.lines().filter(|line| !is_loopback(line)).collect();
    let rest = kept.join("\n");
    if name_servers(&rest).next().is_none() {
        kept.extend(["nameserver 8.8.8.8", "nameserver 8.8.4.4"]);
    }
    kept.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolvers_on_loopback_are_left_out() {
        let table = [
            ("nameserver 10.0.0.1\n", "nameserver 10.0.0.1\n"),
            (
                "search a\nnameserver 127.0.0.1\nnameserver 9.9.9.9\n",
                "search a\nnameserver 9.9.9.9\n",
            ),
            (
                "nameserver ::1\n",
                "nameserver 8.8.8.8\nnameserver 8.8.4.4\n",
            ),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(without_loopback(text), expected, "{text:?}");
        }
    }

    #[test]
    fn only_releases_that_were_compared_are_known() {
        let known = |kind: &str, version: &str| {
            is_known(&EngineInfo {
                kind: kind.to_owned(),
                version: version.to_owned(),
                platform: String::new(),
                beside: None,
            })
        };
        assert!(known("docker", "20.10.24+dfsg1"));
        assert!(!known("docker", "28.2.2"));
        assert!(!known("docker", "dev"));
        assert!(!known("podman", "4.3.1"));
    }
}
