//! Checks that depend on what the image says of itself.

use std::sync::Arc;

use super::check::CheckKind;
use super::entry::Defaults;
use super::kind::read;
use super::scope::fill_late;
use crate::diagnostic::Diagnostics;
use crate::yaml::{Context, Entries, Node};

/// A check in which `${{ image.env.… }}` or `${{ image.label.… }}` is not filled in yet.
#[derive(Debug, Clone)]
pub struct Late {
    /// The entry of the spec, everything else filled in.
    pub(super) node: Node,
    /// Which of the checks that the entry makes.
    pub(super) index: usize,
    /// The defaults of the spec.
    pub(super) defaults: Arc<Defaults>,
}

impl Late {
    /// The check as it is for the image, of which `value` tells `image.env.NAME` and
    /// `image.label.NAME`.
    ///
    /// # Errors
    /// What the image lacks, or what can't be read with what it says.
    pub fn resolve(
        &self,
        value: &dyn Fn(&str) -> Option<String>,
    ) -> Result<CheckKind, Diagnostics> {
        let mut context = Context::default();
        let kind = fill_late(&self.node, value, &mut context).and_then(|node| {
            let mut entries = Entries::new(&node, "a check", &mut context)?;
            let found = read(&node, &mut entries, &self.defaults, &mut context)?;
            found.into_iter().nth(self.index).map(|found| found.kind)
        });
        let mistakes = context.into_diagnostics();
        match kind {
            Some(kind) if mistakes.is_empty() => Ok(kind),
            _ => Err(Diagnostics(mistakes)),
        }
    }
}
