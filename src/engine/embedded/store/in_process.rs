//! Hands that need no other process: those of real root.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use super::super::layer::{Content, Digest, Part};
use super::super::unpack::{Bounds, Expect, Form, Owners, Rules, UnpackError, Unpacked, unpack};
use super::hands::Hands;
use crate::engine::EngineError;

/// Works in this very process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InProcess;

impl Hands for InProcess {
    fn form(&self) -> Form {
        Form::Trusted
    }

    fn owners(&self) -> Owners {
        Owners::AsGiven
    }

    fn unpack(
        &self,
        content: &Content,
        diff_id: &Digest,
        target: &Path,
    ) -> Result<Unpacked, EngineError> {
        let (input, blob) = source(content)?;
        let expect = Expect {
            blob,
            diff_id: diff_id.clone(),
        };
        let rules = Rules {
            form: self.form(),
            owners: self.owners(),
            bounds: Bounds::default(),
        };
        let failed = |error: &dyn std::error::Error| EngineError::Failed {
            step: "unpack a layer",
            reason: format!("{error} (unpacked to {})", target.display()),
        };
        let folder = File::open(target).map_err(|error| failed(&error))?;
        let done: Result<_, UnpackError> = unpack(input, &expect, folder.as_fd(), &rules);
        done.map_err(|error| failed(&error))
    }

    fn remove(&self, path: &Path) -> Result<(), EngineError> {
        let removed = match path.symlink_metadata() {
            Ok(stat) if stat.is_dir() => std::fs::remove_dir_all(path),
            Ok(_) => std::fs::remove_file(path),
            Err(error) => Err(error),
        };
        match removed {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(EngineError::Failed {
                step: "remove a layer",
                reason: format!("{}: {error}", path.display()),
            }),
            _ => Ok(()),
        }
    }
}

/// The bytes of a layer as they come, and the digest that they must have, if anybody says so.
///
/// # Errors
/// When it can't be fetched, or is a folder.
pub(crate) fn source(
    content: &Content,
) -> Result<(Box<dyn Read + Send>, Option<Digest>), EngineError> {
    match content {
        Content::File {
            file,
            offset,
            length,
            digest,
        } => {
            let part = Part::new(Arc::clone(file), *offset, *length);
            Ok((Box::new(part), digest.clone()))
        }
        Content::Remote { open, digest } => Ok((open()?, digest.clone())),
        Content::Folder(path) => Err(EngineError::Failed {
            step: "unpack a layer",
            reason: format!("{} is a folder already", path.display()),
        }),
    }
}
