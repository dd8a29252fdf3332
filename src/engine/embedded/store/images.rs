//! Records of images: their configuration and layers, and the names that stand for them.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::super::layer::Digest;
use super::error::StoreError;
use super::folder;
use super::store::Store;

/// An image, as it was found once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImageRecord {
    /// The very bytes of its configuration.
    pub(crate) config: Vec<u8>,
    /// Its layers, from the lowest.
    pub(crate) diff_ids: Vec<Digest>,
}

#[derive(Serialize, Deserialize)]
struct ImageFile {
    /// JSON, so text; its digest counts, so the same text to the last blank.
    config: String,
    diff_ids: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct ReferenceFile {
    reference: String,
    config: String,
}

impl Store {
    /// Notes an image under the digest of its configuration, which is returned.
    ///
    /// # Errors
    /// When it can't be written, or its configuration is no text.
    pub(crate) fn put_image(&self, image: &ImageRecord) -> Result<Digest, StoreError> {
        let name = sum(&image.config);
        let path = self.image_path(&name);
        let invalid = |error: std::string::FromUtf8Error| {
            StoreError::io("write", &path)(std::io::Error::new(ErrorKind::InvalidData, error))
        };
        let file = ImageFile {
            config: String::from_utf8(image.config.clone()).map_err(invalid)?,
            diff_ids: image.diff_ids.iter().map(Digest::to_string).collect(),
        };
        self.put(&path, &file)?;
        let digest = Digest::parse(&format!("sha256:{name}"));
        digest.ok_or(StoreError::Foreign(path))
    }

    /// The image whose configuration has this digest, if it is known. A damaged record is none.
    ///
    /// # Errors
    /// When it can't be read.
    pub(crate) fn image(&self, config: &Digest) -> Result<Option<ImageRecord>, StoreError> {
        let Some(file) = get::<ImageFile>(&self.image_path(config.hex()))? else {
            return Ok(None);
        };
        if sum(file.config.as_bytes()) != config.hex() {
            return Ok(None);
        }
        let diff_ids = file.diff_ids.iter().map(|id| Digest::parse(id));
        let diff_ids: Option<Vec<_>> = diff_ids.collect();
        Ok(diff_ids.map(|diff_ids| ImageRecord {
            config: file.config.into_bytes(),
            diff_ids,
        }))
    }

    /// Notes which image a name stands for now.
    ///
    /// # Errors
    /// When it can't be written.
    pub(crate) fn put_reference(&self, reference: &str, config: &Digest) -> Result<(), StoreError> {
        let file = ReferenceFile {
            reference: reference.to_owned(),
            config: config.to_string(),
        };
        self.put(&self.reference_path(reference), &file)
    }

    /// The digest of the configuration of the image that a name stood for last.
    ///
    /// # Errors
    /// When it can't be read.
    pub(crate) fn reference(&self, reference: &str) -> Result<Option<Digest>, StoreError> {
        let file = get::<ReferenceFile>(&self.reference_path(reference))?;
        let file = file.filter(|file| file.reference == reference);
        Ok(file.and_then(|file| Digest::parse(&file.config)))
    }

    /// Forgets what a name stood for.
    ///
    /// # Errors
    /// When it can't be removed.
    pub(crate) fn remove_reference(&self, reference: &str) -> Result<(), StoreError> {
        let path = self.reference_path(reference);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(StoreError::io("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    fn image_path(&self, hex: &str) -> PathBuf {
        self.root.join("images").join(format!("{hex}.json"))
    }

    /// By its digest: a name may be long, and have slashes.
    fn reference_path(&self, reference: &str) -> PathBuf {
        let hex = sum(reference.as_bytes());
        self.root.join("references").join(format!("{hex}.json"))
    }

    fn put(&self, path: &Path, value: &impl Serialize) -> Result<(), StoreError> {
        let text = serde_json::to_vec_pretty(value)
            .map_err(|error| StoreError::io("write", path)(error.into()))?;
        folder::replace(&self.root, path, &text)
    }
}

/// What a file says; `None` if it is not there or damaged: it is only remembered.
fn get<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    match std::fs::read(path) {
        Ok(text) => Ok(serde_json::from_slice(&text).ok()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", path)(error)),
    }
}

/// A digest, as its 64 digits.
fn sum(bytes: &[u8]) -> String {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
