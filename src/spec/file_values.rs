//! The values that only file expectations have.

use crate::yaml::{Context, Decode, Definitions, Describe, Node, text, words};
use serde_json::{Value, json};

/// The kinds of things that a path can be required to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

impl FileType {
    const ALL: [Self; 7] = [
        Self::File,
        Self::Directory,
        Self::Symlink,
        Self::CharDevice,
        Self::BlockDevice,
        Self::Fifo,
        Self::Socket,
    ];

    /// The word in specs.
    pub fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
            Self::CharDevice => "char_device",
            Self::BlockDevice => "block_device",
            Self::Fifo => "fifo",
            Self::Socket => "socket",
        }
    }
}

impl Decode for FileType {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| node.scalar() == Some(kind.word()))
            .or_else(|| {
                let expected = "`file`, `directory`, `symlink`, `char_device`, `block_device`, \
                                `fifo` or `socket`";
                context.mismatch(node, expected)
            })
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

/// Who must be able to execute a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executor {
    /// Whoever owns it.
    Owner,
    /// Its group.
    Group,
    /// Everybody else.
    Other,
    /// At least one of the three.
    Any,
    /// A user of the image, by name or number.
    User(String),
}

impl Decode for Executor {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match node.scalar() {
            Some("owner") => Some(Self::Owner),
            Some("group") => Some(Self::Group),
            Some("other") => Some(Self::Other),
            Some("any") => Some(Self::Any),
            Some(user) if !node.is_null() && is_user(user) => Some(Self::User(user.to_owned())),
            _ => context.mismatch(
                node,
                "`owner`, `group`, `other`, `any` or the name of a user",
            ),
        }
    }
}

/// What passwd can hold as a name.
fn is_user(text: &str) -> bool {
    !text.is_empty() && !text.contains([':', '/', ' ', '\n'])
}

impl Describe for FileType {
    fn schema(_: &mut Definitions) -> Value {
        words(&Self::ALL.map(Self::word))
    }
}

impl Describe for Mode {
    fn schema(_: &mut Definitions) -> Value {
        text("^[0-7]{3,4}$", &["0755", "1777"])
    }
}

impl Describe for Executor {
    fn schema(_: &mut Definitions) -> Value {
        json!({"type": ["string", "number"], "examples": ["owner", "other", "any", "nobody"]})
    }
}
