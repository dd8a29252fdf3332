//! All registries, and the way to one repository of one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::client::Client;
use super::credentials::Credentials;
use super::error::RegistryError;
use super::http::{IDLE_LIMIT, client};
use super::known::Known;
use super::place::{CERTIFICATES, Env, Place};
use super::reference::{RegistryReference, RepositoryName};
use super::repository::Repository;
use crate::engine::Waiter;

/// All registries. The calls block: on threads that may wait.
pub struct Registries {
    waiter: Waiter,
    env: Box<Env>,
    /// The folder of folders of certificates.
    certificates: PathBuf,
    known: Arc<Known>,
}

impl std::fmt::Debug for Registries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Registries")
    }
}

impl Registries {
    /// `true` in `stop` ends what is under way with [`RegistryError::Interrupted`]; `env` has the
    /// variables of the environment.
    pub fn new(
        runtime: Handle,
        stop: watch::Receiver<bool>,
        env: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            waiter: Waiter::new(runtime, stop),
            env: Box::new(env),
            certificates: CERTIFICATES.into(),
            known: Arc::default(),
        }
    }

    /// The same, with certificates from another folder than Docker's.
    #[must_use]
    pub fn with_certificates(self, folder: &Path) -> Self {
        Self {
            certificates: folder.to_owned(),
            ..self
        }
    }

    /// A repository. Its registry is not asked anything yet; the credentials for it are looked for.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`] when settings, certificates or credentials can't be read.
    pub fn repository(&self, name: &RepositoryName) -> Result<Repository, RegistryError> {
        Ok(Repository::new(self.client(name, name.to_string())?))
    }

    /// What asks for one image; messages have its whole reference.
    pub(crate) fn of_image(
        &self,
        reference: &RegistryReference,
    ) -> Result<Repository, RegistryError> {
        let client = self.client(&reference.name, reference.to_string())?;
        Ok(Repository::new(client))
    }

    fn client(&self, name: &RepositoryName, shown: String) -> Result<Arc<Client>, RegistryError> {
        let env = &*self.env;
        let place = Place::of(&name.host, env, &self.certificates)?;
        let http = client(&place, Some(IDLE_LIMIT))?;
        let credentials = Credentials::find(env, &name.host)?;
        let (known, waiter) = (Arc::clone(&self.known), self.waiter.clone());
        let client = Client::new(http, place, name.clone(), credentials, known, waiter);
        Ok(Arc::new(client.shown_as(shown)))
    }
}
