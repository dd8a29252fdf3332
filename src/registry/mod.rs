//! Registries (OCI distribution spec): images are fetched from them and pushed to them.
//!
//! [`Registries`] leads to a [`Repository`]. This room knows nothing of specs and verdicts: what may be
//! pushed is for others to say.

mod authority;
mod blob;
mod body;
mod client;
mod content;
mod credentials;
pub(crate) mod decompress;
mod descriptor;
mod digest;
mod error;
mod gzip;
mod http;
mod index;
mod known;
mod layer_cache;
mod parts;
mod place;
mod prepared;
mod push;
mod reference;
mod referrers;
mod registries;
mod repository;
mod tags;
mod upload;
mod words;

pub use content::Blob;
pub use descriptor::{
    Descriptor, MANIFEST_LIMIT, MANIFESTS, Manifest, OCI_INDEX, OCI_MANIFEST, PlatformEntry,
};
pub use digest::{Digest, Hasher};
pub use error::RegistryError;
pub use index::{index, index_entries};
pub use layer_cache::LayerCache;
pub(crate) use parts::FilePart;
pub use parts::{ImageParts, LayerContent, LayerPart, OpenLayer};
pub use prepared::Prepared;
pub use push::{How, PushEvent, PushListener, Pushed, Target, push};
pub(crate) use reference::{DEFAULT_TAG, is_id};
pub use reference::{RegistryReference, RepositoryName, Version};
pub use referrers::Artifact;
pub use registries::Registries;
pub use repository::Repository;
