//! How a registry is reached: by which address, in the clear or not, and whom it is believed.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::error::RegistryError;
use super::reference::DOCKER_HUB;

/// Registries that are spoken to in the clear, separated by commas.
const INSECURE: &str = "SEATRIAL_INSECURE_REGISTRIES";
/// Where Docker and Podman look for the certificates of registries: in a folder named like the host.
pub(super) const CERTIFICATES: &str = "/etc/docker/certs.d";

/// Variables of the environment.
pub(super) type Env = dyn Fn(&str) -> Option<String> + Send + Sync;

/// How a registry is reached.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Without a slash at the end.
    pub(super) url: String,
    /// Whether it is on this machine, so that no proxy is asked.
    pub(super) is_here: bool,
    /// Files of authorities that are believed beside those of the system.
    pub(super) authorities: Vec<PathBuf>,
}

impl Place {
    /// How the registry that references call `host` is reached.
    pub(super) fn of(host: &str, env: &Env, certificates: &Path) -> Result<Self, RegistryError> {
        let authorities = authorities(&certificates.join(host)).map_err(|error| {
            let folder = certificates.join(host);
            RegistryError::Configuration(format!("{}: {error}", folder.display()))
        })?;
        let address = match host {
            DOCKER_HUB => "registry-1.docker.io",
            host => host,
        };
        let listed = env(INSECURE).unwrap_or_default();
        let is_listed = listed.split(',').any(|it| it.trim() == host);
        let is_here = is_here(host);
        // Who has a certificate for it speaks TLS with it.
        let is_plain = is_listed || (is_here && authorities.is_empty());
        let scheme = if is_plain { "http" } else { "https" };
        Ok(Self {
            url: format!("{scheme}://{address}"),
            is_here,
            authorities,
        })
    }

    pub(super) fn is_plain(&self) -> bool {
        self.url.starts_with("http://")
    }
}

fn is_here(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or(host),
    };
    let address = name.parse::<IpAddr>();
    address.map_or(name == "localhost", |address| address.is_loopback())
}

fn authorities(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match folder.read_dir() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "crt") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_and_what_is_listed_is_spoken_to_in_the_clear() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("localhost:443");
        std::fs::create_dir(&own).unwrap();
        std::fs::File::create(own.join("ca.crt")).unwrap();
        std::fs::File::create(own.join("ca.key")).unwrap();
        let env = |name: &str| (name == INSECURE).then(|| "intranet:80, other".to_owned());
        let table = [
            ("docker.io", "https://registry-1.docker.io"),
            ("gcr.io", "https://gcr.io"),
            ("localhost", "http://localhost"),
            ("localhost:443", "https://localhost:443"),
            ("127.0.0.9:5000", "http://127.0.0.9:5000"),
            ("[::1]:5000", "http://[::1]:5000"),
            ("localhost.evil.io", "https://localhost.evil.io"),
            ("127.0.0.1.evil.io", "https://127.0.0.1.evil.io"),
            ("intranet:80", "http://intranet:80"),
            ("intranet", "https://intranet"),
            ("other", "http://other"),
        ];
        for (host, url) in table {
            assert_eq!(Place::of(host, &env, folder.path()).unwrap().url, url);
        }
        let place = Place::of("localhost:443", &env, folder.path()).unwrap();
        assert_eq!(place.authorities, [own.join("ca.crt")]);
    }
}
