//! Checks that depend on what the image says of itself.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::check::CheckKind;
use super::entry::Defaults;
use super::kind;
use super::scope::fill_late;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::yaml::{Context, Entries, Kind, Node};

/// A check in which `${{ image.env.… }}` or `${{ image.label.… }}` is not filled in yet.
#[derive(Debug, Clone)]
pub struct Late {
    /// The entry of the spec, everything else filled in.
    pub(super) node: Arc<Node>,
    /// Where the scalars begin that are not filled in.
    pub(super) late: Arc<HashSet<usize>>,
    /// Which of the checks that the entry makes.
    pub(super) index: usize,
    /// How many checks the entry makes.
    pub(super) of: usize,
    /// The defaults of the spec.
    pub(super) defaults: Arc<Defaults>,
}

impl Late {
    /// The files of the project that it may need: mounts, inputs, golden files.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut said = Vec::new();
        let mounts = self.defaults.settings.mounts.iter();
        said.extend(
            mounts
                .flat_map(|pairs| &pairs.0)
                .map(|(path, _)| path.value.as_str()),
        );
        collect_files(&self.node, &mut said);
        let known = said.into_iter().map(|path| match path.split_once("${{") {
            Some((start, _)) => start.rsplit_once('/').map_or("", |(folder, _)| folder),
            None => path,
        });
        known.map(PathBuf::from).collect()
    }

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
        let kind = fill_late(&self.node, &self.late, value, &mut context).and_then(|node| {
            let mut entries = Entries::new(&node, "a check", &mut context)?;
            let kind = kind::of(&node, &entries, &mut context)?;
            let found = kind.read(&mut entries, &self.defaults, &mut context)?;
            if found.len() != self.of {
                // One that nobody knew of would never be performed.
                let message = "with what the image says, this makes other checks than without";
                context.report(Diagnostic::new(&node.place, message));
                return None;
            }
            found.into_iter().nth(self.index).map(|found| found.kind)
        });
        let mistakes = context.into_diagnostics();
        match kind {
            Some(kind) if mistakes.is_empty() => Ok(kind),
            _ => Err(Diagnostics(mistakes)),
        }
    }
}

/// What may name a file of the project, wherever it stands.
fn collect_files<'n>(node: &'n Node, said: &mut Vec<&'n str>) {
    match &node.kind {
        Kind::Scalar { .. } => {}
        Kind::Sequence(items) => items.iter().for_each(|item| collect_files(item, said)),
        Kind::Mapping(entries) => {
            for (key, value) in entries {
                match (key.scalar(), &value.kind) {
                    (Some("mounts"), Kind::Mapping(mounts)) => {
                        said.extend(mounts.iter().filter_map(|(path, _)| path.scalar()));
                    }
                    (Some("stdin"), Kind::Mapping(stdin)) => {
                        said.extend(stdin.iter().filter_map(|(_, path)| path.scalar()));
                    }
                    (Some("equals_file"), _) => said.extend(value.scalar()),
                    _ => collect_files(value, said),
                }
            }
        }
    }
}
