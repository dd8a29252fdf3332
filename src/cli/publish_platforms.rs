//! Images for several platforms on their way: the tags of their own that they are pushed under, and the
//! index of all platforms, which the run that comes last makes.

use super::exit::Exit;
use super::publish::Chosen;
use super::publish_table::IndexState;
use super::session::Trouble;
use super::verify::checks;
use crate::engine::Image;
use crate::plan::Plan;
use crate::platform::Platform;
use crate::project::Project;
use crate::publish::attestation::configuration;
use crate::publish::{
    Awaited, Expected, Gathered, Parcel, Refusal, claimed, gather, is_for, occupied, platform_tag,
    put_everywhere,
};
use crate::registry::{Manifest, RegistryError, Version};

/// How far an image is whose own bytes are in all registries.
#[derive(Debug)]
pub(super) enum Stage {
    /// Made for one platform, it is complete.
    Single,
    /// All of its platforms are there: their index, not pushed yet.
    Index(Manifest),
    /// Other platforms are not there yet.
    Waiting(Vec<Awaited>),
    /// All of its platforms are there, but not those of this image, which goes with it.
    Held(String, Manifest),
}

impl Stage {
    /// What the tag is set to; nothing if it is not set yet.
    pub(super) fn complete<'a>(&'a self, parcel: &'a Parcel) -> Option<&'a Manifest> {
        match self {
            Self::Single => Some(parcel.prepared.manifest()),
            Self::Index(index) => Some(index),
            Self::Waiting(_) | Self::Held(..) => None,
        }
    }

    /// For people.
    pub(super) fn state(&self) -> IndexState {
        match self {
            Self::Single => IndexState::Planned,
            Self::Index(index) => IndexState::There(index.digest.to_string()),
            Self::Waiting(awaited) => IndexState::Waiting(awaited.clone()),
            Self::Held(other, _) => IndexState::Held(other.clone()),
        }
    }
}

/// Sees to it that all platforms of these images have tags.
pub(super) fn check_tags(
    project: &Project,
    names: &[String],
    tag: &Version,
) -> Result<(), Trouble> {
    let images = project.images.iter();
    let images = images.filter(|image| names.contains(&image.name.value));
    let several = images.filter(|image| image.platforms.len() > 1);
    for platform in several.flat_map(|image| &image.platforms) {
        platform_tag(tag, platform).map_err(|error| Trouble::new(Exit::Usage, error))?;
    }
    Ok(())
}

/// Which of these platforms an image is for.
pub(super) fn own(platforms: &[Platform], image: &Image) -> Option<Platform> {
    let config = &image.config;
    let is_own = |it: &&Platform| it.is(&config.os, &config.architecture, &config.variant);
    platforms.iter().find(is_own).cloned()
}

/// What an image says that it is for; empty if it does not.
pub(super) fn said(image: &Image) -> String {
    let config = &image.config;
    let parts = [&config.os, &config.architecture, &config.variant];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.map(String::as_str).collect::<Vec<_>>().join("/")
}

/// The platforms in a sentence.
pub(super) fn named(platforms: &[Platform], word: &str) -> String {
    let names: Vec<&str> = platforms.iter().map(|it| it.0.as_str()).collect();
    names.join(&format!(" {word} "))
}

/// The tag of the platform that an image is for; nothing where it is made for no others.
pub(super) fn own_tag(image: &Chosen, tag: &Version) -> Result<Option<Version>, RegistryError> {
    let own = image.own.as_ref().filter(|_| image.platforms.len() > 1);
    own.map(|own| platform_tag(tag, own)).transpose()
}

/// Why an image can't go where it would, before anything is sent.
pub(super) fn refusal(
    image: &Chosen,
    parcel: &Parcel,
    tag: &Version,
    move_tags: bool,
) -> Result<Option<Refusal>, RegistryError> {
    let digest = &parcel.prepared.manifest().digest;
    let Some(own_tag) = own_tag(image, tag)? else {
        return match move_tags {
            true => Ok(None),
            false => occupied(&parcel.targets, digest, tag),
        };
    };
    // What the engine said is told by the configuration itself now.
    let (own, found) = (image.own.as_ref(), parcel.prepared.platform());
    let Some(own) = own.filter(|own| is_for(own, found)) else {
        return Ok(Some(Refusal::NotMadeFor {
            wanted: named(&image.platforms, "or"),
            found: found.to_string(),
        }));
    };
    if move_tags {
        return Ok(None);
    }
    if let Some(refusal) = occupied(&parcel.targets, digest, &own_tag)? {
        return Ok(Some(refusal));
    }
    claimed(&parcel.targets, tag, &image.platforms, (own, digest))
}

/// How far an image is when its own platform is there.
pub(super) fn stage(
    image: &Chosen,
    parcel: &Parcel,
    plan: &Plan,
    tag: &Version,
    deny_warnings: bool,
) -> Result<Stage, RegistryError> {
    let expected = Expected {
        platforms: &image.platforms,
        specs: &configuration(plan, &image.name),
        checks: &checks(plan, &image.name),
    };
    if !expected.is_index() {
        return Ok(Stage::Single);
    }
    let commit = parcel.commit.as_ref();
    Ok(
        match gather(&parcel.targets, tag, expected, commit, deny_warnings)? {
            Gathered::Index(index) => Stage::Index(index),
            Gathered::Waiting(awaited) => Stage::Waiting(awaited),
        },
    )
}

/// Images that are made for the same platforms appear together: one that waits holds back the others.
/// Those of other platforms are not held, for they may be published from other machines, which would wait
/// for ever.
pub(super) fn hold_back(stages: &mut [Stage], chosen: &[Chosen]) {
    let same = |one: &Chosen, other: &Chosen| {
        let has = |it: &Platform| other.platforms.iter().any(|known| known.is_same(it));
        one.platforms.len() == other.platforms.len() && one.platforms.iter().all(has)
    };
    let waits: Vec<bool> = stages
        .iter()
        .map(|stage| matches!(stage, Stage::Waiting(_)))
        .collect();
    for (at, stage) in stages.iter_mut().enumerate() {
        let mut others = chosen.iter().zip(&waits);
        let other = others.find(|(other, waits)| **waits && same(&chosen[at], other));
        if let (Some((other, _)), Stage::Index(index)) = (other, &*stage) {
            *stage = Stage::Held(other.name.clone(), index.clone());
        }
    }
}

/// Why an index that is complete can't have its tag.
pub(super) fn late_refusal(
    stage: &Stage,
    parcel: &Parcel,
    tag: &Version,
    move_tags: bool,
) -> Result<Option<Refusal>, RegistryError> {
    match stage {
        Stage::Index(index) | Stage::Held(_, index) if !move_tags => {
            occupied(&parcel.targets, &index.digest, tag)
        }
        _ => Ok(None),
    }
}

/// Sends the index to every registry by its digest, if it is complete.
pub(super) fn send_index(parcel: &Parcel, stage: &Stage) -> Result<(), RegistryError> {
    let Stage::Index(index) = stage else {
        return Ok(());
    };
    put_everywhere(
        &parcel.targets,
        index,
        &Version::Digest(index.digest.clone()),
    )
}
