//! From a reference to an image: its manifest and its configuration are fetched, and of its layers it
//! is only known how.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{Mutex, watch};

use super::blob::Blob as Reader;
use super::client::{Ask, Client, bounded, is_page};
use super::credentials::Credentials;
use super::http::client;
use super::place::{CERTIFICATES, Env, Place};
use crate::engine::embedded::layer::{Content, Digest, Open};
use crate::engine::embedded::source::manifest::{
    Blob, Blobs, CONFIG_LIMIT, MANIFEST_LIMIT, MANIFESTS, resolve,
};
use crate::engine::embedded::source::problem::digest_of;
use crate::engine::embedded::source::reference::Version;
use crate::engine::embedded::source::{Platform, RegistryReference, SourceImage};
use crate::engine::{EngineError, Waiter};

/// What a registry says the digest of a manifest is.
const DIGEST: &str = "docker-content-digest";

/// All registries. The calls block, and so does reading layers: on threads that may wait.
pub(crate) struct Registries {
    waiter: Waiter,
    env: Box<Env>,
    /// The folder of folders of certificates.
    pub(in crate::engine::embedded::source) certificates: PathBuf,
}

impl Registries {
    /// `true` in `stop` ends what is under way with [`EngineError::Interrupted`]; `env` has the
    /// variables of the environment.
    pub(crate) fn new(
        runtime: Handle,
        stop: watch::Receiver<bool>,
        env: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            waiter: Waiter::new(runtime, stop),
            env: Box::new(env),
            certificates: CERTIFICATES.into(),
        }
    }

    /// Finds the image for `platform`.
    ///
    /// # Errors
    /// When there is none, or the registry does not give it.
    pub(crate) fn load(
        &self,
        reference: &RegistryReference,
        platform: &Platform,
    ) -> Result<SourceImage, EngineError> {
        let env = &*self.env;
        let place = Place::of(&reference.host, env, &self.certificates)?;
        let http = client(&place)?;
        let registry = Registry {
            client: Arc::new(Client {
                http,
                place,
                reference: reference.clone(),
                credentials: Credentials::find(env, &reference.host)?,
                seen: Mutex::default(),
                waiter: self.waiter.clone(),
            }),
            first: None,
        };
        let (digest, bytes) = registry.first()?;
        let size = Some(bytes.len() as u64);
        let first = Blob {
            digest: digest.clone(),
            size,
        };
        let registry = Registry {
            first: Some((digest.clone(), bytes)),
            ..registry
        };
        let mut image = resolve(&registry, first, platform)?;
        image.repo_digests = vec![format!("{}@{digest}", reference.familiar())];
        Ok(image)
    }
}

struct Registry {
    client: Arc<Client>,
    /// What the reference itself leads to.
    first: Option<(Digest, Vec<u8>)>,
}

impl Registry {
    /// What the reference leads to, and its digest.
    fn first(&self) -> Result<(Digest, Vec<u8>), EngineError> {
        let client = &self.client;
        let (version, wanted) = match &client.reference.version {
            Version::Tag(tag) => (tag.clone(), None),
            Version::Digest(digest) => (digest.to_string(), Some(digest.clone())),
        };
        let (said, bytes) = self.manifest_of(&version)?;
        let found = digest_of(&bytes);
        let said = said.as_deref().filter(|it| it.starts_with("sha256:"));
        let is_wrong = |digest: &str| digest != found.to_string();
        let wanted = wanted.map(|digest| digest.to_string());
        if let Some(digest) = wanted.as_deref().or(said).filter(|it| is_wrong(it)) {
            let reason = format!("the manifest must have the digest {digest}, but has {found}");
            return Err(client.failed(reason));
        }
        Ok((found, bytes))
    }

    fn manifest_of(&self, version: &str) -> Result<(Option<String>, Vec<u8>), EngineError> {
        let path = format!("manifests/{version}");
        let accept = MANIFESTS.join(", ");
        let ask = Ask {
            what: "image",
            path: &path,
            accept: Some(&accept),
            from: 0,
        };
        self.whole(&ask, MANIFEST_LIMIT)
    }

    /// Fetches something small. What breaks off is fetched once more.
    fn whole(&self, ask: &Ask<'_>, limit: u64) -> Result<(Option<String>, Vec<u8>), EngineError> {
        let client = &self.client;
        client.wait(async {
            for _ in 0..super::client::TRIES {
                let response = client.ask(ask).await?;
                let host = &client.reference.host;
                if is_page(&response) {
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
                let said = response.headers().get(DIGEST);
                let said = said.and_then(|it| it.to_str().ok()).map(ToOwned::to_owned);
                if let Some(bytes) = bounded(response, limit).await {
                    return Ok((said, bytes));
                }
            }
            let reason = format!(
                "the {} breaks off, or is larger than {limit} bytes",
                ask.what
            );
            Err(client.failed(reason))
        })
    }
}

impl Blobs for Registry {
    fn place(&self) -> String {
        self.client.reference.to_string()
    }

    fn manifest(&self, blob: &Blob) -> Result<Vec<u8>, EngineError> {
        match &self.first {
            Some((digest, bytes)) if *digest == blob.digest => Ok(bytes.clone()),
            _ => Ok(self.manifest_of(&blob.digest.to_string())?.1),
        }
    }

    fn config(&self, blob: &Blob) -> Result<Vec<u8>, EngineError> {
        let path = format!("blobs/{}", blob.digest);
        let ask = Ask {
            what: "configuration",
            path: &path,
            accept: None,
            from: 0,
        };
        Ok(self.whole(&ask, CONFIG_LIMIT)?.1)
    }

    fn layer(&self, blob: &Blob) -> Result<Content, EngineError> {
        let Some(size) = blob.size else {
            let reason = format!("nothing says how large the layer {} is", blob.digest);
            return Err(self.client.failed(reason));
        };
        let client = Arc::clone(&self.client);
        let digest = blob.digest.clone();
        let open: Arc<Open> = Arc::new(move || {
            let reader = Reader::open(Arc::clone(&client), &digest, size)?;
            Ok(Box::new(reader))
        });
        Ok(Content::Remote {
            open,
            digest: Some(blob.digest.clone()),
        })
    }
}
