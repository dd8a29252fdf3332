//! Images out of buildah's storage.

use std::path::Path;

use super::builder::BuildahBuilder;
use super::errors::failed;
use super::storage::Storage;
use crate::engine::EngineError;
use crate::registry::Digest;

const EXPORT: &str = "export an image";

/// Shows an image that was built here to `load`: the folder of a layout, which is removed then. Its layers
/// are compressed with what costs the least.
///
/// # Errors
/// When buildah has it no more, and what `load` says.
pub(in crate::engine::embedded) fn export<T>(
    store: &Path,
    id: &Digest,
    is_stopped: &dyn Fn() -> bool,
    load: impl FnOnce(&Path) -> Result<T, EngineError>,
) -> Result<T, EngineError> {
    let gone = failed(
        EXPORT,
        "it was built with buildah, which is not there any more",
    );
    let storage = Storage::open(BuildahBuilder::find(&gone)?, store, is_stopped)?;
    let folder =
        tempfile::tempdir_in(storage.temporary()).map_err(|error| failed(EXPORT, error))?;
    let layout = folder.path().join("layout");
    let mut command = storage.command("push");
    command
        .args(["--quiet", "--compression-format", "zstd"])
        .args(["--compression-level", "1", id.hex()])
        .arg(format!("oci:{}", layout.display()));
    storage.ask(EXPORT, command, is_stopped)?;
    load(&layout)
}
