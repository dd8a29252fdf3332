//! Checks of files in the image; no container is started for them.

use super::size::SizeBounds;
use super::text::TextExpectation;
use crate::diagnostic::Diagnostic;
use crate::source::Located;
use crate::yaml::{Context, Decode, Definitions, Describe, Node, object, text, words};
use serde_json::Value;

object! {
    /// Looks at one path of the image's file system.
    pub struct FileCheck: "a file check" {
        /// The absolute path in the image. A link at its end is followed unless `type: symlink`
        /// asks for the link itself.
        required file: Located<String>,
        /// Whether it must be there; true unless said otherwise.
        optional exists: Located<bool>,
        /// What it must be.
        optional r#type("type"): Located<FileType>,
        /// Its permissions.
        optional mode: Located<Mode>,
        /// Its owner, by name or number.
        optional owner: Located<String>,
        /// Its group, by name or number.
        optional group: Located<String>,
        /// Its size.
        optional size: Located<SizeBounds>,
        /// Its content.
        optional content: TextExpectation,
    }
}

impl FileCheck {
    /// Whether anything beyond its existence is expected.
    fn expects_more(&self) -> bool {
        self.r#type.is_some()
            || self.mode.is_some()
            || self.owner.is_some()
            || self.group.is_some()
            || self.size.is_some()
            || self.content.is_some()
    }

    pub(super) fn validate(&self, context: &mut Context) {
        if !self.file.starts_with('/') {
            context.report(
                Diagnostic::new(&self.file.place, "a file check needs an absolute path")
                    .label("does not begin with `/`"),
            );
        }
        if let Some(exists) = self.exists.as_ref().filter(|exists| !exists.value)
            && self.expects_more()
        {
            context.report(
                Diagnostic::new(
                    &exists.place,
                    "a file that must not exist can't be looked at",
                )
                .help("remove `exists: false` or the other expectations"),
            );
        }
    }
}

/// The kinds of things that a path can be required to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
}

impl FileType {
    /// The word in specs.
    pub fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
        }
    }
}

impl Decode for FileType {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        [Self::File, Self::Directory, Self::Symlink]
            .into_iter()
            .find(|kind| node.scalar() == Some(kind.word()))
            .or_else(|| context.mismatch(node, "`file`, `directory` or `symlink`"))
    }
}

/// Permission bits with setuid, setgid and sticky, written in octal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode(pub u32);

impl Decode for Mode {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let octal = node.scalar().filter(|text| {
            matches!(text.len(), 3 | 4) && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte))
        });
        match octal.and_then(|text| u32::from_str_radix(text, 8).ok()) {
            Some(bits) => Some(Self(bits)),
            None => context.mismatch(node, "permissions in octal, such as \"0755\""),
        }
    }
}

impl Describe for FileType {
    fn schema(_: &mut Definitions) -> Value {
        words(&["file", "directory", "symlink"])
    }
}

impl Describe for Mode {
    fn schema(_: &mut Definitions) -> Value {
        text("^[0-7]{3,4}$", &["0755", "1777"])
    }
}
