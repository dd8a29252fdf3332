//! Presets: entries of the list of checks that stand for several checks.

use super::check::CheckKind;
use super::hygiene;
use super::libraries;
use super::packages;
use crate::source::Place;
use crate::yaml::{Context, Entries};

/// The presets, by their keys.
pub(super) const KINDS: [&str; 3] = ["libraries", "packages", "hygiene"];

/// One check of a preset.
#[derive(Debug)]
pub(super) struct Expanded {
    /// Its name if the preset has none.
    pub(super) default_name: String,
    /// What tells it from the others of the preset.
    pub(super) item: String,
    /// Where it stands.
    pub(super) place: Place,
    /// What it looks at and expects.
    pub(super) kind: CheckKind,
}

/// Takes the key `kind`, which is there, and reads what it stands for.
pub(super) fn take(
    kind: &str,
    entries: &mut Entries<'_>,
    context: &mut Context,
) -> Option<Vec<Expanded>> {
    match kind {
        "libraries" => libraries::expand(entries.take("libraries")?, context),
        "packages" => packages::expand(entries.take("packages")?, context),
        "hygiene" => hygiene::expand(entries.take("hygiene")?, context),
        _ => None,
    }
}
