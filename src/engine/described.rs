//! What the configuration of an image says → what it means: the same wherever it was read.

use std::collections::BTreeMap;
use std::time::Duration;

use super::image::{Healthcheck, ImageConfig};

/// What an engine does where the health check of an image says nothing.
mod health_default {
    use std::time::Duration;

    pub(super) const INTERVAL: Duration = Duration::from_secs(30);
    pub(super) const TIMEOUT: Duration = Duration::from_secs(30);
    pub(super) const START_PERIOD: Duration = Duration::ZERO;
    pub(super) const RETRIES: i64 = 3;
}

/// The configuration of an image, as it is written.
#[derive(Debug, Default)]
pub(super) struct Described {
    pub(super) env: Vec<String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) entrypoint: Vec<String>,
    pub(super) cmd: Vec<String>,
    pub(super) user: String,
    pub(super) workdir: String,
    pub(super) shell: Vec<String>,
    pub(super) exposed_ports: Vec<String>,
    pub(super) volumes: Vec<String>,
    pub(super) healthcheck: Option<DescribedHealth>,
    pub(super) stop_signal: String,
    pub(super) onbuild: Vec<String>,
    pub(super) architecture: String,
    pub(super) variant: String,
    pub(super) os: String,
}

/// A health check as it is written; times in nanoseconds.
#[derive(Debug)]
pub(super) struct DescribedHealth {
    pub(super) test: Option<Vec<String>>,
    pub(super) interval: Option<i64>,
    pub(super) timeout: Option<i64>,
    pub(super) start_period: Option<i64>,
    pub(super) retries: Option<i64>,
}

impl Described {
    pub(super) fn read(self) -> ImageConfig {
        let split = |entry: String| match entry.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (entry, String::new()),
        };
        let ports = self.exposed_ports.into_iter().map(with_protocol);
        ImageConfig {
            env: self.env.into_iter().map(split).collect(),
            labels: self.labels,
            entrypoint: self.entrypoint,
            cmd: self.cmd,
            user: self.user,
            workdir: self.workdir,
            shell: self.shell,
            exposed_ports: sorted(ports.collect()),
            volumes: sorted(self.volumes),
            healthcheck: self.healthcheck.and_then(DescribedHealth::read),
            stop_signal: self.stop_signal,
            onbuild: self.onbuild,
            architecture: self.architecture,
            variant: self.variant,
            os: self.os,
        }
    }
}

impl DescribedHealth {
    /// `None` also for one that is switched off, and for one that only changes the times of a
    /// parent's.
    fn read(self) -> Option<Healthcheck> {
        let test = self.test.filter(|test| !test.is_empty())?;
        if test == ["NONE"] {
            return None;
        }
        let time = |nanoseconds: Option<i64>, default: Duration| {
            let given = nanoseconds.and_then(|nanos| u64::try_from(nanos).ok());
            let given = given.filter(|nanos| *nanos > 0);
            given.map_or(default, Duration::from_nanos)
        };
        let retries = self.retries.filter(|retries| *retries > 0);
        Some(Healthcheck {
            test,
            interval: time(self.interval, health_default::INTERVAL),
            timeout: time(self.timeout, health_default::TIMEOUT),
            start_period: time(self.start_period, health_default::START_PERIOD),
            retries: retries.unwrap_or(health_default::RETRIES),
        })
    }
}

fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list
}

/// Builders may leave the protocol out.
fn with_protocol(port: String) -> String {
    if port.contains('/') {
        port
    } else {
        format!("{port}/tcp")
    }
}
