//! The fingerprints of a plan's checks.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::content::{Content, of_mounted, of_read};
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
        let Some(print) = files.print(&case.check, &case.root) else {
            continue;
        };
        let info = CaseInfo {
            fingerprint: Some(print.everywhere.hex().to_owned()),
            ..CaseInfo::clone(&case.info)
        };
        *case = Arc::new(Case {
            info: Arc::new(info),
            surroundings: Some(print.here),
            image: case.image,
            check: Arc::clone(&case.check),
            root: case.root.clone(),
        });
    }
    plan
}

/// What was read so far, by path and whether containers see it.
#[derive(Default)]
struct Files {
    known: HashMap<(PathBuf, bool), Option<Content>>,
}

impl Files {
    fn print(&mut self, check: &Check, root: &Path) -> Option<Content> {
        let mut everywhere = Sha256::new_with_prefix(FORM);
        everywhere.update(format!("{} {}\n", check.kind.word(), check.essence));
        let mut here = Sha256::new();
        let mut files = check.kind.all_host_files()?;
        files.sort_by(|one, other| (&one.path, one.mounted).cmp(&(&other.path, other.mounted)));
        for file in files {
            let content = self.content(root.join(&file.path), file.mounted)?;
            let path = file.path.as_os_str().as_encoded_bytes();
            everywhere.update(format!("{} {} ", file.mounted, path.len()));
            everywhere.update(path);
            everywhere.update(content.everywhere.hex());
            here.update(content.here.hex());
        }
        Some(Content {
            everywhere: Sha256Digest::from(everywhere),
            here: Sha256Digest::from(here),
        })
    }

    fn content(&mut self, path: PathBuf, mounted: bool) -> Option<Content> {
        let read = |(path, mounted): &(PathBuf, bool)| {
            let content = if *mounted {
                of_mounted(path)
            } else {
                of_read(path)
            };
            content.ok().flatten()
        };
        let key = (path, mounted);
        let known = self.known.entry(key);
        known.or_insert_with_key(read).clone()
    }
}
