//! The configuration of an image (OCI image spec, "Image Configuration"), as lenient as engines are:
//! what is `null` is not there.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::problem::unreadable;
use crate::engine::described::{Described, DescribedHealth};
use crate::engine::embedded::layer::Digest;
use crate::engine::{EngineError, HistoryStep, ImageConfig};

/// The configuration of an image, as it is written.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Config {
    #[serde(default, deserialize_with = "null")]
    pub(super) author: String,
    #[serde(default, deserialize_with = "null")]
    architecture: String,
    #[serde(default, deserialize_with = "null")]
    variant: String,
    #[serde(default, deserialize_with = "null")]
    os: String,
    #[serde(default, deserialize_with = "null")]
    config: Process,
    rootfs: RootFs,
    #[serde(default, deserialize_with = "null")]
    history: Vec<Step>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Process {
    #[serde(deserialize_with = "null")]
    env: Vec<String>,
    #[serde(deserialize_with = "null")]
    labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "null")]
    entrypoint: Vec<String>,
    #[serde(deserialize_with = "null")]
    cmd: Vec<String>,
    #[serde(deserialize_with = "null")]
    user: String,
    #[serde(deserialize_with = "null")]
    working_dir: String,
    #[serde(deserialize_with = "null")]
    shell: Vec<String>,
    #[serde(deserialize_with = "null")]
    exposed_ports: BTreeMap<String, serde_json::Value>,
    #[serde(deserialize_with = "null")]
    volumes: BTreeMap<String, serde_json::Value>,
    healthcheck: Option<Health>,
    #[serde(deserialize_with = "null")]
    stop_signal: String,
    #[serde(deserialize_with = "null")]
    on_build: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Health {
    test: Option<Vec<String>>,
    interval: Option<i64>,
    timeout: Option<i64>,
    start_period: Option<i64>,
    retries: Option<i64>,
}

#[derive(Debug, Clone, Deserialize)]
struct RootFs {
    #[serde(default, deserialize_with = "null")]
    r#type: String,
    #[serde(default, deserialize_with = "null")]
    diff_ids: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Step {
    #[serde(deserialize_with = "null")]
    created_by: String,
    #[serde(deserialize_with = "null")]
    empty_layer: bool,
}

impl Config {
    pub(super) fn read(place: &str, bytes: &[u8]) -> Result<Self, EngineError> {
        let config: Self = serde_json::from_slice(bytes).map_err(|error| {
            unreadable(place, format!("the configuration can't be read: {error}"))
        })?;
        let layers = config.rootfs.diff_ids.len();
        let steps = config.history.iter().filter(|step| !step.empty_layer);
        let with_layers = steps.count();
        if with_layers > layers {
            let reason =
                format!("the history has {with_layers} steps with a layer, but {layers} are there");
            return Err(unreadable(place, reason));
        }
        if !matches!(config.rootfs.r#type.as_str(), "" | "layers") {
            let reason = format!(
                "its root file system is of the type `{}`",
                config.rootfs.r#type
            );
            return Err(unreadable(place, reason));
        }
        Ok(config)
    }

    /// The digests of the layers, the lowest first.
    pub(super) fn diff_ids(&self, place: &str) -> Result<Vec<Digest>, EngineError> {
        let read = |text: &String| {
            let reason = || format!("the configuration calls a layer `{text}`");
            Digest::parse(text).ok_or_else(|| unreadable(place, reason()))
        };
        self.rootfs.diff_ids.iter().map(read).collect()
    }

    /// What it means.
    pub(super) fn image_config(&self) -> ImageConfig {
        let config = self.config.clone();
        let healthcheck = config.healthcheck.map(|health| DescribedHealth {
            test: health.test,
            interval: health.interval,
            timeout: health.timeout,
            start_period: health.start_period,
            retries: health.retries,
        });
        let described = Described {
            env: config.env,
            labels: config.labels,
            entrypoint: config.entrypoint,
            cmd: config.cmd,
            user: config.user,
            workdir: config.working_dir,
            shell: config.shell,
            exposed_ports: config.exposed_ports.into_keys().collect(),
            volumes: config.volumes.into_keys().collect(),
            healthcheck,
            stop_signal: config.stop_signal,
            onbuild: config.on_build,
            architecture: self.architecture.clone(),
            variant: self.variant.clone(),
            os: self.os.clone(),
        };
        described.read()
    }

    /// How it came to be, from the last step to the first; `sizes` are those of the layers, the
    /// lowest first.
    pub(super) fn history(&self, sizes: &[u64]) -> Vec<HistoryStep> {
        let mut sizes = sizes.iter().copied();
        let steps = self.history.iter().map(|step| HistoryStep {
            created_by: step.created_by.clone(),
            size: if step.empty_layer {
                0
            } else {
                sizes.next().unwrap_or(0)
            },
        });
        let mut steps: Vec<HistoryStep> = steps.collect();
        steps.reverse();
        steps
    }
}

/// What is `null` is not there.
fn null<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}
