//! Which entry of an index is meant.

use super::manifest::{Blob, Descriptor};
use super::platform::{Platform, Said};
use super::problem::{listed, unreadable};
use super::reference::{LayoutTag, familiar_name};
use crate::engine::EngineError;

/// The annotations that name an entry: the image spec's, and that of containerd and Docker.
const NAMES: [&str; 2] = [
    "org.opencontainers.image.ref.name",
    "io.containerd.image.name",
];
/// Marks what belongs to another entry and is no image itself.
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";

/// The entry of an index for `platform`; the first of those that fit best.
pub(super) fn for_platform(
    place: &str,
    entries: &[Descriptor],
    platform: &Platform,
) -> Result<Blob, EngineError> {
    let images: Vec<&Descriptor> = entries.iter().filter(|entry| is_image(entry)).collect();
    // The only one there is need not say what it is for.
    if let [only] = images.as_slice()
        && only.platform.is_none()
    {
        return only.blob(place);
    }
    let ranked = images.iter().filter_map(|entry| {
        let rank = platform.rank(&entry.platform.as_ref().and_then(Said::read)?)?;
        Some((rank, *entry))
    });
    // The first of several with the same rank.
    if let Some((_, entry)) = ranked.min_by_key(|(rank, _)| *rank) {
        return entry.blob(place);
    }
    let mut there: Vec<String> = images
        .iter()
        .filter_map(|entry| Some(entry.platform.as_ref().and_then(Said::read)?.to_string()))
        .collect();
    there.dedup();
    let there = if there.is_empty() {
        "none that says what it is for".to_owned()
    } else {
        listed(&there)
    };
    let reason = format!("there is no image for {platform}; there is {there}");
    Err(unreadable(place, reason))
}

/// The entry of the index of a layout that a user means; `None` if the index itself is meant, whose
/// entries are one image for several platforms.
pub(super) fn of_layout(
    place: &str,
    entries: &[Descriptor],
    tag: &LayoutTag,
) -> Result<Option<Blob>, EngineError> {
    let found: Vec<&Descriptor> = match tag {
        LayoutTag::Only => entries.iter().filter(|entry| is_image(entry)).collect(),
        LayoutTag::Named(tag) => entries
            .iter()
            .filter(|entry| is_named(entry, tag))
            .collect(),
        LayoutTag::Digest(digest) => {
            let entry = entries.iter().find(|it| it.digest == digest.to_string());
            let size = entry.map(|entry| entry.size);
            let digest = digest.clone();
            return Ok(Some(Blob { digest, size }));
        }
    };
    let is_same = |other: &&Descriptor| other.digest == found[0].digest;
    match found.as_slice() {
        [] if entries.is_empty() => Err(unreadable(place, "there is no image in it")),
        [] => Err(unreadable(
            place,
            format!("there is no such image; there is {}", names(entries)),
        )),
        [first, others @ ..] if others.iter().all(is_same) => Ok(Some(first.blob(place)?)),
        several if is_one_image(several) => Ok(None),
        _ => Err(unreadable(
            place,
            format!(
                "there are several images; say after the path which one, with `:` and its name or \
                 `@` and its digest: {}",
                names(entries)
            ),
        )),
    }
}

/// The names of an entry.
pub(super) fn names_of(entry: &Descriptor) -> impl Iterator<Item = &str> {
    let annotations = entry.annotations.as_ref();
    NAMES
        .iter()
        .filter_map(move |key| annotations?.get(*key).map(String::as_str))
}

/// Entries with the same name, each for another platform, are one image.
fn is_one_image(entries: &[&Descriptor]) -> bool {
    let mut platforms = Vec::new();
    for entry in entries {
        match entry.platform.as_ref().and_then(Said::read) {
            Some(platform) if !platforms.contains(&platform) => platforms.push(platform),
            _ => return false,
        }
    }
    let name = |entry: &Descriptor| names_of(entry).next().map(ToOwned::to_owned);
    entries.iter().all(|entry| name(entry) == name(entries[0]))
}

fn is_named(entry: &Descriptor, tag: &str) -> bool {
    is_image(entry)
        && names_of(entry).any(|name| name == tag || familiar_name(name) == familiar_name(tag))
}

fn is_image(entry: &Descriptor) -> bool {
    let annotations = entry.annotations.as_ref();
    !annotations.is_some_and(|annotations| annotations.contains_key(REFERENCE_TYPE))
}

fn names(entries: &[Descriptor]) -> String {
    let entries = entries.iter().filter(|entry| is_image(entry));
    let name = |entry: &Descriptor| {
        let name = names_of(entry).next();
        name.unwrap_or(&entry.digest).to_owned()
    };
    listed(&entries.map(name).collect::<Vec<_>>())
}
