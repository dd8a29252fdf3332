//! A published index: whether it has the platforms of the project, and what was tested for each.

use serde::Serialize;

use super::attestation::Outcome;
use super::platforms::{Tested, agreed, is_for, tested};
use super::published::{Entry, Expected};
use crate::platform::Platform;
use crate::registry::{Descriptor, Manifest, RegistryError, Repository, Version, index_entries};

/// What an index has for a platform.
#[derive(Debug, Clone, Serialize)]
pub struct PlatformState {
    /// The platform, as the project writes it where it does.
    pub platform: String,
    /// The digest of its manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What the test result attached to it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Outcome>,
    /// What is wrong; nothing if all is well.
    pub problems: Vec<String>,
}

impl PlatformState {
    fn new(platform: &str, entry: Option<&Descriptor>, problem: Option<String>) -> Self {
        Self {
            platform: platform.to_string(),
            digest: entry.map(|it| it.digest.to_string()),
            result: None,
            problems: problem.into_iter().collect(),
        }
    }
}

/// Looks into what a reference leads to, which must be an index of the platforms of the project, no more
/// and no less, and fills in what is found.
///
/// # Errors
/// When the registry can't be asked.
pub(super) fn look_into(
    entry: &mut Entry,
    place: &Repository,
    index: &Manifest,
    expected: Expected<'_>,
) -> Result<(), RegistryError> {
    let list = match index_entries(index) {
        Ok(list) => list,
        Err(why) => {
            let platforms: Vec<&str> = expected.platforms.iter().map(|it| it.0.as_str()).collect();
            let problem = format!(
                "{why}; the project makes it for {}",
                platforms.join(" and ")
            );
            entry.problems.push(problem);
            return Ok(());
        }
    };
    let is = |entry: &Descriptor, platform: &Platform| {
        let said = entry.platform.as_ref();
        said.is_some_and(|said| is_for(platform, said))
    };
    let mut states = Vec::new();
    let mut found = Vec::new();
    for platform in expected.platforms {
        let same: Vec<&Descriptor> = list.iter().filter(|it| is(it, platform)).collect();
        let state = match same.as_slice() {
            [] => PlatformState::new(&platform.0, None, Some("the index lacks it".to_owned())),
            [one] => {
                let mut state = PlatformState::new(&platform.0, Some(one), None);
                match look_at(place, one, platform, expected)? {
                    Ok(tested) => {
                        state.result = tested.results.values().min().copied();
                        found.push(tested);
                    }
                    Err(why) => state.problems.push(why),
                }
                state
            }
            several => {
                let problem = format!("the index has it {} times", several.len());
                PlatformState::new(&platform.0, None, Some(problem))
            }
        };
        states.push(state);
    }
    let is_listed = |it: &Descriptor| expected.platforms.iter().any(|platform| is(it, platform));
    for other in list.iter().filter(|it| !is_listed(it)) {
        let said = other.platform.as_ref();
        let said = said.map_or("no platform".to_owned(), ToString::to_string);
        let problem = "the index has it, and the project does not list it".to_owned();
        states.push(PlatformState::new(&said, Some(other), Some(problem)));
    }
    let problems = states.iter().flat_map(|state| {
        let problems = state.problems.iter();
        problems.map(|problem| format!("{}: {problem}", state.platform))
    });
    entry.problems.extend(problems);
    if states.iter().all(|state| state.problems.is_empty()) {
        entry.result = agreed(&found);
        if entry.result.is_none() {
            let problem = "its platforms were made from different commits".to_owned();
            entry.problems.push(problem);
        }
    }
    entry.platforms = states;
    Ok(())
}

/// What an entry of an index leads to.
fn look_at(
    place: &Repository,
    entry: &Descriptor,
    platform: &Platform,
    expected: Expected<'_>,
) -> Result<Result<Tested, String>, RegistryError> {
    let manifest = match place.manifest(&Version::Digest(entry.digest.clone())) {
        Ok(Some(manifest)) => manifest,
        Ok(None) => return Ok(Err("its manifest is not there".to_owned())),
        Err(error @ RegistryError::Mismatch { .. }) => return Ok(Err(error.to_string())),
        Err(error) => return Err(error),
    };
    if manifest.bytes.len() as u64 != entry.size {
        let (said, is) = (entry.size, manifest.bytes.len());
        let why = format!("the index says that its manifest has {said} bytes, it has {is}");
        return Ok(Err(why));
    }
    tested(place, &manifest, platform, expected)
}
