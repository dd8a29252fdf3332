//! The fingerprints of a plan's checks.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::content::{Content, of_mounted, of_read};
use super::stamp::Stamp;
use crate::event::CaseInfo;
use crate::plan::{Case, Plan};
use crate::spec::{Check, Sha256Digest};

/// The form of what is hashed. Another one makes other fingerprints of all checks.
const FORM: &str = "seatrial fingerprint 1\n";

/// Gives the checks in `names` (`IMAGE::CHECK`) their fingerprints: digests of all that can change
/// their verdicts beside the image and what runs it. That is what the specs say of them, with
/// everything filled in, and what the files of the host hold that they use; not how, where and in
/// which order that is written.
///
/// Each file is read once. A check has no fingerprint when not all of it can be known: its files
/// can't be read, or are no plain files, or depend on what the image says.
#[must_use]
pub fn fill(mut plan: Plan, names: &BTreeSet<String>) -> Plan {
    let mut files = Files::default();
    for case in &mut plan.cases {
        if !names.contains(&case.info.name()) {
            continue;
        }
        let Some((print, stamps)) = files.print(&case.check, &case.root) else {
            continue;
        };
        let info = CaseInfo {
            fingerprint: Some(print.everywhere.hex().to_owned()),
            ..CaseInfo::clone(&case.info)
        };
        *case = Arc::new(Case {
            info: Arc::new(info),
            surroundings: Some(Surroundings {
                digest: print.here,
                stamps,
            }),
            image: case.image,
            check: Arc::clone(&case.check),
            root: case.root.clone(),
        });
    }
    plan
}

/// What a fingerprint leaves out because it differs from machine to machine.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The digest of the owners and times of its files.
    pub digest: Sha256Digest,
    /// Of its files, in their order in the spec.
    stamps: Vec<Stamp>,
}

/// Whether the files of a check are for certain those that its fingerprint was made of.
pub fn is_unchanged(case: &Case) -> bool {
    let files = case.check.kind.all_host_files();
    let (Some(files), Some(surroundings)) = (files, &case.surroundings) else {
        return false;
    };
    let mut pairs = files.iter().zip(&surroundings.stamps);
    files.len() == surroundings.stamps.len()
        && pairs.all(|(file, stamp)| {
            let now = Stamp::of(&case.root.join(&file.path));
            now.is_ok_and(|now| stamp.still_holds(&now))
        })
}

/// What was read so far, by path and whether containers see it.
#[derive(Default)]
struct Files {
    known: HashMap<(PathBuf, bool), Option<(Content, Stamp)>>,
}

impl Files {
    fn print(&mut self, check: &Check, root: &Path) -> Option<(Content, Vec<Stamp>)> {
        let mut everywhere = Sha256::new_with_prefix(FORM);
        everywhere.update(format!("{} {}\n", check.kind.word(), check.essence));
        let mut here = Sha256::new();
        let mut files = Vec::new();
        let mut stamps = Vec::new();
        for file in check.kind.all_host_files()? {
            let (content, stamp) = self.content(root.join(&file.path), file.mounted)?;
            let path = file.path.as_os_str().as_encoded_bytes();
            files.push((path.to_owned(), file.mounted, content));
            stamps.push(stamp);
        }
        // Where they stand in the spec says nothing.
        files.sort_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
        for (path, mounted, content) in files {
            everywhere.update(format!("{mounted} {} ", path.len()));
            everywhere.update(path);
            everywhere.update(content.everywhere.hex());
            here.update(content.here.hex());
        }
        let print = Content {
            everywhere: Sha256Digest::from(everywhere),
            here: Sha256Digest::from(here),
        };
        Some((print, stamps))
    }

    fn content(&mut self, path: PathBuf, mounted: bool) -> Option<(Content, Stamp)> {
        let read = |(path, mounted): &(PathBuf, bool)| {
            // Comes first: what changes while the file is read shows in the next one.
            let stamp = Stamp::of(path).ok()?;
            let content = if *mounted {
                of_mounted(path)
            } else {
                of_read(path)
            };
            Some((content.ok().flatten()?, stamp))
        };
        let known = self.known.entry((path, mounted));
        known.or_insert_with_key(read).clone()
    }
}
