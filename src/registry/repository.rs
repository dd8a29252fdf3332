//! One repository of a registry: its manifests and tags.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, Response};

use super::authority::Scope;
use super::blob::BlobReader;
use super::client::{Ask, Client, TRIES, bounded, is_page};
use super::descriptor::{MANIFEST_LIMIT, MANIFESTS, Manifest};
use super::digest::Digest;
use super::error::RegistryError;
use super::reference::{RepositoryName, Version};

/// What a registry says the digest of something is.
const DIGEST: &str = "docker-content-digest";

/// A repository of a registry, with the credentials for it. Clones share what the registry was shown.
///
/// The calls block: on threads that may wait. Many threads may call at once. Each request is made again,
/// within bounds, when the connection breaks or the registry is busy (408, 429, 5xx).
#[derive(Clone)]
pub struct Repository {
    pub(super) client: Arc<Client>,
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Repository").field(self.name()).finish()
    }
}

/// Something small that was fetched.
struct Whole {
    /// What it is, if that is said.
    media_type: Option<String>,
    /// Its digest, if that is said.
    digest: Option<String>,
    bytes: Vec<u8>,
}

impl Repository {
    pub(super) fn new(client: Arc<Client>) -> Self {
        Self { client }
    }

    /// Its name.
    pub fn name(&self) -> &RepositoryName {
        &self.client.name
    }

    /// A manifest or an index, whose bytes have the digest that they must have; `None` if there is
    /// none.
    ///
    /// # Errors
    /// [`RegistryError::Mismatch`] when the bytes are others than they are said to be, and all that
    /// comes up between here and the registry.
    pub fn manifest(&self, version: &Version) -> Result<Option<Manifest>, RegistryError> {
        self.client.wait(self.find_manifest(version))
    }

    /// What the registry says the digest of a manifest or an index is; `None` if there is none. Its
    /// bytes are not looked at.
    ///
    /// # Errors
    /// As for [`manifest`](Self::manifest).
    pub fn digest_of(&self, version: &Version) -> Result<Option<Digest>, RegistryError> {
        self.client.wait(async {
            let path = format!("manifests/{version}");
            let ask = self
                .client
                .below(Method::HEAD, Scope::Pull, "image", &path)?
                .header(ACCEPT, MANIFESTS.join(", "));
            let Some(response) = self.client.find(&ask).await? else {
                return Ok(None);
            };
            match said_digest(&response).and_then(|it| Digest::parse(&it)) {
                Some(digest) => Ok(Some(digest)),
                None => Ok(self.find_manifest(version).await?.map(|it| it.digest)),
            }
        })
    }

    /// Puts a manifest or an index where `version` says: by its digest, or under a tag. All that it
    /// points to must be there before.
    ///
    /// # Errors
    /// [`RegistryError::Mismatch`] when the registry says that it has another digest.
    pub fn put_manifest(
        &self,
        version: &Version,
        manifest: &Manifest,
    ) -> Result<Digest, RegistryError> {
        self.client.wait(self.send_manifest(version, manifest))
    }

    pub(super) async fn send_manifest(
        &self,
        version: &Version,
        manifest: &Manifest,
    ) -> Result<Digest, RegistryError> {
        if let Version::Digest(digest) = version {
            self.expect("the manifest", digest, &manifest.digest)?;
        }
        let path = format!("manifests/{version}");
        let mut ask = self
            .client
            .below(Method::PUT, Scope::Push, "manifest", &path)?
            .header(CONTENT_TYPE, &manifest.media_type);
        ask.body = Bytes::from(manifest.bytes.clone());
        let response = self.client.ask(&ask).await?;
        if let Some(said) = said_digest(&response).and_then(|it| Digest::parse(&it)) {
            self.expect("the manifest in the registry", &manifest.digest, &said)?;
        }
        Ok(manifest.digest.clone())
    }

    /// Reads a manifest back, and compares it with what was sent: every byte.
    ///
    /// # Errors
    /// [`RegistryError::Mismatch`] when it is another, [`RegistryError::NotThere`] when there is none.
    pub fn verify_pushed(
        &self,
        version: &Version,
        manifest: &Manifest,
    ) -> Result<(), RegistryError> {
        self.client.wait(self.read_back(version, manifest))
    }

    pub(super) async fn read_back(
        &self,
        version: &Version,
        manifest: &Manifest,
    ) -> Result<(), RegistryError> {
        let found = self.find_manifest(version).await?;
        let found = found.ok_or_else(|| RegistryError::NotThere {
            place: self.client.shown().to_owned(),
            reason: format!("{} has no {version} after it was sent", self.client.host()),
        })?;
        self.expect(
            "the manifest in the registry",
            &manifest.digest,
            &found.digest,
        )
    }

    /// The names of all tags; none if there is no such repository.
    ///
    /// # Errors
    /// When the registry does not say.
    pub fn tags(&self) -> Result<Vec<String>, RegistryError> {
        super::tags::tags(&self.client)
    }

    /// Something small by its digest, of at most `limit` bytes; `None` if it is not there.
    ///
    /// # Errors
    /// [`RegistryError::Mismatch`] when other bytes come.
    pub fn blob(&self, digest: &Digest, limit: u64) -> Result<Option<Vec<u8>>, RegistryError> {
        let found = self.client.wait(async {
            let ask = self.client.get("blob", &format!("blobs/{digest}"))?;
            self.whole(&ask, limit).await
        });
        match found {
            Ok(whole) => {
                self.expect("the blob", digest, &Digest::of(&whole.bytes))?;
                Ok(Some(whole.bytes))
            }
            Err(RegistryError::NotThere { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The bytes of something small, unchecked; `what` is its name in messages.
    pub(crate) fn bytes(
        &self,
        what: &str,
        path: &str,
        limit: u64,
    ) -> Result<Vec<u8>, RegistryError> {
        self.client.wait(async {
            let ask = self.client.get(what, path)?;
            Ok(self.whole(&ask, limit).await?.bytes)
        })
    }

    /// Begins to read a blob of any size. What comes is not checked.
    pub(crate) fn reader(&self, digest: &Digest, size: u64) -> Result<BlobReader, RegistryError> {
        BlobReader::open(Arc::clone(&self.client), digest, size)
    }

    /// What messages call it.
    pub(crate) fn shown(&self) -> &str {
        self.client.shown()
    }

    pub(crate) fn failed(&self, reason: String) -> RegistryError {
        self.client.failed(reason)
    }

    /// A manifest that must be there.
    pub(crate) fn fetch(&self, version: &Version) -> Result<Manifest, RegistryError> {
        self.client.wait(self.fetch_manifest(version))
    }

    pub(super) async fn find_manifest(
        &self,
        version: &Version,
    ) -> Result<Option<Manifest>, RegistryError> {
        match self.fetch_manifest(version).await {
            Ok(manifest) => Ok(Some(manifest)),
            Err(RegistryError::NotThere { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn fetch_manifest(&self, version: &Version) -> Result<Manifest, RegistryError> {
        let path = format!("manifests/{version}");
        let ask = self.client.get("image", &path)?;
        let ask = ask.header(ACCEPT, MANIFESTS.join(", "));
        let whole = self.whole(&ask, MANIFEST_LIMIT).await?;
        let found = Digest::of(&whole.bytes);
        let said = whole.digest.as_deref().and_then(Digest::parse);
        let wanted = match version {
            Version::Tag(_) => said,
            Version::Digest(digest) => Some(digest.clone()),
        };
        if let Some(wanted) = wanted {
            self.expect("the manifest", &wanted, &found)?;
        }
        let media_type = whole.media_type.unwrap_or_else(|| kind_of(&whole.bytes));
        Ok(Manifest {
            media_type,
            digest: found,
            bytes: whole.bytes,
        })
    }

    pub(super) fn expect(
        &self,
        what: &'static str,
        expected: &Digest,
        found: &Digest,
    ) -> Result<(), RegistryError> {
        if expected == found {
            return Ok(());
        }
        Err(RegistryError::Mismatch {
            place: self.client.shown().to_owned(),
            what,
            expected: expected.clone(),
            found: found.clone(),
        })
    }

    /// Fetches something small. What breaks off is fetched once more.
    async fn whole(&self, ask: &Ask<'_>, limit: u64) -> Result<Whole, RegistryError> {
        let client = &self.client;
        for _ in 0..TRIES {
            let response = client.ask(ask).await?;
            if is_page(&response) {
                let host = client.host();
                let reason = format!("{host} answers with a web page: it is no registry");
                return Err(client.failed(reason));
            }
            if response
                .content_length()
                .is_some_and(|length| length > limit)
            {
                let reason = format!("the {} is larger than {limit} bytes", ask.what);
                return Err(client.failed(reason));
            }
            let digest = said_digest(&response);
            let media_type = media_type(&response);
            if let Some(bytes) = bounded(response, limit).await {
                return Ok(Whole {
                    media_type,
                    digest,
                    bytes,
                });
            }
        }
        let reason = format!(
            "the {} breaks off, or is larger than {limit} bytes",
            ask.what
        );
        Err(client.failed(reason))
    }
}

fn said_digest(response: &Response) -> Option<String> {
    let said = response.headers().get(DIGEST)?;
    said.to_str().ok().map(ToOwned::to_owned)
}

/// The type of a manifest that an answer says, without its parameters.
fn media_type(response: &Response) -> Option<String> {
    let said = response.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let kind = said.split(';').next().unwrap_or(said).trim();
    MANIFESTS.contains(&kind).then(|| kind.to_owned())
}

/// What a manifest says of itself; an old one says nothing.
fn kind_of(bytes: &[u8]) -> String {
    let found: Option<serde_json::Value> = serde_json::from_slice(bytes).ok();
    let said = found.as_ref().and_then(|it| it.get("mediaType")?.as_str());
    let has_entries = found
        .as_ref()
        .is_some_and(|it| it.get("manifests").is_some());
    let usual = if has_entries {
        MANIFESTS[1]
    } else {
        MANIFESTS[0]
    };
    let known = said.filter(|kind| MANIFESTS.contains(kind));
    known.unwrap_or(usual).to_owned()
}
