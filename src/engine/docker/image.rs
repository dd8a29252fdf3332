//! The engine's description of an image → ours.

use bollard::models::ImageInspect;

use crate::engine::{EngineError, Image, ImageConfig};

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
    Ok(Image {
        reference,
        // Podman leaves the algorithm out.
        id: if id.contains(':') {
            id
        } else {
            format!("sha256:{id}")
        },
        repo_digests: image.repo_digests.unwrap_or_default(),
        size: image
            .size
            .and_then(|size| u64::try_from(size).ok())
            .unwrap_or(0),
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
            architecture: image.architecture.unwrap_or_default(),
            os: image.os.unwrap_or_default(),
        },
    })
}
