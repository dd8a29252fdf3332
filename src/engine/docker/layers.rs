//! The layers of an image, as the engine keeps them on this machine.

use std::path::{Path, PathBuf};

use bollard::models::{DriverData, ImageInspect, SystemInfo};
use tokio::runtime::Handle;

use super::connection::Connection;
use super::container::Container;
use super::engine::DockerEngine;
use super::image::{describe, history_step};
use super::records::Records;
use super::steps::{is_not_found, steadily};
use crate::engine::{EngineError, HistoryStep, Image, is_root_of_machine};

/// An image and all that the engine tells of it.
pub(crate) struct LocalImage {
    pub(crate) image: Image,
    pub(crate) history: Vec<HistoryStep>,
    /// The digests of its uncompressed layers, the lowest first.
    pub(crate) diff_ids: Vec<String>,
    /// The folders of the layers in the same order, where they can be read as they are: in the form
    /// of overlayfs, and what keeps them or tells when they are gone.
    pub(crate) folders: Option<(Vec<PathBuf>, Kept)>,
}

/// Why layers of an engine can be relied on, although others may remove its images.
pub(crate) enum Kept {
    /// The engine's own records tell whether they are still there.
    Noted(Records),
    /// The engine keeps them until this is dropped.
    Pinned {
        /// What it keeps them for.
        _pin: Pin,
    },
}

impl Kept {
    /// Whether the layers were whole all the time until now.
    pub(crate) fn is_whole(&self) -> bool {
        match self {
            Self::Noted(records) => records.are_unchanged(),
            Self::Pinned { .. } => true,
        }
    }
}

/// A container that is never started: as long as it is there, the layers of its image are. What
/// stays is found by its label at the end of the run, like every container. Must not be dropped
/// later than the runtime of its engine.
pub(crate) struct Pin {
    connection: Connection,
    runtime: Handle,
    name: String,
}

impl Drop for Pin {
    fn drop(&mut self) {
        // Nobody may wait among those who must not wait: the end of the run removes it then.
        if Handle::try_current().is_ok() {
            return;
        }
        let container = Container {
            connection: &self.connection,
            name: std::mem::take(&mut self.name),
        };
        let _ = self.runtime.block_on(container.remove());
    }
}

impl DockerEngine {
    /// Finds an image and its layers.
    ///
    /// # Errors
    /// [`EngineError::NoSuchImage`] when it is not there.
    pub(crate) fn local_image(&self, reference: &str) -> Result<LocalImage, EngineError> {
        self.wait(async {
            // Neither waits for the other; what can't be told is asked again where it matters.
            let sees = async { Ok(self.sees_layers().await) };
            let (found, _) = tokio::try_join!(self.inspect(reference), sees)?;
            let diff_ids = found.root_fs.clone().and_then(|root| root.layers);
            let diff_ids = diff_ids.unwrap_or_default();
            let image = describe(reference.to_owned(), found.clone())?;
            let request = || self.connection.docker().image_history(&image.id);
            let (folders, steps) = tokio::try_join!(
                self.folders(&found, diff_ids.len()),
                steadily(&self.connection, "tell the history of an image", request),
            )?;
            let folders = match folders {
                Some(folders) => self.kept(&image, &diff_ids, folders).await?,
                None => None,
            };
            Ok(LocalImage {
                history: steps.into_iter().map(history_step).collect(),
                image,
                diff_ids,
                folders,
            })
        })
    }

    /// The folders of an image, kept as on an engine that notes nothing we know.
    #[cfg(test)]
    pub(crate) fn pinned_image(
        &self,
        reference: &str,
    ) -> Result<Option<(Vec<PathBuf>, Kept)>, EngineError> {
        self.wait(async {
            let found = self.inspect(reference).await?;
            let count = found.root_fs.as_ref().and_then(|root| root.layers.as_ref());
            let count = count.map_or(0, Vec::len);
            let folders = self.folders(&found, count).await?;
            let image = describe(reference.to_owned(), found)?;
            self.pinned(&image, folders.unwrap_or_default()).await
        })
    }

    /// Whether its layers can be used where they are; otherwise why not.
    ///
    /// # Errors
    /// When the engine does not say.
    pub fn shares_layers(&self) -> Result<Result<(), String>, EngineError> {
        if !self.connection.is_local() {
            return Ok(Err("it is on another machine".to_owned()));
        }
        if !is_root_of_machine() {
            return Ok(Err("only root may read them".to_owned()));
        }
        let request = || self.connection.docker().info();
        let info = self.wait(steadily(&self.connection, "tell about itself", request))?;
        let driver = info.driver.clone().unwrap_or_default();
        let folder = info.docker_root_dir.clone().unwrap_or_default();
        Ok(if !matches!(driver.as_str(), "overlay2" | "overlay") {
            Err(format!("its storage driver is {driver}"))
        } else if !is_as_seen_here(&info) {
            Err("their owners are shifted, or they lean on each other".to_owned())
        } else if !is_folder(Path::new(&folder)) {
            Err(format!("{folder} is not seen here"))
        } else {
            Ok(())
        })
    }

    /// Where it answers.
    pub fn endpoint(&self) -> String {
        self.connection.endpoint().to_string()
    }

    pub(super) async fn inspect(&self, reference: &str) -> Result<ImageInspect, EngineError> {
        let request = || async {
            match self.connection.docker().inspect_image(reference).await {
                Ok(image) => Ok(Some(image)),
                Err(error) if is_not_found(&error) => Ok(None),
                Err(error) => Err(error),
            }
        };
        let found = steadily(&self.connection, "inspect an image", request).await?;
        found.ok_or_else(|| EngineError::NoSuchImage {
            reference: reference.to_owned(),
        })
    }

    /// The folders of the layers, if this process may and can use them.
    async fn folders(
        &self,
        image: &ImageInspect,
        count: usize,
    ) -> Result<Option<Vec<PathBuf>>, EngineError> {
        let Some(driver) = &image.graph_driver else {
            return Ok(None);
        };
        let Some(folders) = overlay_folders(driver, count) else {
            return Ok(None);
        };
        Ok(self.sees_layers().await?.then_some(folders))
    }

    /// Whether folders of the engine are to this process what they are to the engine; asked once.
    async fn sees_layers(&self) -> Result<bool, EngineError> {
        if !self.connection.is_local() || !is_root_of_machine() {
            return Ok(false);
        }
        let ask = || async {
            let request = || self.connection.docker().info();
            let info = steadily(&self.connection, "tell about itself", request).await?;
            Ok(is_as_seen_here(&info))
        };
        self.is_as_seen_here.get_or_try_init(ask).await.copied()
    }

    /// Finds the records of the layers, or else keeps them; and only then looks whether they are there. Their
    /// names are random (Docker) or made of their digests (Podman), so that what is found is theirs.
    async fn kept(
        &self,
        image: &Image,
        diff_ids: &[String],
        folders: Vec<PathBuf>,
    ) -> Result<Option<(Vec<PathBuf>, Kept)>, EngineError> {
        if !folders.iter().all(|path| is_folder(path)) {
            return Ok(None);
        }
        if let Some(records) = Records::find(&image.id, diff_ids, &folders) {
            return Ok(Some((folders, Kept::Noted(records))));
        }
        self.pinned(image, folders).await
    }

    /// Keeps the layers, as far as they are there.
    async fn pinned(
        &self,
        image: &Image,
        folders: Vec<PathBuf>,
    ) -> Result<Option<(Vec<PathBuf>, Kept)>, EngineError> {
        let mut body = self.reader_body(image);
        body.labels = Some(self.labels("keeping the layers of an image"));
        let container = self.container();
        self.ask_for(&container, None, body).await?;
        let pin = Pin {
            connection: self.connection.clone(),
            runtime: self.waiter.runtime().clone(),
            name: container.name,
        };
        if folders.iter().all(|path| is_folder(path)) {
            return Ok(Some((folders, Kept::Pinned { _pin: pin })));
        }
        // Here it can't be dropped: that waits.
        let container = self.container_of(pin.name.clone());
        container.remove().await?;
        Ok(None)
    }
}

fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_dir()) && path.read_dir().is_ok()
}

/// The folders of overlayfs, the lowest first, if there are so many.
fn overlay_folders(driver: &DriverData, count: usize) -> Option<Vec<PathBuf>> {
    // As Docker and as Podman call it.
    if !matches!(driver.name.as_str(), "overlay2" | "overlay") {
        return None;
    }
    let upper = driver.data.get("UpperDir").filter(|it| !it.is_empty())?;
    let lower = driver.data.get("LowerDir").map_or("", String::as_str);
    let lower = lower.split(':').filter(|it| !it.is_empty());
    let mut folders: Vec<PathBuf> = std::iter::once(upper.as_str())
        .chain(lower)
        .map(PathBuf::from)
        .collect();
    folders.reverse();
    let is_sound = folders.len() == count && folders.iter().all(|path| path.is_absolute());
    is_sound.then_some(folders)
}

/// Whether a layer's folder is to us what it is to the engine's containers: owners are not shifted,
/// and no layer leans on another by redirections.
fn is_as_seen_here(info: &SystemInfo) -> bool {
    let options = info.security_options.iter().flatten();
    let is_shifted = options
        .flat_map(|option| option.split(','))
        .any(|option| matches!(option, "name=rootless" | "name=userns"));
    let mut status = info.driver_status.iter().flatten();
    let is_native = status.any(|pair| {
        matches!(pair.as_slice(), [name, value] if name == "Native Overlay Diff" && value == "true")
    });
    is_native && !is_shifted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_counted_and_put_in_order() {
        let driver = |name: &str, upper: &str, lower: &str| DriverData {
            name: name.to_owned(),
            data: [("UpperDir", upper), ("LowerDir", lower)]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        };
        let found = |driver: &DriverData, count| overlay_folders(driver, count);
        let three = driver("overlay2", "/c", "/b:/a");
        let folders = ["/a", "/b", "/c"].map(PathBuf::from).to_vec();
        assert_eq!(found(&three, 3), Some(folders));
        assert_eq!(found(&three, 2), None);
        let one = Some(vec![PathBuf::from("/c")]);
        assert_eq!(found(&driver("overlay", "/c", ""), 1), one);
        assert_eq!(found(&driver("overlay", "c", ""), 1), None);
        assert_eq!(found(&driver("btrfs", "/c", ""), 1), None);
        assert_eq!(found(&driver("overlay2", "", ""), 0), None);
    }

    #[test]
    fn shifted_and_redirected_layers_are_not_taken() {
        let info = |options: &[&str], native: &str| SystemInfo {
            security_options: Some(options.iter().map(|it| (*it).to_owned()).collect()),
            driver_status: Some(vec![vec![
                "Native Overlay Diff".to_owned(),
                native.to_owned(),
            ]]),
            ..SystemInfo::default()
        };
        assert!(is_as_seen_here(&info(
            &["name=seccomp,profile=default"],
            "true"
        )));
        assert!(!is_as_seen_here(&info(&["name=rootless"], "true")));
        assert!(!is_as_seen_here(&info(&["name=userns"], "true")));
        assert!(!is_as_seen_here(&info(&[], "false")));
        assert!(!is_as_seen_here(&SystemInfo::default()));
    }
}
