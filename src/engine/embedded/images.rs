//! From a reference to an image whose layers can be mounted.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::daemon::Daemon;
use super::hands::HelperHands;
use super::layer::{Content, Digest, Layer};
use super::source::{Platform, Reference, SourceImage, load, load_from, pull};
use super::store::{ImageRecord, LayerGuard, Store, StoreError};
use crate::engine::docker::Kept;
use crate::engine::{Engine, EngineError, HistoryStep, Image};
use crate::registry::{Registries, RegistryReference};

/// Where images are sought, and who unpacks them.
pub(super) struct Library {
    pub(super) sources: Sources,
    /// Who unpacks layers.
    pub(super) hands: HelperHands,
}

impl Deref for Library {
    type Target = Sources;

    fn deref(&self) -> &Sources {
        &self.sources
    }
}

/// Where images are sought.
pub(super) struct Sources {
    /// Where layers are kept.
    pub(super) store: Store,
    /// An engine of this machine.
    pub(super) daemon: Daemon,
    /// All registries.
    pub(super) registries: Registries,
    /// The folder that paths are relative to.
    pub(super) root: PathBuf,
    /// Where large files may be for a time.
    pub(super) temporary: PathBuf,
}

/// An image that is ready.
pub(super) struct Ready {
    pub(super) image: Image,
    pub(super) history: Vec<HistoryStep>,
    /// The folders of its layers, the lowest first.
    pub(super) layers: Vec<PathBuf>,
    pub(super) hold: Hold,
}

/// What keeps the layers of an image where they are, or tells that they are gone.
pub(super) struct Hold {
    _guards: Vec<LayerGuard>,
    _folder: Option<TempDir>,
    kept: Option<Kept>,
}

impl Hold {
    /// A folder with the layers, which is removed when this is dropped.
    pub(super) fn of(folder: TempDir) -> Self {
        Self {
            _guards: Vec::new(),
            _folder: Some(folder),
            kept: None,
        }
    }

    /// Whether the layers were whole all the time until now.
    pub(super) fn is_whole(&self) -> bool {
        self.kept.as_ref().is_none_or(Kept::is_whole)
    }
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hold")
    }
}

impl Library {
    /// Finds an image and unpacks what is not unpacked yet.
    pub(super) fn find(&self, reference: &str) -> Result<Ready, EngineError> {
        let source = self.source(reference)?;
        self.ready(source, reference)
    }

    fn ready(&self, mut source: SourceImage, reference: &str) -> Result<Ready, EngineError> {
        let guards = self.store.all_layers(&source.layers, &self.hands)?;
        let sizes: Vec<u64> = guards
            .iter()
            .map(|guard| guard.unpacked().map_or(0, |unpacked| unpacked.size))
            .collect();
        let hides = |guard: &LayerGuard| guard.unpacked().is_some_and(|it| it.hides_lower);
        // overlayfs knows no layer that hides all others, so those are left out.
        let lowest = guards.iter().rposition(hides).unwrap_or(0);
        let mut layers: Vec<PathBuf> = Vec::new();
        for guard in guards[lowest..].iter().rev() {
            // Nor does it take one twice; what the upper one has, the lower one can't add to.
            if !layers.iter().any(|layer| layer == guard.path()) {
                layers.push(guard.path().to_owned());
            }
        }
        layers.reverse();
        Ok(Ready {
            image: source.image(reference, &sizes),
            history: source.history(&sizes),
            layers,
            hold: Hold {
                _guards: guards,
                _folder: None,
                kept: source.kept.take(),
            },
        })
    }

    /// Whether an image is in the store under a name, with all of its layers.
    pub(super) fn holds(&self, name: &str, id: &str) -> bool {
        let found = self.built(name).ok().flatten();
        found.is_some_and(|found| found.id.to_string() == id && self.ready(found, name).is_ok())
    }

    /// Takes an image into the store under a name, to be found by it later.
    pub(super) fn take_in(&self, name: &str, layout: &Path) -> Result<Image, EngineError> {
        let store = StoreError::into_engine;
        let reference = format!("oci:{}", layout.display());
        let source = self.source(&reference)?;
        let config = source.config.clone().unwrap_or_default();
        let diff_ids = source.layers.iter().map(|layer| layer.diff_id.clone());
        let record = ImageRecord {
            config,
            diff_ids: diff_ids.collect(),
        };
        let ready = self.ready(source, name)?;
        let id = self.store.put_image(&record).map_err(store)?;
        self.store
            .put_reference(&with_tag(name), &id)
            .map_err(store)?;
        Ok(ready.image)
    }
}

impl Sources {
    /// Finds an image and nothing of its layers.
    pub(super) fn identify(&self, reference: &str) -> Result<Image, EngineError> {
        let parsed = Reference::parse(reference, &self.root)?;
        if let Reference::Daemon(name) | Reference::Plain(name) = &parsed
            && let Some(docker) = self.daemon.get()?
        {
            match docker.image(name) {
                Err(EngineError::NoSuchImage { .. }) if matches!(parsed, Reference::Plain(_)) => {
                    let found = self.elsewhere(name, &Platform::host())?;
                    return Ok(self.described(&found, reference));
                }
                found => {
                    return Ok(Image {
                        reference: reference.to_owned(),
                        ..found?
                    });
                }
            }
        }
        Ok(self.described(&self.source(reference)?, reference))
    }

    /// An image whose layers are as large as the store says, if it has them.
    fn described(&self, source: &SourceImage, reference: &str) -> Image {
        let layers = source.layers.iter();
        let sizes: Option<Vec<u64>> = layers.map(|it| self.store.size_of(&it.diff_id)).collect();
        let image = source.image(reference, sizes.as_deref().unwrap_or_default());
        Image {
            size: image.size.filter(|_| sizes.is_some()),
            ..image
        }
    }

    fn source(&self, reference: &str) -> Result<SourceImage, EngineError> {
        let platform = Platform::host();
        let parsed = Reference::parse(reference, &self.root)?;
        match &parsed {
            Reference::Registry(reference) => pull(&self.registries, reference, &platform),
            Reference::Daemon(name) => match self.daemon.get()? {
                Some(docker) => load_from(docker, name, &self.temporary),
                None => Err(EngineError::Configuration(format!(
                    "`{reference}` is an image of an engine, and none answers here"
                ))),
            },
            Reference::Plain(name) => self.plain(name, &platform),
            _ => load(&parsed, &platform)?.ok_or_else(|| EngineError::NoSuchImage {
                reference: reference.to_owned(),
            }),
        }
    }

    /// An image that the engine of this machine has, or that was built here, or else one of a
    /// registry.
    fn plain(&self, name: &str, platform: &Platform) -> Result<SourceImage, EngineError> {
        if let Some(docker) = self.daemon.get()? {
            match load_from(docker, name, &self.temporary) {
                Err(EngineError::NoSuchImage { .. }) => {}
                found => return found,
            }
        }
        self.elsewhere(name, platform)
    }

    /// An image that was built here, or one of a registry.
    fn elsewhere(&self, name: &str, platform: &Platform) -> Result<SourceImage, EngineError> {
        if let Some(found) = self.built(name)? {
            return Ok(found);
        }
        // Nobody means a registry by a name alone, such as those in the project file have; what
        // has a registry's host in it can be meant by nothing else.
        match RegistryReference::parse(name) {
            Ok(reference) if is_remote(name) => pull(&self.registries, &reference, platform),
            _ => Err(EngineError::NoSuchImage {
                reference: name.to_owned(),
            }),
        }
    }

    fn built(&self, name: &str) -> Result<Option<SourceImage>, EngineError> {
        let store = StoreError::into_engine;
        let found = match Digest::parse(name) {
            Some(id) => Some(id),
            None => self.store.reference(&with_tag(name)).map_err(store)?,
        };
        let Some(id) = found else {
            return Ok(None);
        };
        let Some(record) = self.store.image(&id).map_err(store)? else {
            return Ok(None);
        };
        let layers = record.diff_ids.iter().map(|diff_id| {
            let gone = EngineError::NoSuchImage {
                reference: name.to_owned(),
            };
            let open = move || Err(gone.clone());
            Layer {
                diff_id: diff_id.clone(),
                content: Content::Remote {
                    open: Arc::new(open),
                    digest: None,
                },
            }
        });
        SourceImage::recorded(name, id, record.config, layers.collect()).map(Some)
    }

    /// Forgets what was built here under a name.
    pub(super) fn forget(&self, name: &str) -> Result<(), EngineError> {
        let removed = self.store.remove_reference(&with_tag(name));
        removed.map_err(StoreError::into_engine)
    }

    /// The id of the image that was built here last under a name.
    pub(super) fn built_id(&self, name: &str) -> Option<String> {
        let id = self.store.reference(&with_tag(name)).ok().flatten();
        id.map(|id| id.to_string())
    }
}

fn with_tag(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains([':', '@']) {
        name.to_owned()
    } else {
        format!("{name}:latest")
    }
}

/// Whether the first part of a name is a host: it has a dot or a port, or is this machine.
pub(super) fn is_remote(name: &str) -> bool {
    name.split_once('/')
        .is_some_and(|(host, _)| host.contains(['.', ':']) || host == "localhost")
}
