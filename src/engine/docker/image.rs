//! The engine's description of an image → ours.

use bollard::models::{HealthConfig, ImageHistoryResponseItem, ImageInspect};

use crate::engine::described::{Described, DescribedHealth};
use crate::engine::{EngineError, HistoryStep, Image};

/// Translates what `GET /images/NAME/json` answers.
pub(super) fn describe(reference: String, image: ImageInspect) -> Result<Image, EngineError> {
    let Some(id) = image.id else {
        return Err(EngineError::Failed {
            step: "inspect an image",
            reason: format!("its answer about `{reference}` has no id"),
        });
    };
    let config = image.config.unwrap_or_default();
    let layers = image.root_fs.and_then(|root| root.layers);
    let described = Described {
        env: config.env.unwrap_or_default(),
        labels: config.labels.unwrap_or_default().into_iter().collect(),
        entrypoint: config.entrypoint.unwrap_or_default(),
        cmd: config.cmd.unwrap_or_default(),
        user: config.user.unwrap_or_default(),
        workdir: config.working_dir.unwrap_or_default(),
        shell: config.shell.unwrap_or_default(),
        exposed_ports: config.exposed_ports.unwrap_or_default(),
        volumes: config.volumes.unwrap_or_default(),
        healthcheck: config.healthcheck.map(healthcheck),
        stop_signal: config.stop_signal.unwrap_or_default(),
        onbuild: config.on_build.unwrap_or_default(),
        architecture: image.architecture.unwrap_or_default(),
        variant: image.variant.unwrap_or_default(),
        os: image.os.unwrap_or_default(),
    };
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
        config: described.read(),
    })
}

/// Translates one item of what `GET /images/NAME/history` answers.
pub(super) fn history_step(item: ImageHistoryResponseItem) -> HistoryStep {
    HistoryStep {
        created_by: item.created_by,
        size: u64::try_from(item.size).unwrap_or(0),
    }
}

fn healthcheck(config: HealthConfig) -> DescribedHealth {
    DescribedHealth {
        test: config.test,
        interval: config.interval,
        timeout: config.timeout,
        start_period: config.start_period,
        retries: config.retries,
    }
}
