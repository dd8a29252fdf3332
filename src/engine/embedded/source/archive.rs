//! Images of this host's files.

use super::docker_archive;
use super::image::SourceImage;
use super::layout::Layout;
use super::platform::Platform;
use super::reference::Reference;
use super::tarball::Tarball;
use crate::engine::EngineError;

/// Finds the image of a reference to files; `None` if it is a reference to something else.
///
/// # Errors
/// When there is no such image, several, or one that is not sound.
pub(crate) fn load(
    reference: &Reference,
    platform: &Platform,
) -> Result<Option<SourceImage>, EngineError> {
    let image = match reference {
        Reference::Layout(path, tag) => {
            let place = format!("oci:{}", path.display());
            Layout::folder(&place, path)?.load(tag, platform)?
        }
        Reference::LayoutArchive(path, tag) => {
            let place = format!("oci-archive:{}", path.display());
            let tarball = Tarball::open(&place, path)?;
            Layout::Archive { place, tarball }.load(tag, platform)?
        }
        Reference::DockerArchive(path, name) => {
            let place = format!("docker-archive:{}", path.display());
            let tarball = Tarball::open(&place, path)?;
            docker_archive::load(&place, tarball, name.as_deref(), platform)?
        }
        Reference::Daemon(_) | Reference::Registry(_) | Reference::Plain(_) => return Ok(None),
    };
    Ok(Some(image))
}
