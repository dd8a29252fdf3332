//! OCI image layouts (OCI image spec, "Image Layout"), as folders and as archives.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::choice;
use super::image::SourceImage;
use super::manifest::{Blob, Blobs, CONFIG_LIMIT, Document, MANIFEST_LIMIT, resolve};
use super::platform::Platform;
use super::problem::unreadable;
use super::reference::LayoutTag;
use super::tarball::Tarball;
use crate::engine::EngineError;
use crate::engine::embedded::layer::{Content, Digest};

pub(super) const MARKER: &str = "oci-layout";
const INDEX: &str = "index.json";
/// The largest file that says which layout it is, in bytes.
const MARKER_LIMIT: u64 = 64 << 10;

/// Files by their names: of a folder, or of an archive.
pub(super) enum Layout {
    Folder { place: String, path: PathBuf },
    Archive { place: String, tarball: Tarball },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    image_layout_version: String,
}

impl Layout {
    /// A folder, which messages call `place`.
    pub(super) fn folder(place: &str, path: &Path) -> Result<Self, EngineError> {
        match path.metadata() {
            Ok(found) if found.is_dir() => Ok(Self::Folder {
                place: place.to_owned(),
                path: path.to_owned(),
            }),
            Ok(_) => Err(unreadable(
                place,
                "it is not a folder; an archive is written `oci-archive:` or `docker-archive:`",
            )),
            Err(error) => Err(unreadable(place, error)),
        }
    }

    /// Finds the image that `tag` and `platform` mean.
    pub(super) fn load(
        &self,
        tag: &LayoutTag,
        platform: &Platform,
    ) -> Result<SourceImage, EngineError> {
        let place = self.place();
        let marker = self.read(MARKER, MARKER_LIMIT)?;
        let marker: Marker = serde_json::from_slice(&marker)
            .map_err(|error| unreadable(&place, format!("{MARKER} can't be read: {error}")))?;
        if !marker.image_layout_version.starts_with("1.") {
            let reason = format!(
                "it is a layout of version {}; only 1 is known",
                marker.image_layout_version
            );
            return Err(unreadable(place, reason));
        }
        let bytes = self.read(INDEX, MANIFEST_LIMIT)?;
        let index = Document::read(&place, INDEX, &bytes)?;
        let Some(entries) = index.manifests else {
            return Err(unreadable(place, format!("{INDEX} is no index")));
        };
        let first = match choice::of_layout(&place, &entries, tag)? {
            Some(first) => first,
            None => choice::for_platform(&place, &entries, platform)?,
        };
        resolve(self, first, platform)
    }

    fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, EngineError> {
        let (place, path) = match self {
            Self::Archive { tarball, .. } => return tarball.read(name, limit),
            Self::Folder { place, path } => (place, path.join(name)),
        };
        let (file, _) = open(place, name, &path)?;
        let mut bytes = Vec::new();
        file.take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable(place, format!("{name}: {error}")))?;
        if bytes.len() as u64 > limit {
            return Err(unreadable(
                place,
                format!("{name} is larger than {limit} bytes"),
            ));
        }
        Ok(bytes)
    }
}

impl Blobs for Layout {
    fn place(&self) -> String {
        match self {
            Self::Folder { place, .. } | Self::Archive { place, .. } => place.clone(),
        }
    }

    fn manifest(&self, blob: &Blob) -> Result<Vec<u8>, EngineError> {
        self.read(&blob_name(&blob.digest), MANIFEST_LIMIT)
    }

    fn config(&self, blob: &Blob) -> Result<Vec<u8>, EngineError> {
        self.read(&blob_name(&blob.digest), CONFIG_LIMIT)
    }

    fn layer(&self, blob: &Blob) -> Result<Content, EngineError> {
        let name = blob_name(&blob.digest);
        let digest = Some(blob.digest.clone());
        let content = match self {
            Self::Archive { tarball, .. } => tarball.content(&name, digest)?,
            Self::Folder { place, path } => {
                let (file, length) = open(place, &name, &path.join(&name))?;
                Content::File {
                    file: Arc::new(file),
                    offset: 0,
                    length,
                    digest,
                }
            }
        };
        match (&content, blob.size) {
            (Content::File { length, .. }, Some(size)) if *length != size => {
                let reason = format!("{name} has {length} bytes, but {size} are said");
                Err(unreadable(self.place(), reason))
            }
            _ => Ok(content),
        }
    }
}

fn blob_name(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// Opens a regular file and tells its size.
fn open(place: &str, name: &str, path: &Path) -> Result<(File, u64), EngineError> {
    let broken = |error: io::Error| unreadable(place, format!("{name}: {error}"));
    // Before it is opened: a pipe would wait for whoever writes.
    if !path.metadata().map_err(broken)?.is_file() {
        return Err(unreadable(place, format!("{name} is not a regular file")));
    }
    let file = File::open(path).map_err(broken)?;
    let length = file.metadata().map_err(broken)?.len();
    Ok((file, length))
}
