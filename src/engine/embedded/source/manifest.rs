//! Indexes and manifests: from the first descriptor to the configuration and the layers of the image
//! for one platform, with every digest checked on the way.

use serde::Deserialize;

use super::choice;
use super::config::Config;
use super::image::{Description, SourceImage};
use super::platform::{Platform, Said};
use super::problem::{digest_of, listed, unreadable};
use crate::engine::EngineError;
use crate::engine::embedded::layer::{Content, Digest, Layer};
pub(super) use crate::registry::{MANIFEST_LIMIT, MANIFESTS};
use crate::registry::{Manifest as Whole, OCI_MANIFEST};

/// The largest configuration that is read, in bytes.
pub(super) const CONFIG_LIMIT: u64 = 16 << 20;
/// How many indexes may lie in each other.
const DEPTH: usize = 4;

const CONFIGS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];
const LAYERS: [&str; 6] = [
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
];

/// Something with content by its digest.
pub(super) trait Blobs {
    /// What it is called in messages.
    fn place(&self) -> String;

    /// The bytes of an index or a manifest. They need not be checked.
    ///
    /// # Errors
    /// When it is not there or larger than [`MANIFEST_LIMIT`].
    fn manifest(&self, blob: &Blob) -> Result<Vec<u8>, EngineError>;

    /// The bytes of a configuration. They need not be checked.
    ///
    /// # Errors
    /// When it is not there.
    fn config(&self, blob: &Blob) -> Result<Vec<u8>, EngineError>;

    /// Where a layer is.
    ///
    /// # Errors
    /// When it is not there, as far as that is known already.
    fn layer(&self, blob: &Blob) -> Result<Content, EngineError>;
}

/// What is content by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blob {
    pub(super) digest: Digest,
    /// How many bytes it has; `None` if nobody says so.
    pub(super) size: Option<u64>,
}

/// A descriptor as it is written (OCI image spec, "Content Descriptors").
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: Option<String>,
    pub(super) digest: String,
    pub(super) size: u64,
    pub(super) platform: Option<Said>,
    pub(super) annotations: Option<std::collections::BTreeMap<String, String>>,
}

/// An index, a manifest list or a manifest: the keys of all, since old ones don't say what they are.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    schema_version: Option<u64>,
    media_type: Option<String>,
    pub(super) manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
}

/// A manifest that was found and checked.
struct Manifest {
    whole: Whole,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

impl Descriptor {
    pub(super) fn blob(&self, place: &str) -> Result<Blob, EngineError> {
        let Some(digest) = Digest::parse(&self.digest) else {
            let reason = format!(
                "`{}` is no sha256 digest, and no other is known",
                self.digest
            );
            return Err(unreadable(place, reason));
        };
        Ok(Blob {
            digest,
            size: Some(self.size),
        })
    }
}

impl Document {
    pub(super) fn read(place: &str, name: &str, bytes: &[u8]) -> Result<Self, EngineError> {
        let broken = |reason: String| unreadable(place, format!("{name} {reason}"));
        let document: Self = serde_json::from_slice(bytes)
            .map_err(|error| broken(format!("can't be read: {error}")))?;
        if document.schema_version != Some(2) {
            let version = document.schema_version.unwrap_or_default();
            return Err(broken(format!(
                "is of schema version {version}; only 2 is known"
            )));
        }
        // The same bytes must not be one thing to us and another to those who go by the type.
        let is_index = document.manifests.is_some();
        let is_manifest = document.config.is_some() || document.layers.is_some();
        if is_index == is_manifest {
            return Err(broken("is neither an index nor a manifest".to_owned()));
        }
        if let Some(kind) = &document.media_type {
            let says_index = kind.contains("index") || kind.contains("list");
            if !MANIFESTS.contains(&kind.as_str()) || says_index != is_index {
                return Err(broken(format!("says that it is `{kind}`")));
            }
        }
        Ok(document)
    }
}

/// Follows `first` to the image for `platform`.
pub(super) fn resolve(
    blobs: &dyn Blobs,
    first: Blob,
    platform: &Platform,
) -> Result<SourceImage, EngineError> {
    let mut next = first;
    for _ in 0..DEPTH {
        match read_manifest(blobs, &next)? {
            Read::Manifest(manifest) => return load(blobs, *manifest),
            Read::Index(entries) => {
                next = choice::for_platform(&blobs.place(), &entries, platform)?;
            }
        }
    }
    let reason = format!("more than {DEPTH} indexes lie in each other");
    Err(unreadable(blobs.place(), reason))
}

enum Read {
    Manifest(Box<Manifest>),
    Index(Vec<Descriptor>),
}

fn read_manifest(blobs: &dyn Blobs, blob: &Blob) -> Result<Read, EngineError> {
    let place = blobs.place();
    let bytes = blobs.manifest(blob)?;
    check(&place, "the manifest", blob, &bytes)?;
    let name = format!("the manifest {}", blob.digest);
    let document = Document::read(&place, &name, &bytes)?;
    match document {
        Document {
            manifests: Some(entries),
            ..
        } => Ok(Read::Index(entries)),
        Document {
            config: Some(config),
            layers,
            media_type,
            ..
        } => Ok(Read::Manifest(Box::new(Manifest {
            whole: Whole {
                // Old ones don't say it, but then there is only one that they can be.
                media_type: media_type.unwrap_or_else(|| OCI_MANIFEST.to_owned()),
                digest: blob.digest.clone(),
                bytes,
            },
            config,
            layers: layers.unwrap_or_default(),
        }))),
        _ => Err(unreadable(place, format!("{name} has no configuration"))),
    }
}

/// Refuses bytes that are not those of the digest.
pub(super) fn check(place: &str, what: &str, blob: &Blob, bytes: &[u8]) -> Result<(), EngineError> {
    if blob.size.is_some_and(|size| size != bytes.len() as u64) {
        let reason = format!(
            "{what} {} has {} bytes, but {} are said",
            blob.digest,
            bytes.len(),
            blob.size.unwrap_or_default()
        );
        return Err(unreadable(place, reason));
    }
    let found = digest_of(bytes);
    if found == blob.digest {
        return Ok(());
    }
    let reason = format!(
        "{what} must have the digest {}, but has {found}",
        blob.digest
    );
    Err(unreadable(place, reason))
}

fn load(blobs: &dyn Blobs, manifest: Manifest) -> Result<SourceImage, EngineError> {
    let place = blobs.place();
    let kind = manifest.config.media_type.as_deref().unwrap_or_default();
    if !CONFIGS.contains(&kind) {
        let reason = format!("it is no image of a container: its configuration is `{kind}`");
        return Err(unreadable(place, reason));
    }
    for layer in &manifest.layers {
        let kind = layer.media_type.as_deref().unwrap_or_default();
        if let Some(why) = unfit_layer(kind) {
            return Err(unreadable(
                place,
                format!("the layer {} {why}", layer.digest),
            ));
        }
    }
    let blob = manifest.config.blob(&place)?;
    if blob.size.is_some_and(|size| size > CONFIG_LIMIT) {
        let reason = format!("the configuration is larger than {CONFIG_LIMIT} bytes");
        return Err(unreadable(place, reason));
    }
    let bytes = blobs.config(&blob)?;
    check(&place, "the configuration", &blob, &bytes)?;
    let config = Config::read(&place, &bytes)?;
    let contents = manifest.layers.iter().map(|layer| {
        let blob = layer.blob(&place)?;
        blobs.layer(&blob)
    });
    let contents = contents.collect::<Result<Vec<_>, _>>()?;
    Ok(SourceImage {
        id: blob.digest,
        layers: join(&place, &config, contents)?,
        config: Some(bytes),
        description: Description::Config(Box::new(config)),
        repo_digests: Vec::new(),
        manifest: Some(manifest.whole),
        kept: None,
    })
}

/// Brings the layers together with what the configuration says of them.
pub(super) fn join(
    place: &str,
    config: &Config,
    contents: Vec<Content>,
) -> Result<Vec<Layer>, EngineError> {
    let diff_ids = config.diff_ids(place)?;
    if diff_ids.len() != contents.len() {
        let reason = format!(
            "the configuration tells of {} layers, but there are {}",
            diff_ids.len(),
            contents.len()
        );
        return Err(unreadable(place, reason));
    }
    let layers = diff_ids.into_iter().zip(contents);
    let layer = |(diff_id, content)| Layer { diff_id, content };
    Ok(layers.map(layer).collect())
}

/// Why a layer of this type can't be used.
fn unfit_layer(kind: &str) -> Option<String> {
    if LAYERS.contains(&kind) {
        return None;
    }
    let says = |word| kind.contains(word);
    Some(match () {
        () if says("nondistributable") || says("foreign") => {
            format!("is not a part of the image: it must be had from its vendor (`{kind}`)")
        }
        () if says("encrypted") => format!("is encrypted (`{kind}`)"),
        () => format!(
            "is of the type `{kind}`; known are {}",
            listed(&LAYERS.map(ToOwned::to_owned))
        ),
    })
}
