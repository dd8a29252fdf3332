//! What is known of a file without its content, and the digest of its content.

use sha2::{Digest, Sha256};

use super::names::table;
use crate::engine::{EngineError, FileKind, FileOwner, FileStat, Files};
use crate::source::Located;
use crate::spec::{FileExpectation, FileType, Sha256Digest};
use crate::verdict::{Finding, Problem};

/// Judges type, mode and size.
pub(super) fn judge(expected: &FileExpectation, shown: &str, stat: &FileStat) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(expected) = &expected.r#type
        && kind(expected.value) != stat.kind
    {
        let (wanted, found) = (describe(kind(expected.value)), describe(stat.kind));
        let message = format!("{shown} must be {wanted}, it is {found}");
        findings.push(Finding::new(&expected.place, "file.type", message));
    }
    if let Some(expected) = &expected.mode
        && stat.mode != expected.value.0
    {
        let message = format!(
            "the mode of {shown} must be {:04o}, it is {:04o}",
            expected.value.0, stat.mode
        );
        findings.push(Finding::new(&expected.place, "file.mode", message));
    }
    if let Some(expected) = &expected.size {
        let message = if stat.kind == FileKind::Directory {
            // File systems disagree about it.
            Some(format!("{shown} is a directory, which has no size"))
        } else {
            (!expected.value.allow(stat.size)).then(|| {
                let (bounds, size) = (expected.value.describe(), stat.size);
                format!("the size of {shown} must be {bounds}, it is {size}")
            })
        };
        let finding = |message| Finding::new(&expected.place, "file.size", message);
        findings.extend(message.map(finding));
    }
    findings
}

/// Judges owner and group.
pub(super) fn ownership(
    expected: &FileExpectation,
    shown: &str,
    owner: FileOwner,
    files: &dyn Files,
) -> Result<Vec<Finding>, EngineError> {
    let mut findings = Vec::new();
    let sides = [
        (
            &expected.owner,
            "owner",
            "file.owner",
            "/etc/passwd",
            owner.uid,
        ),
        (
            &expected.group,
            "group",
            "file.group",
            "/etc/group",
            owner.gid,
        ),
    ];
    for (expected, word, kind, names, id) in sides {
        let Some(expected) = expected else { continue };
        if let Some(message) = wrong_owner(expected, id, names, files)? {
            let message = format!("the {word} of {shown} {message}");
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
    let entries = table(files, names)?;
    let expected = expected.value.as_str();
    match entries.iter().find(|entry| entry.name == expected) {
        Some(wanted) if wanted.id == id => Ok(None),
        Some(_) => {
            let found = entries.iter().find(|entry| entry.id == id);
            let found = found.map_or_else(|| id.to_string(), |entry| entry.name.clone());
            Ok(Some(format!("must be {expected}, it is {found}")))
        }
        None => Ok(Some(format!(
            "must be {expected}, which {names} of the image does not know"
        ))),
    }
}

/// Judges the digest of a regular file's content.
pub(super) fn sha256(
    expected: &Located<Sha256Digest>,
    path: &str,
    shown: &str,
    files: &dyn Files,
) -> Result<Vec<Finding>, Problem> {
    let mut hasher = Sha256::new();
    files.content(path, &mut |piece| hasher.update(piece))?;
    let found = Sha256Digest::from(hasher);
    let wanted = &expected.value;
    let message = format!("the SHA-256 digest of {shown} must be {wanted}, it is {found}");
    let differs = found != *wanted;
    let finding = differs.then(|| Finding::new(&expected.place, "file.sha256", message));
    Ok(finding.into_iter().collect())
}

fn kind(expected: FileType) -> FileKind {
    match expected {
        FileType::File => FileKind::File,
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::Symlink,
        FileType::CharDevice => FileKind::CharDevice,
        FileType::BlockDevice => FileKind::BlockDevice,
        FileType::Fifo => FileKind::Fifo,
        FileType::Socket => FileKind::Socket,
    }
}

/// What a thing is, in words.
pub(super) fn describe(kind: FileKind) -> &'static str {
    match kind {
        FileKind::File => "a file",
        FileKind::Directory => "a directory",
        FileKind::Symlink => "a symlink",
        FileKind::CharDevice => "a character device",
        FileKind::BlockDevice => "a block device",
        FileKind::Fifo => "a fifo",
        FileKind::Socket => "a socket",
        FileKind::Other => "something of an unknown type",
    }
}
