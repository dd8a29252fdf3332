//! One image to several repositories at once.

use std::sync::Arc;

use futures_util::future::join_all;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::authority::Scope;
use super::body::Tell;
use super::content::Blob;
use super::digest::Digest;
use super::error::RegistryError;
use super::prepared::Prepared;
use super::reference::{RepositoryName, Version};
use super::repository::Repository;

/// How many blobs are sent to one repository at once.
const AT_ONCE: usize = 4;

/// Where an image is pushed to.
#[derive(Debug, Clone)]
pub struct Target {
    /// The repository.
    pub repository: Repository,
    /// Other repositories of the same registry, as paths, that blobs may be mounted from, such as those of
    /// the images that it is built on. Where this run has seen a blob before is known without that.
    pub mount_from: Vec<String>,
}

/// What was pushed to one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The digest of the manifest, which was read back.
    pub digest: Digest,
    /// How many blobs were sent.
    pub sent: usize,
    /// How many bytes these have.
    pub sent_bytes: u64,
    /// How many blobs came from other repositories of the registry.
    pub mounted: usize,
    /// How many blobs were there before.
    pub present: usize,
}

/// How a blob came to be in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It was there before.
    Present,
    /// It was in another repository of the same registry.
    Mounted,
    /// It was sent.
    Sent,
}

/// How a push goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushEvent {
    /// A blob is sent.
    Sending {
        /// Which one.
        digest: Digest,
        /// How many bytes it has.
        size: u64,
    },
    /// Bytes were given to the connection. What is sent again is told of again.
    Bytes {
        /// Of which blob.
        digest: Digest,
        /// How many more.
        bytes: u64,
    },
    /// A blob is there.
    Blob {
        /// Which one.
        digest: Digest,
        /// How.
        how: How,
    },
    /// The manifest is there by its digest, and was read back.
    Manifest {
        /// Its digest.
        digest: Digest,
    },
}

/// Is told how pushes go, by many threads at once.
pub trait PushListener: Send + Sync {
    /// Takes an event of a push to a repository.
    fn on(&self, target: &RepositoryName, event: &PushEvent);
}

/// Pushes an image to repositories, to all of them at once, and reads its manifest back by its digest. No
/// tag is set: that is for [`Repository::put_manifest`], when all went well. What is there already is not
/// sent again. The results are in the order of `targets`.
///
/// The call blocks: on a thread that may wait.
pub fn push(
    image: &Prepared,
    targets: &[Target],
    listener: &Arc<dyn PushListener>,
) -> Vec<Result<Pushed, RegistryError>> {
    let Some(first) = targets.first() else {
        return Vec::new();
    };
    let all = join_all(
        targets
            .iter()
            .map(|target| push_to(image, target, listener)),
    );
    let done = first.repository.client.wait(async { Ok(all.await) });
    done.unwrap_or_else(|error| vec![Err(error); targets.len()])
}

async fn push_to(
    image: &Prepared,
    target: &Target,
    listener: &Arc<dyn PushListener>,
) -> Result<Pushed, RegistryError> {
    let repository = &target.repository;
    let digest = image.manifest().digest.clone();
    let mut pushed = Pushed {
        digest: digest.clone(),
        sent: 0,
        sent_bytes: 0,
        mounted: 0,
        present: 0,
    };
    let blobs = image.blobs();
    // The largest first, so that none is left alone in the end.
    let mut order: Vec<&Blob> = blobs;
    order.sort_by_key(|blob| std::cmp::Reverse(blob.size()));
    let work = order.into_iter().map(|blob| async move {
        let how = put(blob, target, listener).await?;
        let digest = blob.digest().clone();
        listener.on(repository.name(), &PushEvent::Blob { digest, how });
        Ok::<_, RegistryError>((how, blob.size()))
    });
    let done: Vec<(How, u64)> = stream::iter(work)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    for (how, size) in done {
        match how {
            How::Present => pushed.present += 1,
            How::Mounted => pushed.mounted += 1,
            How::Sent => {
                pushed.sent += 1;
                pushed.sent_bytes += size;
            }
        }
    }
    let version = Version::Digest(digest.clone());
    repository.send_manifest(&version, image.manifest()).await?;
    repository.read_back(&version, image.manifest()).await?;
    listener.on(repository.name(), &PushEvent::Manifest { digest });
    Ok(pushed)
}

/// Sees to it that a blob is there.
async fn put(
    blob: &Blob,
    target: &Target,
    listener: &Arc<dyn PushListener>,
) -> Result<How, RegistryError> {
    let repository = &target.repository;
    let (name, digest) = (repository.name(), blob.digest());
    let known = &repository.client.known;
    if repository.is_there(digest, Scope::Push).await? {
        known.note(name, digest);
        return Ok(How::Present);
    }
    let seen = known.elsewhere(name, digest);
    let others = target.mount_from.iter().filter(|path| **path != name.path);
    for from in seen.iter().chain(others) {
        if repository.mount(digest, from).await? {
            known.note(name, digest);
            return Ok(How::Mounted);
        }
    }
    let sending = PushEvent::Sending {
        digest: digest.clone(),
        size: blob.size(),
    };
    listener.on(name, &sending);
    let told = (Arc::clone(listener), name.clone(), digest.clone());
    let tell: Arc<Tell> = Arc::new(move |bytes| {
        let digest = told.2.clone();
        told.0.on(&told.1, &PushEvent::Bytes { digest, bytes });
    });
    repository.send_blob(blob, &tell).await?;
    known.note(name, digest);
    Ok(How::Sent)
}
