//! Who touches the files of layers.

use std::path::Path;

use super::super::layer::{Content, Digest};
use super::super::unpack::{Form, Owners, Unpacked};
use crate::engine::EngineError;

/// Unpacks and removes. In a user namespace the files belong to ids that only a process in there
/// may touch, so the store itself never does.
pub(crate) trait Hands: Sync {
    /// How they mark layers.
    fn form(&self) -> Form;

    /// Whom they give the files to.
    fn owners(&self) -> Owners;

    /// Unpacks a layer to `target`, an empty folder. Many threads call at once.
    ///
    /// # Errors
    /// When the layer is not unpacked as a whole, with both digests as they must be.
    fn unpack(
        &self,
        content: &Content,
        diff_id: &Digest,
        target: &Path,
    ) -> Result<Unpacked, EngineError>;

    /// Removes a folder with all that is in it, or a file. One that is not there is removed.
    ///
    /// # Errors
    /// When something is left.
    fn remove(&self, path: &Path) -> Result<(), EngineError>;
}
