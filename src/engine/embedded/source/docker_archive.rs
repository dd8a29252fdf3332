//! What `docker save` writes: `manifest.json`, and in it the names of the configuration and of the
//! layers of each image. Since Docker 25 it is an OCI layout too, and the names are those of blobs.

use serde::Deserialize;

use super::config::Config;
use super::image::{Description, SourceImage};
use super::layout::{Layout, MARKER};
use super::manifest::{CONFIG_LIMIT, join};
use super::platform::Platform;
use super::problem::{digest_of, listed, unreadable};
use super::reference::{LayoutTag, familiar_name};
use super::tarball::Tarball;
use crate::engine::EngineError;
use crate::engine::embedded::layer::Digest;

const MANIFEST: &str = "manifest.json";
/// The largest list of images that is read, in bytes.
const LIST_LIMIT: u64 = 16 << 20;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Option<Vec<String>>,
}

/// Finds an image in an archive: that of the name, or the only one.
pub(super) fn load(
    place: &str,
    tarball: Tarball,
    name: Option<&str>,
    platform: &Platform,
) -> Result<SourceImage, EngineError> {
    if !tarball.has(MANIFEST) {
        if !tarball.has(MARKER) {
            let reason = format!("there is neither {MANIFEST} nor {MARKER} in it");
            return Err(unreadable(place, reason));
        }
        let tag = name.map_or(LayoutTag::Only, |name| LayoutTag::Named(name.to_owned()));
        let place = place.to_owned();
        return Layout::Archive { place, tarball }.load(&tag, platform);
    }
    let list = tarball.read(MANIFEST, LIST_LIMIT)?;
    let list: Vec<Saved> = serde_json::from_slice(&list)
        .map_err(|error| unreadable(place, format!("{MANIFEST} can't be read: {error}")))?;
    read(place, &tarball, choose(place, &list, name)?)
}

fn choose<'a>(
    place: &str,
    list: &'a [Saved],
    name: Option<&str>,
) -> Result<&'a Saved, EngineError> {
    let names = || {
        let names = list.iter().flat_map(|saved| match &saved.repo_tags {
            Some(tags) if !tags.is_empty() => tags.clone(),
            _ => vec![format!("{} without a name", saved.config)],
        });
        listed(&names.collect::<Vec<_>>())
    };
    let wanted = name.map(familiar_name);
    let is_wanted = |saved: &&Saved| match &wanted {
        None => true,
        Some(wanted) => {
            let tags = saved.repo_tags.iter().flatten();
            tags.map(|tag| familiar_name(tag)).any(|tag| tag == *wanted)
        }
    };
    let found: Vec<&Saved> = list.iter().filter(is_wanted).collect();
    match found.as_slice() {
        [] if list.is_empty() => Err(unreadable(place, "there is no image in it")),
        [] => Err(unreadable(
            place,
            format!("there is no such image in it; there is {}", names()),
        )),
        [first, others @ ..] if others.iter().all(|it| it.config == first.config) => Ok(first),
        _ => Err(unreadable(
            place,
            format!(
                "there are several images in it; say after the path which one, with `:` and its \
                 name: {}",
                names()
            ),
        )),
    }
}

fn read(place: &str, tarball: &Tarball, saved: &Saved) -> Result<SourceImage, EngineError> {
    let bytes = tarball.read(&saved.config, CONFIG_LIMIT)?;
    let id = digest_of(&bytes);
    if let Some(said) = said_digest(&saved.config)
        && said != id
    {
        let reason = format!("the configuration must have the digest {said}, but has {id}");
        return Err(unreadable(place, reason));
    }
    let config = Config::read(place, &bytes)?;
    let names = saved.layers.iter().flatten();
    let contents = names.map(|name| tarball.content(name, blob_digest(name)));
    let contents = contents.collect::<Result<Vec<_>, _>>()?;
    Ok(SourceImage {
        layers: join(place, &config, contents)?,
        id,
        config: Some(bytes),
        description: Description::Config(Box::new(config)),
        repo_digests: Vec::new(),
        manifest: None,
        kept: None,
    })
}

/// The digest that the name of a configuration says.
fn said_digest(name: &str) -> Option<Digest> {
    let digits = name.strip_suffix(".json");
    let old = digits.and_then(|digits| Digest::parse(&format!("sha256:{digits}")));
    old.or_else(|| blob_digest(name))
}

/// The digest that the name of a blob says.
fn blob_digest(name: &str) -> Option<Digest> {
    let digits = name.strip_prefix("blobs/sha256/")?;
    Digest::parse(&format!("sha256:{digits}"))
}
