//! File checks.

use std::path::Path;

use super::files::{Resolved, resolve};
use crate::engine::{Captured, EngineError, FileKind, FileStat, Files};
use crate::expect::{Subject, judge as judge_text};
use crate::source::Located;
use crate::spec::{FileCheck, FileType};
use crate::verdict::{Finding, Problem};

/// A file whose content is compared is read into memory; larger ones are refused.
const MAX_CONTENT: u64 = 16 << 20;
/// passwd and group files are small.
const MAX_NAMES: u64 = 1 << 20;

/// Judges one path.
pub(super) fn judge(
    check: &FileCheck,
    files: &dyn Files,
    root: &Path,
) -> Result<Vec<Finding>, Problem> {
    let path = check.file.value.as_str();
    let must_exist = check.exists.as_ref().is_none_or(|exists| exists.value);
    let place = check
        .exists
        .as_ref()
        .map_or(&check.file.place, |exists| &exists.place);
    let wants_link = check
        .r#type
        .as_ref()
        .is_some_and(|kind| kind.value == FileType::Symlink);

    if !must_exist {
        // A link is something too, wherever it leads.
        let there = files.stat(path)?.is_some();
        let message = format!("{path} exists, which it must not");
        return Ok(there
            .then(|| Finding::new(place, "file.exists", message))
            .into_iter()
            .collect());
    }
    let resolved = if wants_link {
        match files.stat(path)? {
            Some(stat) => Resolved::Found(path.to_owned(), stat),
            None => Resolved::Missing,
        }
    } else {
        resolve(files, path)?
    };
    let (path, stat) = match resolved {
        Resolved::Found(path, stat) => (path, stat),
        Resolved::Missing => {
            let message = format!("{path} does not exist");
            return Ok(vec![Finding::new(place, "file.exists", message)]);
        }
        Resolved::Dangling(target) => {
            let message = format!("{path} is a link to {target}, where nothing is");
            return Ok(vec![Finding::new(place, "file.exists", message)]);
        }
    };
    let mut findings = attributes(check, &path, &stat);
    findings.extend(ownership(check, files, &path)?);
    if let Some(expected) = &check.content {
        if stat.kind == FileKind::File {
            let content = files.read(&path, MAX_CONTENT)?;
            let name = format!("the content of {path}");
            let subject = Subject {
                kind: "file.content",
                name: &name,
                root,
            };
            findings.extend(judge_text(subject, expected, &Captured::whole(content))?);
        } else {
            let message = format!("{path} is {}, so it has no content", describe(stat.kind));
            let place = expected
                .0
                .first()
                .map_or(&check.file.place, |first| &first.place);
            findings.push(Finding::new(place, "file.content", message));
        }
    }
    Ok(findings)
}

fn attributes(check: &FileCheck, path: &str, stat: &FileStat) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(expected) = &check.r#type
        && !is_type(stat.kind, expected.value)
    {
        let (word, found) = (expected.value.word(), describe(stat.kind));
        let message = format!("{path} must be a {word}, it is {found}");
        findings.push(Finding::new(&expected.place, "file.type", message));
    }
    if let Some(expected) = &check.mode
        && stat.mode != expected.value.0
    {
        let message = format!(
            "the mode of {path} must be {:04o}, it is {:04o}",
            expected.value.0, stat.mode
        );
        findings.push(Finding::new(&expected.place, "file.mode", message));
    }
    if let Some(expected) = &check.size
        && !expected.value.allow(stat.size)
    {
        let (bounds, size) = (expected.value.describe(), stat.size);
        let message = format!("the size of {path} must be {bounds}, it is {size}");
        findings.push(Finding::new(&expected.place, "file.size", message));
    }
    findings
}

fn ownership(
    check: &FileCheck,
    files: &dyn Files,
    path: &str,
) -> Result<Vec<Finding>, EngineError> {
    let mut findings = Vec::new();
    if check.owner.is_none() && check.group.is_none() {
        return Ok(findings);
    }
    let owner = files.owner(path)?;
    let sides = [
        (
            &check.owner,
            "owner",
            "file.owner",
            "/etc/passwd",
            owner.uid,
        ),
        (&check.group, "group", "file.group", "/etc/group", owner.gid),
    ];
    for (expected, word, kind, names, id) in sides {
        let Some(expected) = expected else { continue };
        if let Some(message) = wrong_owner(expected, id, names, files)? {
            let message = format!("the {word} of {path} {message}");
            findings.push(Finding::new(&expected.place, kind, message));
        }
    }
    Ok(findings)
}

/// Names are those of the image's own passwd and group files; a number needs no file.
fn wrong_owner(
    expected: &Located<String>,
    id: u64,
    names: &str,
    files: &dyn Files,
) -> Result<Option<String>, EngineError> {
    if let Ok(number) = expected.value.parse::<u64>() {
        return Ok((number != id).then(|| format!("must be {number}, it is {id}")));
    }
    let table = match resolve(files, names)? {
        Resolved::Found(path, _) => files.read(&path, MAX_NAMES)?,
        _ => Vec::new(),
    };
    let table = String::from_utf8_lossy(&table);
    let entries = || {
        table.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            Some((name, fields.nth(1)?.parse::<u64>().ok()?))
        })
    };
    let expected = expected.value.as_str();
    match entries().find(|(name, _)| *name == expected) {
        Some((_, wanted)) if wanted == id => Ok(None),
        Some(_) => {
            let found = entries().find(|(_, number)| *number == id);
            let found = found.map_or_else(|| id.to_string(), |(name, _)| name.to_owned());
            Ok(Some(format!("must be {expected}, it is {found}")))
        }
        None => Ok(Some(format!(
            "must be {expected}, which {names} of the image does not know"
        ))),
    }
}

fn is_type(kind: FileKind, expected: FileType) -> bool {
    match expected {
        FileType::File => kind == FileKind::File,
        FileType::Directory => kind == FileKind::Directory,
        FileType::Symlink => kind == FileKind::Symlink,
    }
}

fn describe(kind: FileKind) -> &'static str {
    match kind {
        FileKind::File => "a file",
        FileKind::Directory => "a directory",
        FileKind::Symlink => "a symlink",
        FileKind::Other => "a device, pipe or socket",
    }
}
