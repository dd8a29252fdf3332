//! Globs of paths: each match must meet what is expected.

use std::path::Path;

use super::file::judge_path;
use super::files::Known;
use super::judged::Judged;
use super::links::{Resolved, resolve};
use crate::engine::{EngineError, FileEntry, FileKind};
use crate::source::Place;
use crate::spec::{FileExpectation, FileGlob};
use crate::verdict::{Finding, Problem};

/// How many matches are named for one expectation.
const MAX_NAMED: usize = 10;

/// Judges all that matches `glob`, which is written `text`.
pub(super) fn judge(
    text: &str,
    glob: &FileGlob,
    expected: &FileExpectation,
    place: &Place,
    files: &Known<'_>,
    root: &Path,
) -> Result<Vec<Finding>, Problem> {
    let matches = matches(glob, files)?;
    let found = matches.len() as u64;
    let mut judged = Judged::default();
    let wrong = if !expected.must_exist() {
        (found > 0).then(|| {
            (
                place,
                format!("{text} must match nothing, it matches {}", paths(found)),
            )
        })
    } else if let Some(count) = &expected.count {
        let bounds = count.value.describe("path");
        (!count.value.allows(found)).then(|| {
            let found = match found {
                0 => "none".to_owned(),
                found => found.to_string(),
            };
            let message = format!("{text} must match {bounds}, it matches {found}");
            (&count.place, message)
        })
    } else {
        (found == 0).then(|| (place, format!("nothing matches {text}")))
    };
    if let Some((place, message)) = wrong {
        let kind = if expected.count.is_some() {
            "file.count"
        } else {
            "file.exists"
        };
        judged.add(Ok(vec![Finding {
            detail: listed(&matches),
            ..Finding::new(place, kind, message)
        }]));
    }
    if expected.must_exist() {
        let mut bounded = Bounded::default();
        for entry in &matches {
            judged.add(
                judge_match(entry, expected, place, files, root).map(|findings| {
                    bounded.add(findings);
                    Vec::new()
                }),
            );
        }
        judged.add(Ok(bounded.finish()));
    }
    judged.finish()
}

fn judge_match(
    entry: &FileEntry,
    expected: &FileExpectation,
    place: &Place,
    files: &Known<'_>,
    root: &Path,
) -> Result<Vec<Finding>, Problem> {
    let follows = entry.stat.kind == FileKind::Symlink && !expected.is_about_link();
    let asks = follows
        || expected.content.is_some()
        || expected.sha256.is_some()
        || expected.executable_by.is_some();
    // Such a name can be shown and matched, but the engine can't be asked for it.
    if asks && entry.path.contains(char::REPLACEMENT_CHARACTER) {
        return Err(Problem {
            kind: "engine",
            message: format!(
                "{} can't be looked at: its name is not UTF-8 (shown as \u{fffd})",
                entry.path
            ),
        });
    }
    let known = Some((entry.stat.clone(), entry.owner));
    judge_path(&entry.path, known, expected, place, files, root)
}

/// All matches, sorted, with their paths as the glob has them.
fn matches(glob: &FileGlob, files: &Known<'_>) -> Result<Vec<FileEntry>, EngineError> {
    let asked = glob.folder();
    let (folder, stat) = match resolve(files, asked)? {
        Resolved::Found(folder, stat) => (folder, stat),
        Resolved::Missing | Resolved::Dangling(_) | Resolved::Circular => return Ok(Vec::new()),
    };
    if stat.kind != FileKind::Directory {
        return Ok(Vec::new());
    }
    let folder = folder.trim_end_matches('/');
    let asked = asked.trim_end_matches('/');
    let mut matches = Vec::new();
    let walked = if folder.is_empty() { "/" } else { folder };
    files.list(walked, &mut |entry| {
        let Some(below) = entry.path.strip_prefix(folder) else {
            return;
        };
        let path = format!("{asked}{below}");
        if glob.is_match(&path) {
            matches.push(FileEntry {
                path,
                ..entry.clone()
            });
        }
    })?;
    matches.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(matches)
}

fn paths(count: u64) -> String {
    match count {
        1 => "1 path".to_owned(),
        _ => format!("{count} paths"),
    }
}

/// The first matches, one in each line.
fn listed(matches: &[FileEntry]) -> Option<String> {
    let mut lines: Vec<String> = matches
        .iter()
        .take(MAX_NAMED)
        .map(|entry| entry.path.clone())
        .collect();
    if matches.len() > MAX_NAMED {
        lines.push(format!("and {} more", matches.len() - MAX_NAMED));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Findings of many matches: of each expectation the first are kept and the others counted.
#[derive(Default)]
struct Bounded(Vec<(Vec<Finding>, usize)>);

impl Bounded {
    fn add(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            let same = |group: &&mut (Vec<Finding>, usize)| {
                let first = &group.0[0];
                first.kind == finding.kind && first.place.range() == finding.place.range()
            };
            match self.0.iter_mut().find(same) {
                Some((kept, _)) if kept.len() < MAX_NAMED => kept.push(finding),
                Some((_, more)) => *more += 1,
                None => self.0.push((vec![finding], 0)),
            }
        }
    }

    fn finish(self) -> Vec<Finding> {
        let groups = self.0.into_iter().map(|(mut kept, more)| {
            if let Some(first) = kept.first().filter(|_| more > 0) {
                let message = format!("and {more} more");
                kept.push(Finding::new(&first.place.clone(), first.kind, message));
            }
            kept
        });
        groups.flatten().collect()
    }
}
