//! Images for several platforms, which are tested and pushed one by one: the index of all comes when each
//! of them is there.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::attached::statements;
use super::attestation::{Outcome, Statement};
use super::published::Expected;
use super::refusal::Refusal;
use super::vouch::vouched;
use crate::platform::Platform;
use crate::registry::{
    Descriptor, Digest, MANIFEST_LIMIT, Manifest, PlatformEntry, RegistryError, Repository, Target,
    Version, index, index_entries,
};

/// The results of an image's tests, by the commit that it was made from. Whoever was not told of a commit
/// knows of none.
type Results = BTreeMap<Option<String>, Outcome>;

/// The image of one platform that a test result vouches for.
#[derive(Debug, Clone)]
pub(super) struct Tested {
    /// What points to it in the index.
    pub(super) descriptor: Descriptor,
    /// Never empty.
    pub(super) results: Results,
}

/// What the registries have of an image for several platforms.
#[derive(Debug)]
pub enum Gathered {
    /// All of it: the index. It is not pushed yet.
    Index(Manifest),
    /// Not all.
    Waiting(Vec<Awaited>),
}

/// A platform that is not there as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// The platform.
    pub platform: Platform,
    /// Why it does not count.
    pub why: String,
}

/// The tag of the image of one platform: `v1` becomes `v1-linux-amd64`.
///
/// # Errors
/// [`RegistryError::Configuration`] when that is too long for a tag.
pub fn platform_tag(tag: &Version, platform: &Platform) -> Result<Version, RegistryError> {
    Version::tag(&format!("{tag}-{}", platform.0.replace('/', "-")))
}

/// Looks in every registry for what stands under the tags of all platforms. A platform counts if the same
/// image for it stands everywhere and its test result vouches for it, and all of them must have been made
/// from one commit, where git knows of commits. `commit` is that of this run, for messages;
/// `deny_warnings` refuses what passed with warnings.
///
/// # Errors
/// When a registry can't be asked.
pub fn gather(
    targets: &[Target],
    tag: &Version,
    expected: Expected<'_>,
    commit: Option<&String>,
    deny_warnings: bool,
) -> Result<Gathered, RegistryError> {
    let (mut found, mut awaited) = (Vec::new(), Vec::new());
    for platform in expected.platforms {
        match everywhere(targets, tag, platform, expected, deny_warnings)? {
            Ok(tested) => found.push(tested),
            Err(why) => awaited.push(Awaited {
                platform: platform.clone(),
                why,
            }),
        }
    }
    if !awaited.is_empty() {
        return Ok(Gathered::Waiting(awaited));
    }
    if agreed(&found).is_some() {
        let list: Vec<Descriptor> = found.into_iter().map(|it| it.descriptor).collect();
        return Ok(Gathered::Index(index(&list)?));
    }
    let others = found.iter().zip(expected.platforms);
    let others = others.filter(|(tested, _)| !tested.results.contains_key(&commit.cloned()));
    let why = |tested: &Tested| {
        let then = tested.results.keys().next().and_then(Option::as_deref);
        let [then, now] = [then, commit.map(String::as_str)].map(named);
        format!("it was made from {then}, and this is {now}")
    };
    let awaited = others.map(|(tested, platform)| Awaited {
        platform: platform.clone(),
        why: why(tested),
    });
    Ok(Gathered::Waiting(awaited.collect()))
}

fn named(commit: Option<&str>) -> String {
    match commit {
        Some(commit) => format!("commit {}", commit.chars().take(12).collect::<String>()),
        None => "no commit that git knows".to_owned(),
    }
}

/// Why the tag of an index can't be set in the end: it stands already for what is no index with this image
/// for its platform.
///
/// # Errors
/// When a registry does not say what it stands for.
pub fn claimed(
    targets: &[Target],
    tag: &Version,
    platforms: &[Platform],
    own: (&Platform, &Digest),
) -> Result<Option<Refusal>, RegistryError> {
    let is_listed = |(entry, platform): (&Descriptor, &Platform)| {
        entry.platform.as_ref() == Some(&spelled(platform))
            && (platform != own.0 || entry.digest == *own.1)
    };
    for target in targets {
        let repository = &target.repository;
        let Some(manifest) = repository.manifest(tag)? else {
            continue;
        };
        let list = index_entries(&manifest).unwrap_or_default();
        if list.len() != platforms.len() || !list.iter().zip(platforms).all(is_listed) {
            let message = format!(
                "{}:{tag} is there, and is no index of these platforms with this image for {}; tags \
                 are not moved without --move-tags",
                repository.name(),
                own.0
            );
            return Ok(Some(Refusal::Registry { message }));
        }
    }
    Ok(None)
}

/// The image under the tag of a platform, if it is the same in every registry and vouched for in each;
/// otherwise why it does not count.
fn everywhere(
    targets: &[Target],
    tag: &Version,
    platform: &Platform,
    expected: Expected<'_>,
    deny_warnings: bool,
) -> Result<Result<Tested, String>, RegistryError> {
    let version = platform_tag(tag, platform)?;
    let mut all: Option<Tested> = None;
    for target in targets {
        let place = &target.repository;
        let shown = format!("{}:{version}", place.name());
        let manifest = match place.manifest(&version) {
            Ok(Some(manifest)) => manifest,
            Ok(None) => return Ok(Err(format!("there is no {shown}"))),
            Err(error @ RegistryError::Mismatch { .. }) => return Ok(Err(error.to_string())),
            Err(error) => return Err(error),
        };
        let mut here = match tested(place, &manifest, platform, expected)? {
            Ok(here) => here,
            Err(why) => return Ok(Err(format!("{shown}: {why}"))),
        };
        if let Some(known) = &all {
            if known.descriptor != here.descriptor {
                let (one, other) = (&known.descriptor.digest, &here.descriptor.digest);
                let why = format!("{shown} is {other}, and {one} in the other registry");
                return Ok(Err(why));
            }
            here.results = both(&known.results, &here.results);
            if here.results.is_empty() {
                let why = format!("{shown} and the same elsewhere were tested for other commits");
                return Ok(Err(why));
            }
        }
        if deny_warnings {
            here.results.retain(|_, it| *it == Outcome::Passed);
            if here.results.is_empty() {
                let why = format!("{shown} passed with warnings, and --deny-warnings");
                return Ok(Err(why));
            }
        }
        all = Some(here);
    }
    Ok(all.ok_or_else(|| "there is no registry".to_owned()))
}

/// What is read of a configuration.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    os: String,
    architecture: String,
    variant: Option<String>,
}

/// Whether a manifest is an image for this platform that a test result vouches for; otherwise why not.
///
/// # Errors
/// When the registry can't be asked.
pub(super) fn tested(
    place: &Repository,
    manifest: &Manifest,
    platform: &Platform,
    expected: Expected<'_>,
) -> Result<Result<Tested, String>, RegistryError> {
    let document: Value = serde_json::from_slice(&manifest.bytes).unwrap_or_default();
    let config = document["config"]["digest"].as_str();
    let (Some(config), None) = (config.and_then(Digest::parse), document.get("manifests")) else {
        return Ok(Err("it is not the image of one platform".to_owned()));
    };
    let config = match place.blob(&config, MANIFEST_LIMIT) {
        Ok(Some(bytes)) => serde_json::from_slice::<Config>(&bytes),
        Ok(None) => return Ok(Err("its configuration is not there".to_owned())),
        Err(error @ RegistryError::Mismatch { .. }) => return Ok(Err(error.to_string())),
        Err(error) => return Err(error),
    };
    let config = match config {
        Ok(config) => config,
        Err(error) => return Ok(Err(format!("its configuration can't be read: {error}"))),
    };
    let said = PlatformEntry {
        os: config.os,
        architecture: config.architecture,
        variant: config.variant.filter(|it| !it.is_empty()),
    };
    if !is_for(platform, &said) {
        return Ok(Err(format!("it is for {said}")));
    }
    let digest = manifest.digest.to_string();
    let wanted = expected.of(&digest);
    let attached = statements(place, &manifest.digest)?;
    let mut results = Results::new();
    for it in &attached {
        if let Ok(result) = vouched(std::slice::from_ref(&it.statement), &wanted) {
            let best = results.entry(it.commit.clone()).or_insert(result);
            *best = result.min(*best);
        }
    }
    if results.is_empty() {
        let all: Vec<Statement> = attached.into_iter().map(|it| it.statement).collect();
        return Ok(Err(vouched(&all, &wanted).err().unwrap_or_default()));
    }
    let descriptor = Descriptor {
        platform: Some(spelled(platform)),
        ..manifest.descriptor()
    };
    Ok(Ok(Tested {
        descriptor,
        results,
    }))
}

/// Whether what an index or a configuration says is this platform.
pub fn is_for(platform: &Platform, said: &PlatformEntry) -> bool {
    let variant = said.variant.as_deref().unwrap_or_default();
    platform.is(&said.os, &said.architecture, variant)
}

/// As the index has it: the words of the project, so that it is the same whoever makes it.
fn spelled(platform: &Platform) -> PlatformEntry {
    let (os, architecture, variant) = platform.parts();
    PlatformEntry {
        os: os.to_owned(),
        architecture: architecture.to_owned(),
        variant: Some(variant.to_owned()).filter(|it| !it.is_empty()),
    }
}

/// The result of all platforms together, which is the worst of them, for a commit that all were made from;
/// nothing if there is no such commit.
pub(super) fn agreed(all: &[Tested]) -> Option<Outcome> {
    let mut all = all.iter().map(|it| it.results.clone());
    let first = all.next()?;
    let common = all.fold(first, |known, more| both(&known, &more));
    common.into_values().min()
}

/// What both have, with the worse result.
fn both(one: &Results, other: &Results) -> Results {
    let common = one.iter().filter_map(|(commit, result)| {
        let worse = *other.get(commit)?.max(result);
        Some((commit.clone(), worse))
    });
    common.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tested(results: &[(&str, Outcome)]) -> Tested {
        let results = results.iter().map(|(commit, result)| {
            let commit = Some((*commit).to_owned()).filter(|it| !it.is_empty());
            (commit, *result)
        });
        Tested {
            descriptor: Manifest::new("x", Vec::new()).descriptor(),
            results: results.collect(),
        }
    }

    #[test]
    fn platforms_must_be_made_from_one_commit() {
        use Outcome::{Passed, Warned};
        type Row<'a> = (&'a [&'a [(&'a str, Outcome)]], Option<Outcome>);
        let table: &[Row<'_>] = &[
            (&[], None),
            (&[&[("a", Passed)]], Some(Passed)),
            (&[&[("a", Passed)], &[("a", Warned)]], Some(Warned)),
            (&[&[("a", Passed)], &[("b", Passed)]], None),
            (&[&[("a", Passed)], &[("", Passed)]], None),
            (&[&[("", Passed)], &[("", Passed)]], Some(Passed)),
            (
                &[
                    &[("a", Passed), ("b", Passed)],
                    &[("a", Warned), ("b", Passed), ("c", Passed)],
                ],
                Some(Passed),
            ),
            (
                &[
                    &[("a", Passed), ("b", Passed)],
                    &[("b", Passed)],
                    &[("a", Passed)],
                ],
                None,
            ),
        ];
        for (all, expected) in table {
            let all: Vec<Tested> = all.iter().map(|it| tested(it)).collect();
            assert_eq!(agreed(&all), *expected, "{all:?}");
        }
    }

    #[test]
    fn a_platform_has_a_tag() {
        let tag = Version::tag("v1").unwrap();
        let platform = Platform("linux/arm/v7".to_owned());
        let made = platform_tag(&tag, &platform).unwrap();
        assert_eq!(made.to_string(), "v1-linux-arm-v7");
        let long = Version::tag(&"x".repeat(120)).unwrap();
        assert!(platform_tag(&long, &platform).is_err());
    }
}
