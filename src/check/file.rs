//! File checks.

use std::path::Path;

use super::access::{self, Target};
use super::attributes;
use super::files::{Known, Memory};
use super::glob;
use super::judged::Judged;
use super::links::{Resolved, resolve};
use crate::engine::{Captured, FileKind, FileOwner, FileStat, Files};
use crate::expect::{Subject, judge as judge_text};
use crate::source::{Located, Place};
use crate::spec::{
    FileCheck, FileExpectation, FilePattern, FilesExpectation, PatternKind, TextExpectation,
};
use crate::verdict::{Finding, Problem};

/// A file whose content is compared is read into memory; larger ones are refused.
const MAX_CONTENT: u64 = 16 << 20;

/// Something that is there.
pub(super) struct Thing {
    /// The path as the spec has it.
    pub asked: String,
    /// The path without a link at its end, unless the link itself is looked at.
    pub path: String,
    pub stat: FileStat,
    /// If it is known already.
    pub owner: Option<FileOwner>,
}

impl Thing {
    /// The path for messages.
    fn shown(&self) -> String {
        if self.asked == self.path {
            self.asked.clone()
        } else {
            format!("{} (a link to {})", self.asked, self.path)
        }
    }
}

/// Judges one path or one glob.
pub(super) fn judge(
    check: &FileCheck,
    files: &Known<'_>,
    root: &Path,
) -> Result<Vec<Finding>, Problem> {
    judge_pattern(&check.file, &check.expected, files, root)
}

/// Judges several paths and globs.
pub(super) fn judge_all(
    expected: &FilesExpectation,
    files: &dyn Files,
    root: &Path,
) -> Result<Vec<Finding>, Problem> {
    let memory = Memory::default();
    let known = Known::new(&memory, files);
    let mut judged = Judged::default();
    for (pattern, expected) in &expected.0 {
        judged.add(judge_pattern(pattern, expected, &known, root));
    }
    judged.finish()
}

fn judge_pattern(
    pattern: &Located<FilePattern>,
    expected: &FileExpectation,
    files: &Known<'_>,
    root: &Path,
) -> Result<Vec<Finding>, Problem> {
    let place = expected.exists.as_ref();
    let place = place.map_or(&pattern.place, |exists| &exists.place);
    match pattern.kind() {
        PatternKind::Path(path) if expected.must_exist() => {
            judge_path(path, None, expected, place, files, root)
        }
        PatternKind::Path(path) => {
            // A link is something too, wherever it leads.
            let there = files.stat(path)?.is_some();
            let message = format!("{path} exists, which it must not");
            let finding = there.then(|| Finding::new(place, "file.exists", message));
            Ok(finding.into_iter().collect())
        }
        PatternKind::Glob(glob) => glob::judge(pattern.text(), glob, expected, place, files, root),
    }
}

/// Judges what is at a path, where something must be. `known` is what a listing says of it.
pub(super) fn judge_path(
    asked: &str,
    known: Option<(FileStat, Option<FileOwner>)>,
    expected: &FileExpectation,
    place: &Place,
    files: &Known<'_>,
    root: &Path,
) -> Result<Vec<Finding>, Problem> {
    let missing = |message: String| Ok(vec![Finding::new(place, "file.exists", message)]);
    let is_link = |stat: &FileStat| stat.kind == FileKind::Symlink;
    let (path, stat, owner) = match known {
        Some((stat, owner)) if expected.is_about_link() || !is_link(&stat) => {
            (asked.to_owned(), stat, owner)
        }
        _ if expected.is_about_link() => match files.stat(asked)? {
            Some(stat) => (asked.to_owned(), stat, None),
            None => return missing(format!("{asked} does not exist")),
        },
        _ => match resolve(files, asked)? {
            Resolved::Found(path, stat) => (path, stat, None),
            Resolved::Missing => return missing(format!("{asked} does not exist")),
            Resolved::Dangling(target) => {
                return missing(format!("{asked} is a link to {target}, where nothing is"));
            }
            Resolved::Circular => {
                return missing(format!("{asked} is a link that leads in a circle"));
            }
        },
    };
    let asked = asked.to_owned();
    let thing = Thing {
        asked,
        path,
        stat,
        owner,
    };
    judge_thing(&thing, expected, place, files, root)
}

fn judge_thing(
    thing: &Thing,
    expected: &FileExpectation,
    place: &Place,
    files: &Known<'_>,
    root: &Path,
) -> Result<Vec<Finding>, Problem> {
    let shown = thing.shown();
    let mut judged = Judged::default();
    judged.add(Ok(attributes::judge(expected, &shown, &thing.stat)));
    judged.add(ownership(thing, &shown, expected, files));
    if let Some(digest) = &expected.sha256 {
        judged.add(match no_content(thing, &shown) {
            Some(message) => Ok(vec![Finding::new(&digest.place, "file.sha256", message)]),
            None => attributes::sha256(digest, &thing.path, &shown, files),
        });
    }
    if let Some(text) = &expected.content {
        judged.add(match no_content(thing, &shown) {
            Some(message) => Ok(vec![Finding::new(
                first_place(text, place),
                "file.content",
                message,
            )]),
            None => content(text, thing, &shown, files, root),
        });
    }
    if let Some(text) = &expected.link_target {
        judged.add(link_target(text, thing, &shown, place, files, root));
    }
    judged.finish()
}

fn ownership(
    thing: &Thing,
    shown: &str,
    expected: &FileExpectation,
    files: &Known<'_>,
) -> Result<Vec<Finding>, Problem> {
    let executors = expected.executable_by.as_ref();
    if expected.owner.is_none() && expected.group.is_none() && executors.is_none() {
        return Ok(Vec::new());
    }
    let owner = match thing.owner {
        Some(owner) => owner,
        None => files.owner(&thing.path)?,
    };
    let mut findings = attributes::ownership(expected, shown, owner, files)?;
    let target = Target {
        path: &thing.asked,
        shown,
        mode: thing.stat.mode,
        owner,
    };
    for executor in executors.into_iter().flat_map(|all| &all.0) {
        findings.extend(access::judge(executor, &target, files)?);
    }
    Ok(findings)
}

/// Why a thing has no content to look at.
fn no_content(thing: &Thing, shown: &str) -> Option<String> {
    let kind = thing.stat.kind;
    (kind != FileKind::File).then(|| {
        let what = attributes::describe(kind);
        format!("{shown} is {what}, so it has no content")
    })
}

fn content(
    expected: &TextExpectation,
    thing: &Thing,
    shown: &str,
    files: &Known<'_>,
    root: &Path,
) -> Result<Vec<Finding>, Problem> {
    let content = files.read(&thing.path, MAX_CONTENT)?;
    let name = format!("the content of {shown}");
    let kind = "file.content";
    let subject = Subject {
        kind,
        name: &name,
        root,
    };
    judge_text(subject, expected, &Captured::whole(content))
}

fn link_target(
    expected: &TextExpectation,
    thing: &Thing,
    shown: &str,
    place: &Place,
    files: &Known<'_>,
    root: &Path,
) -> Result<Vec<Finding>, Problem> {
    let kind = "file.link_target";
    if thing.stat.kind != FileKind::Symlink {
        let what = attributes::describe(thing.stat.kind);
        let message = format!("{shown} must be a symlink, it is {what}");
        return Ok(vec![Finding::new(
            first_place(expected, place),
            kind,
            message,
        )]);
    }
    // A listing has the words of the link; what looks at one path may have followed it.
    let target = match (&thing.owner, &thing.stat.link_target) {
        (Some(_), Some(target)) => target.clone(),
        _ => files.link_target(&thing.path)?,
    };
    let name = format!("the target of the link {shown}");
    super::texts::judge(kind, &name, expected, &target, root)
}

fn first_place<'a>(expected: &'a TextExpectation, otherwise: &'a Place) -> &'a Place {
    let first = expected.0.first();
    first.map_or(otherwise, |first| &first.place)
}
