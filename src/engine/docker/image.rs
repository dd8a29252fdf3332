//! The engine's description of an image → ours.

use std::time::Duration;

use bollard::models::{HealthConfig, ImageHistoryResponseItem, ImageInspect};

use crate::engine::{EngineError, Healthcheck, HistoryStep, Image, ImageConfig};

/// What the engine does where the health check of an image says nothing.
mod health_default {
    use std::time::Duration;

    pub(super) const INTERVAL: Duration = Duration::from_secs(30);
    pub(super) const TIMEOUT: Duration = Duration::from_secs(30);
    pub(super) const START_PERIOD: Duration = Duration::ZERO;
    pub(super) const RETRIES: i64 = 3;
}

/// Translates what `GET /images/NAME/json` answers.
pub(super) fn describe(reference: String, image: ImageInspect) -> Result<Image, EngineError> {
    let Some(id) = image.id else {
        return Err(EngineError::Failed {
            step: "inspect an image",
            reason: format!("its answer about `{reference}` has no id"),
        });
    };
    let config = image.config.unwrap_or_default();
    let split = |entry: String| match entry.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (entry, String::new()),
    };
    let layers = image.root_fs.and_then(|root| root.layers);
    Ok(Image {
        reference,
        // Podman leaves the algorithm out.
        id: if id.contains(':') {
            id
        } else {
            format!("sha256:{id}")
        },
        repo_digests: image.repo_digests.unwrap_or_default(),
        size: image.size.and_then(|size| u64::try_from(size).ok()),
        layers: layers.map(|layers| layers.len()),
        author: image.author.unwrap_or_default(),
        config: ImageConfig {
            env: config
                .env
                .unwrap_or_default()
                .into_iter()
                .map(split)
                .collect(),
            labels: config.labels.unwrap_or_default().into_iter().collect(),
            entrypoint: config.entrypoint.unwrap_or_default(),
            cmd: config.cmd.unwrap_or_default(),
            user: config.user.unwrap_or_default(),
            workdir: config.working_dir.unwrap_or_default(),
            shell: config.shell.unwrap_or_default(),
            exposed_ports: sorted(config.exposed_ports.map(|ports| {
                let ports = ports.into_iter();
                ports.map(with_protocol).collect()
            })),
            volumes: sorted(config.volumes),
            healthcheck: config.healthcheck.and_then(healthcheck),
            stop_signal: config.stop_signal.unwrap_or_default(),
            onbuild: config.on_build.unwrap_or_default(),
            architecture: image.architecture.unwrap_or_default(),
            variant: image.variant.unwrap_or_default(),
            os: image.os.unwrap_or_default(),
        },
    })
}

/// Translates one item of what `GET /images/NAME/history` answers.
pub(super) fn history_step(item: ImageHistoryResponseItem) -> HistoryStep {
    HistoryStep {
        created_by: item.created_by,
        size: u64::try_from(item.size).unwrap_or(0),
    }
}

fn sorted(list: Option<Vec<String>>) -> Vec<String> {
    let mut list = list.unwrap_or_default();
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

/// `None` also for one that is switched off, and for one that only changes the times of a parent's.
fn healthcheck(config: HealthConfig) -> Option<Healthcheck> {
    let test = config.test.filter(|test| !test.is_empty())?;
    if test == ["NONE"] {
        return None;
    }
    let time = |nanoseconds: Option<i64>, default: Duration| {
        let given = nanoseconds.and_then(|nanos| u64::try_from(nanos).ok());
        let given = given.filter(|nanos| *nanos > 0);
        given.map_or(default, Duration::from_nanos)
    };
    Some(Healthcheck {
        test,
        interval: time(config.interval, health_default::INTERVAL),
        timeout: time(config.timeout, health_default::TIMEOUT),
        start_period: time(config.start_period, health_default::START_PERIOD),
        retries: config
            .retries
            .filter(|retries| *retries > 0)
            .unwrap_or(health_default::RETRIES),
    })
}
