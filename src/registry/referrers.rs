//! What refers to an image: attestations and the like (OCI distribution spec, "Listing Referrers").
//!
//! A registry that does not list them itself has a list under a tag that is made of the digest. Nobody
//! guards that list: whoever changes it reads it before and after, and puts back what another has lost.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::authority::Scope;
use super::client::TRIES;
use super::content::Blob;
use super::descriptor::{Descriptor, MANIFEST_LIMIT, Manifest, OCI_INDEX, OCI_MANIFEST};
use super::digest::Digest;
use super::error::RegistryError;
use super::prepared::json;
use super::reference::Version;
use super::repository::Repository;
use super::tags::pages;

/// The configuration of what has none (OCI image spec, "Guidance for an Empty Descriptor").
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
const EMPTY: &[u8] = b"{}";
/// How long it is waited at least before a list is read again that others may have changed, and at most.
const SETTLED: (Duration, Duration) = (Duration::from_millis(150), Duration::from_secs(2));

/// Something that belongs to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// What kind of artifact it is, as a media type.
    pub artifact_type: String,
    /// The media type of its content.
    pub media_type: String,
    /// Its content.
    pub payload: Vec<u8>,
    /// What else is said of it; lists of referrers have this, too.
    pub annotations: BTreeMap<String, String>,
}

/// The manifest of an artifact.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    schema_version: u32,
    media_type: &'static str,
    artifact_type: &'a str,
    config: Descriptor,
    layers: Vec<Descriptor>,
    subject: Descriptor,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

/// A list of referrers. Its entries are kept as they are.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    schema_version: u32,
    #[serde(default = "index_type")]
    media_type: String,
    #[serde(default)]
    manifests: Vec<Descriptor>,
    #[serde(flatten)]
    others: serde_json::Map<String, serde_json::Value>,
}

fn index_type() -> String {
    OCI_INDEX.to_owned()
}

impl Repository {
    /// What refers to a manifest or an index: all, or that of a kind: in the registry's own list, and in
    /// that which clients keep for it.
    ///
    /// # Errors
    /// When there is a list that can't be read.
    pub fn referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        self.client.wait(async {
            // What was attached before a registry kept a list may be in the other one alone.
            let mut found = self.listed(subject).await?.unwrap_or_default();
            for entry in self.kept(subject).await?.manifests {
                if !found.iter().any(|known| known.digest == entry.digest) {
                    found.push(entry);
                }
            }
            let is_wanted = |it: &Descriptor| match artifact_type {
                Some(_) => it.artifact_type.as_deref() == artifact_type,
                None => true,
            };
            Ok(found.into_iter().filter(is_wanted).collect())
        })
    }

    /// Attaches something to a manifest or an index of this repository: the descriptor that lists have
    /// of it.
    ///
    /// # Errors
    /// When it can't be sent, or is not in the list in the end.
    pub fn attach_referrer(
        &self,
        subject: &Manifest,
        artifact: &Artifact,
    ) -> Result<Descriptor, RegistryError> {
        let payload = Blob::of_bytes(artifact.payload.clone());
        let empty = Blob::of_bytes(EMPTY);
        let written = Written {
            schema_version: 2,
            media_type: OCI_MANIFEST,
            artifact_type: &artifact.artifact_type,
            config: Descriptor::of(EMPTY_TYPE, &empty),
            layers: vec![Descriptor::of(&artifact.media_type, &payload)],
            subject: subject.descriptor(),
            annotations: &artifact.annotations,
        };
        let manifest = Manifest::new(OCI_MANIFEST, json(&written)?);
        let annotations = Some(artifact.annotations.clone());
        let entry = Descriptor {
            artifact_type: Some(artifact.artifact_type.clone()),
            annotations: annotations.filter(|it| !it.is_empty()),
            ..manifest.descriptor()
        };
        self.client.wait(async {
            for blob in [&empty, &payload] {
                if !self.is_there(blob.digest(), Scope::Push).await? {
                    self.send_blob(blob, &(std::sync::Arc::new(|_| {}) as _))
                        .await?;
                }
            }
            let version = Version::Digest(manifest.digest.clone());
            self.send_manifest(&version, &manifest).await?;
            // Some say that they have understood what it belongs to and list nothing, and others the
            // other way round: only the list tells.
            let listed = self.listed(&subject.digest).await?;
            let is_listed = |list: Vec<Descriptor>| list.iter().any(|it| it.digest == entry.digest);
            if !listed.is_some_and(is_listed) {
                self.enter(&subject.digest, &entry).await?;
            }
            Ok(entry)
        })
    }

    /// The registry's own list; `None` if it keeps none.
    async fn listed(&self, subject: &Digest) -> Result<Option<Vec<Descriptor>>, RegistryError> {
        let ask = self
            .client
            .get("list of referrers", &format!("referrers/{subject}"))?;
        let mut found = Vec::new();
        let is_there = pages(&self.client, ask, |bytes| {
            let list: List = serde_json::from_slice(bytes)?;
            found.extend(list.manifests);
            Ok(())
        });
        Ok(is_there.await?.then_some(found))
    }

    /// The list under a tag.
    async fn kept(&self, subject: &Digest) -> Result<List, RegistryError> {
        let version = list_tag(subject);
        let Some(manifest) = self.find_manifest(&version).await? else {
            return Ok(List {
                schema_version: 2,
                media_type: index_type(),
                manifests: Vec::new(),
                others: serde_json::Map::new(),
            });
        };
        serde_json::from_slice(&manifest.bytes).map_err(|error| {
            let reason = format!("the list of referrers {version} can't be read: {error}");
            self.client.failed(reason)
        })
    }

    /// Puts an entry into the list under a tag, until it is there when others had time to lose it.
    async fn enter(&self, subject: &Digest, entry: &Descriptor) -> Result<(), RegistryError> {
        let version = list_tag(subject);
        let one = self.client.known.guard(self.name(), subject);
        let _guard = one.lock().await;
        for _ in 0..2 * TRIES {
            let begun = Instant::now();
            let mut list = self.kept(subject).await?;
            if !list.manifests.iter().any(|it| it.digest == entry.digest) {
                list.manifests.push(entry.clone());
                let list = Manifest::new(OCI_INDEX, json(&list)?);
                if list.bytes.len() as u64 > MANIFEST_LIMIT {
                    let reason = format!("the list of referrers {version} would be too long");
                    return Err(self.client.failed(reason));
                }
                self.send_manifest(&version, &list).await?;
            }
            // Whoever read the list before that has written it by then.
            let wait = (3 * begun.elapsed()).clamp(SETTLED.0, SETTLED.1);
            tokio::time::sleep(wait).await;
            let list = self.kept(subject).await?;
            if list.manifests.iter().any(|it| it.digest == entry.digest) {
                return Ok(());
            }
        }
        let reason = format!("others overwrite the list of referrers {version} again and again");
        Err(self.client.failed(reason))
    }
}

/// The tag of the list (OCI distribution spec, "Referrers Tag Schema").
fn list_tag(subject: &Digest) -> Version {
    Version::Tag(format!("sha256-{}", subject.hex()))
}
