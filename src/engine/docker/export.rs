//! A whole image out of the engine, as `docker save` writes it.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use futures_util::StreamExt;

use super::connection::Connection;
use super::engine::DockerEngine;
use super::steps::{failure, is_not_found, step};
use crate::engine::{EngineError, Image, Waiter};

const EXPORT: &str = "export an image";

/// Fetches one image when it is needed, on whatever thread that is.
pub(crate) struct Exporter {
    connection: Connection,
    waiter: Waiter,
    id: String,
    reference: String,
}

impl DockerEngine {
    /// What fetches `image`.
    pub(crate) fn exporter(&self, image: &Image) -> Exporter {
        Exporter {
            connection: self.connection.clone(),
            waiter: self.waiter.clone(),
            id: image.id.clone(),
            reference: image.reference.clone(),
        }
    }
}

impl Exporter {
    /// Fetches the image into a file of `folder` that has no name, so that nothing can stay behind.
    ///
    /// # Errors
    /// When the engine has it no more or breaks off, or the file can't be written.
    pub(crate) fn export(&self, folder: &Path) -> Result<File, EngineError> {
        let unwritable = |error: io::Error| EngineError::Failed {
            step: EXPORT,
            reason: format!("can't write to {}: {error}", folder.display()),
        };
        let mut file = tempfile::tempfile_in(folder).map_err(unwritable)?;
        let fetched = async {
            let docker = self.connection.docker();
            let mut pieces = Box::pin(docker.export_image(&self.id));
            // The deadline is for each piece: a large image takes as long as it takes.
            loop {
                let next = async { Ok(pieces.next().await) };
                match step(&self.connection, EXPORT, next).await? {
                    Some(Ok(piece)) => file.write_all(&piece).map_err(unwritable)?,
                    Some(Err(error)) => {
                        let error = failure(&self.connection, EXPORT, &error);
                        return Err(self.explained(error).await);
                    }
                    None => return Ok(()),
                }
            }
        };
        self.waiter.wait(fetched)?;
        Ok(file)
    }

    /// Docker calls an image that is gone a fault of its own.
    async fn explained(&self, error: EngineError) -> EngineError {
        let request = async {
            match self.connection.docker().inspect_image(&self.id).await {
                Err(answer) if is_not_found(&answer) => Ok(true),
                answer => answer.map(|_| false),
            }
        };
        match step(&self.connection, "inspect an image", request).await {
            Ok(true) => EngineError::ImageGone {
                reference: self.reference.clone(),
            },
            _ => error,
        }
    }
}
