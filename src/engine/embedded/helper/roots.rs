//! The images that containers are made of.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen,
};

use super::init;

/// The images of this helper.
#[derive(Debug)]
pub(super) struct Roots {
    /// Whether overlays keep their marks in `user.` attributes, as they must in a user namespace.
    pub(super) in_user_namespace: bool,
    run: PathBuf,
    store: PathBuf,
    known: Mutex<HashMap<u64, Arc<Root>>>,
    links: AtomicU64,
}

/// An image.
#[derive(Debug)]
pub(super) struct Root {
    /// The folders of the host that hold its layers.
    pub(super) bases: BTreeSet<PathBuf>,
    /// Its layers for overlayfs, the highest first, as links in the run folder.
    layers: String,
    /// The folder of what every container has on top of it.
    init: PathBuf,
    /// All of it together, to be looked at; made by the first one to need it.
    view: OnceLock<OwnedFd>,
    made: Mutex<()>,
}

impl Roots {
    /// For layers in the store, and elsewhere. `run` has the folders `l` and `i`.
    pub(super) fn new(run: &Path, store: &Path, in_user_namespace: bool) -> Self {
        Self {
            in_user_namespace,
            run: run.to_owned(),
            store: store.to_owned(),
            known: Mutex::default(),
            links: AtomicU64::new(0),
        }
    }

    pub(super) fn get(&self, id: u64) -> io::Result<Arc<Root>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let root = known.get(&id).cloned();
        root.ok_or_else(|| io::Error::other(format!("nobody has told of the image {id}")))
    }

    /// Every folder of the host that is needed so far.
    pub(super) fn bases(&self) -> BTreeSet<PathBuf> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let bases = known.values().flat_map(|root| root.bases.iter().cloned());
        bases.chain([self.store.clone()]).collect()
    }

    /// Makes an image known whose layers are these, the lowest first. All of the host's files must
    /// be seen.
    pub(super) fn add(&self, id: u64, layers: &[PathBuf]) -> io::Result<()> {
        let mut bases = BTreeSet::new();
        let mut names = Vec::new();
        for layer in layers.iter().rev() {
            let told = |error: io::Error| {
                io::Error::new(error.kind(), format!("{}: {error}", layer.display()))
            };
            let layer = layer.canonicalize().map_err(told)?;
            bases.insert(self.base(&layer));
            names.push(self.link(&layer)?);
        }
        let init = PathBuf::from(format!("i/{id}"));
        for part in ["u", "w"] {
            std::fs::create_dir_all(self.run.join(&init).join(part))?;
        }
        if names.is_empty() {
            // An image without any file; overlayfs wants something.
            let empty = self.run.join("empty");
            std::fs::create_dir_all(&empty)?;
            names.push("empty".to_owned());
        }
        let root = Root {
            bases,
            layers: names.join(":"),
            init,
            view: OnceLock::new(),
            made: Mutex::new(()),
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(id, Arc::new(root));
        Ok(())
    }

    /// The folder that is shown to threads for the sake of a layer: one for all that lie together.
    fn base(&self, layer: &Path) -> PathBuf {
        if layer.starts_with(&self.store) {
            return self.store.clone();
        }
        // BASE/ID/diff
        let base = layer.parent().and_then(Path::parent);
        base.filter(|base| base.parent().is_some())
            .unwrap_or(layer)
            .to_owned()
    }

    /// A short name: the options of a mount must fit into one page.
    fn link(&self, layer: &Path) -> io::Result<String> {
        let number = self.links.fetch_add(1, Ordering::Relaxed);
        let name = format!("l/{number}");
        symlink(layer, self.run.join(&name))?;
        Ok(name)
    }

    fn mark(&self) -> &'static str {
        if self.in_user_namespace {
            ",userxattr"
        } else {
            ""
        }
    }
}

impl Root {
    /// The options of an overlay over the image whose upper and work folders are in `scratch`.
    pub(super) fn options(&self, roots: &Roots, scratch: &str) -> String {
        format!(
            "lowerdir={}/u:{},upperdir={scratch}/u,workdir={scratch}/w,index=off{}",
            self.init.display(),
            self.layers,
            roots.mark(),
        )
    }

    /// Makes what every container has on top of the image, once.
    pub(super) fn prepare(&self, roots: &Roots) -> io::Result<()> {
        let _one = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if self.view.get().is_some() {
            return Ok(());
        }
        let init = self.init.display();
        let upper = [
            ("lowerdir", self.layers.clone()),
            ("upperdir", format!("{init}/u")),
            ("workdir", format!("{init}/w")),
            ("index", "off".to_owned()),
        ];
        init::make(&overlay(&upper, roots)?)?;
        let both = format!("{init}/u:{}", self.layers);
        let view = overlay(&[("lowerdir", both)], roots)?;
        let _ = self.view.set(view);
        Ok(())
    }

    /// All of the image together.
    pub(super) fn view(&self, roots: &Roots) -> io::Result<&OwnedFd> {
        self.prepare(roots)?;
        self.view.get().ok_or_else(|| io::Error::other("no view"))
    }

    /// The image and what a container has changed, to be looked at.
    pub(super) fn view_with(&self, roots: &Roots, scratch: &str) -> io::Result<OwnedFd> {
        let lower = format!("{scratch}/u:{}/u:{}", self.init.display(), self.layers);
        overlay(&[("lowerdir", lower)], roots)
    }
}

/// An overlay that is not attached anywhere.
fn overlay(options: &[(&str, String)], roots: &Roots) -> io::Result<OwnedFd> {
    let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in options {
        fsconfig_set_string(&context, *key, value)?;
    }
    if roots.in_user_namespace {
        fsconfig_set_flag(&context, "userxattr")?;
    }
    fsconfig_create(&context)?;
    let flags = FsMountFlags::FSMOUNT_CLOEXEC;
    Ok(fsmount(&context, flags, MountAttrFlags::empty())?)
}
