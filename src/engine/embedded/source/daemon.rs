//! Images of the engine of this machine.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::docker_archive;
use super::image::{Description, SourceImage};
use super::layout::{Layout, MARKER};
use super::platform::Platform;
use super::problem::unreadable;
use super::reference::LayoutTag;
use super::tarball::Tarball;
use crate::engine::docker::{DockerEngine, Exporter, LocalImage};
use crate::engine::embedded::layer::{Content, Digest, Layer, Open, Part};
use crate::engine::{EngineError, Image};
use crate::registry::ImageParts;

/// Finds an image of the engine.
///
/// Where this process may, the layers are the engine's own folders, and [`SourceImage::kept`] tells whether
/// they are still there. Everywhere else they are fetched, all at once, when the first of them is opened:
/// into a file without a name in `folder`.
///
/// # Errors
/// [`EngineError::NoSuchImage`] when the engine has it not, and whatever else the engine says.
pub(crate) fn load_from(
    engine: &DockerEngine,
    reference: &str,
    folder: &Path,
) -> Result<SourceImage, EngineError> {
    of(engine, engine.local_image(reference)?, reference, folder)
}

/// The image that the engine has told of.
pub(super) fn of(
    engine: &DockerEngine,
    found: LocalImage,
    reference: &str,
    folder: &Path,
) -> Result<SourceImage, EngineError> {
    let place = format!("docker-daemon:{reference}");
    let digest = |text: &str| {
        let reason = || format!("the engine calls it or a layer of it `{text}`");
        Digest::parse(text).ok_or_else(|| unreadable(&place, reason()))
    };
    let id = digest(&found.image.id)?;
    let diff_ids = found.diff_ids.iter().map(|text| digest(text));
    let diff_ids = diff_ids.collect::<Result<Vec<_>, _>>()?;
    if diff_ids.is_empty() {
        return Err(unreadable(
            place,
            "the engine does not say which layers it has",
        ));
    }
    let (contents, kept) = match found.folders {
        Some((folders, kept)) => {
            let contents: Vec<Content> = folders.into_iter().map(Content::Folder).collect();
            (contents, Some(kept))
        }
        None => {
            let exported = Arc::new(Exported {
                place,
                exporter: engine.exporter(&found.image),
                folder: folder.to_owned(),
                diff_ids: diff_ids.clone(),
                layers: Mutex::default(),
            });
            let contents = (0..diff_ids.len()).map(|number| {
                let exported = Arc::clone(&exported);
                let open: Arc<Open> = Arc::new(move || exported.open(number));
                Content::Remote { open, digest: None }
            });
            (contents.collect(), None)
        }
    };
    let layers = diff_ids.into_iter().zip(contents);
    let layer = |(diff_id, content)| Layer { diff_id, content };
    Ok(SourceImage {
        id,
        config: None,
        layers: layers.map(layer).collect(),
        repo_digests: found.image.repo_digests.clone(),
        manifest: None,
        description: Description::Engine {
            image: Box::new(found.image),
            history: found.history,
        },
        kept,
    })
}

/// An image of the engine as it is pushed, and the digest of its configuration. It is fetched into a file
/// without a name in `folder`.
///
/// # Errors
/// When the engine has it no more, or gives another.
pub(crate) fn exported(
    engine: &DockerEngine,
    image: &Image,
    folder: &Path,
) -> Result<(ImageParts, Digest), EngineError> {
    let place = format!("docker-daemon:{}", image.reference);
    let Some(id) = Digest::parse(&image.id) else {
        let reason = format!("the engine calls it `{}`", image.id);
        return Err(unreadable(place, reason));
    };
    let file = engine.exporter(image).export(folder)?;
    let found = of_archive(&place, file, id)?;
    let config = found.id.clone();
    Ok((found.parts(&place)?, config))
}

/// The image that an engine calls so, in what it gave.
pub(super) fn of_archive(place: &str, file: File, id: Digest) -> Result<SourceImage, EngineError> {
    let again = file.try_clone().map_err(|error| unreadable(place, error))?;
    let tarball = Tarball::of_file(place, file)?;
    let found = docker_archive::load(place, tarball, None, &Platform::host())?;
    if found.id == id {
        return Ok(found);
    }
    // An engine that keeps manifests calls an image by the digest of its manifest or index.
    let tarball = Tarball::of_file(place, again)?;
    if !tarball.has(MARKER) {
        let reason = format!("the engine was asked for {id}, and gave {}", found.id);
        return Err(unreadable(place, reason));
    }
    let layout = Layout::Archive {
        place: place.to_owned(),
        tarball,
    };
    layout.load(&LayoutTag::Digest(id), &Platform::host())
}

/// An image that is fetched when it is first needed.
struct Exported {
    place: String,
    exporter: Exporter,
    folder: PathBuf,
    diff_ids: Vec<Digest>,
    /// Held by whoever fetches it, for all others.
    layers: Mutex<Option<Vec<Content>>>,
}

impl Exported {
    fn open(&self, number: usize) -> Result<Box<dyn Read + Send>, EngineError> {
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        let layers = match &mut *layers {
            Some(layers) => layers,
            none => none.insert(self.fetch()?),
        };
        match layers.get(number) {
            Some(Content::File {
                file,
                offset,
                length,
                ..
            }) => Ok(Box::new(Part::new(Arc::clone(file), *offset, *length))),
            _ => Err(unreadable(
                &self.place,
                format!("there is no layer {number}"),
            )),
        }
    }

    fn fetch(&self) -> Result<Vec<Content>, EngineError> {
        let file = self.exporter.export(&self.folder)?;
        let tarball = Tarball::of_file(&self.place, file)?;
        let image = docker_archive::load(&self.place, tarball, None, &Platform::host())?;
        // Another image under the same name would be another image.
        let found = image.layers.iter().map(|layer| &layer.diff_id);
        if !found.eq(&self.diff_ids) {
            let reason = "what the engine exports has other layers than the image";
            return Err(unreadable(&self.place, reason));
        }
        Ok(image.layers.into_iter().map(|it| it.content).collect())
    }
}
