//! Unpacking and removing layers, done by the helper.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use super::client::{Helper, failed};
use super::helper::{Answer, Request};
use super::layer::{Content, Digest};
use super::store::Hands;
use super::unpack::{Form, Owners, Unpacked};
use crate::engine::EngineError;

const UNPACK: &str = "unpack a layer";
const REMOVE: &str = "remove a layer";

/// Lets the helper do it: it may touch what belongs to the users of a container.
#[derive(Debug)]
pub(super) struct HelperHands {
    pub(super) helper: Arc<Helper>,
    pub(super) form: Form,
    pub(super) owners: Owners,
}

impl HelperHands {
    fn ask(&self, request: &Request, file: &File) -> Result<Unpacked, EngineError> {
        match self
            .helper
            .lease()?
            .ask(UNPACK, request, &[file.as_fd()])?
            .0
        {
            Answer::Unpacked(unpacked) => Ok(unpacked),
            other => Err(failed(
                UNPACK,
                format!("its helper process answered {other:?}"),
            )),
        }
    }

    /// Fetches a layer and passes it on as it comes.
    fn unpack_stream(
        &self,
        mut source: Box<dyn Read + Send>,
        request: &Request,
    ) -> Result<Unpacked, EngineError> {
        let (reader, mut writer) = io::pipe().map_err(|error| failed(UNPACK, error))?;
        let reader = File::from(std::os::fd::OwnedFd::from(reader));
        thread::scope(|scope| {
            let fetching = scope.spawn(move || -> io::Result<()> {
                let mut buffer = vec![0; 256 << 10];
                loop {
                    let count = match source.read(&mut buffer) {
                        Ok(0) => return Ok(()),
                        Ok(count) => count,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                        Err(error) => return Err(error),
                    };
                    if writer.write_all(&buffer[..count]).is_err() {
                        // Nobody wants more of it: why, the helper says.
                        return Ok(());
                    }
                }
            });
            let unpacked = self.ask(request, &reader);
            drop(reader);
            match fetching.join() {
                // What breaks off looks like a layer that is cut short; this is why.
                Ok(Err(error)) => Err(failed("fetch a layer", error)),
                Ok(Ok(())) => unpacked,
                Err(_) => Err(failed(UNPACK, "fetching it broke off")),
            }
        })
    }
}

impl Hands for HelperHands {
    fn form(&self) -> Form {
        self.form
    }

    fn owners(&self) -> Owners {
        self.owners
    }

    fn unpack(
        &self,
        content: &Content,
        diff_id: &Digest,
        target: &Path,
    ) -> Result<Unpacked, EngineError> {
        let request = |part, digest: &Option<Digest>| Request::Unpack {
            part,
            digest: digest.clone(),
            diff_id: diff_id.clone(),
            target: target.to_owned(),
            form: self.form,
            owners: self.owners,
        };
        match content {
            Content::File {
                file,
                offset,
                length,
                digest,
            } => self.ask(&request(Some((*offset, *length)), digest), file),
            Content::Remote { open, digest } => self.unpack_stream(open()?, &request(None, digest)),
            Content::Folder(path) => {
                let reason = format!("{} is a folder already", path.display());
                Err(failed(UNPACK, reason))
            }
        }
    }

    fn remove(&self, path: &Path) -> Result<(), EngineError> {
        let request = Request::Remove(path.to_owned());
        self.helper.lease()?.ask(REMOVE, &request, &[]).map(drop)
    }
}
