//! Why a layer could not be unpacked.

use rustix::io::Errno;

use super::super::layer::Digest;

/// How much of a path from an archive a message shows, in characters.
const SHOWN: usize = 300;

/// A layer could not be unpacked. What has been written of it is worth nothing.
#[derive(Debug, thiserror::Error)]
#[error("layer {layer} can't be unpacked: {fault}")]
pub(crate) struct UnpackError {
    /// The digest of its uncompressed tar.
    pub(crate) layer: Digest,
    /// What is wrong.
    #[source]
    pub(crate) fault: Fault,
}

/// What is wrong with a layer, or with the place that it is unpacked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// It could not be read to its end.
    #[error("it could not be read: {0}")]
    Read(std::io::Error),
    /// The bytes as they came are not those that were asked for.
    #[error(
        "its bytes have the digest {found}, not {expected}: they are damaged, cut off or not those of this layer"
    )]
    Blob {
        /// The digest that they should have.
        expected: Digest,
        /// The one that they have.
        found: String,
    },
    /// The uncompressed tar is not the one that was asked for.
    #[error("its tar has the digest {found}: it is damaged, cut off or not that of this layer")]
    DiffId {
        /// The digest that it has.
        found: String,
    },
    /// It is no tar that is understood.
    #[error("it is no valid tar: {what}, at byte {at}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
        /// Where in the uncompressed tar, in bytes.
        at: u64,
    },
    /// An entry that no sound image has, or that is not understood.
    #[error("the entry `{path}` {why}")]
    Entry {
        /// Its path, harmless.
        path: String,
        /// What is wrong with it.
        why: Refusal,
    },
    /// It is larger than what is unpacked.
    #[error("it has more than {limit} {what}, which is the bound")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// The disk is full.
    #[error(
        "no space is left for it on the file system of the layer store, at the entry `{path}`: free some, or remove layers with `seatrial clean --store`"
    )]
    Full {
        /// The entry that there was no space for.
        path: String,
    },
    /// Its owner does not exist in this user namespace.
    #[error(
        "the entry `{path}` belongs to {uid}:{gid} (user:group), which has no place among the ids of this user namespace: give the user more ids in /etc/subuid and /etc/subgid"
    )]
    Unmapped {
        /// The entry.
        path: String,
        /// Its user.
        uid: u32,
        /// Its group.
        gid: u32,
    },
    /// The system refused a step.
    #[error("the system would not {step} `{path}`: {reason}")]
    System {
        /// What was tried, as a verb phrase.
        step: &'static str,
        /// The entry.
        path: String,
        /// What it said.
        reason: std::io::Error,
    },
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// `..` in its path.
    #[error("leads out of its folder with `..`")]
    Escapes,
    /// Its path, or a name in it, is longer than what Linux can open.
    #[error("has a path that is too long: a name has at most 255 bytes, a path 4095")]
    TooLong,
    /// Too many folders, one in the other.
    #[error("stands in too many folders, one in the other")]
    TooDeep,
    /// Its path goes on below something that is no folder.
    #[error("stands below something that this layer made a file, not a folder")]
    BelowFile,
    /// Its path goes on below a link.
    #[error("stands below a symbolic link of this very layer: nothing is written through links")]
    BelowLink,
    /// The root can only be a folder.
    #[error("would make something other than a folder of `/`")]
    Root,
    /// `.wh.`, `.wh..`, `.wh...`.
    #[error("is a whiteout of nothing that can be removed")]
    EmptyWhiteout,
    /// Something below `.wh.NAME`.
    #[error("stands below a whiteout")]
    BelowWhiteout,
    /// A character device 0/0.
    #[error(
        "is the character device 0/0, which is how overlayfs marks what is removed: layers say that with `.wh.` names"
    )]
    ForgedWhiteout,
    /// A hard link to what is not in this layer.
    #[error("is a hard link to something that is not in this layer before it")]
    MissingTarget,
    /// A hard link to a folder, or to itself.
    #[error("is a hard link to a folder or to itself")]
    BadTarget,
    /// A symbolic link to nothing at all.
    #[error("is a symbolic link without a target")]
    NoTarget,
    /// A user or group that is no 32-bit number.
    #[error("has an owner or a group that is no valid id")]
    BadId,
    /// A device number that Linux can't express.
    #[error("has no valid device number")]
    BadDevice,
    /// A type of entry that images don't have.
    #[error("is of a kind that is not known")]
    UnknownKind,
    /// A sparse file whose parts make no sense.
    #[error("is a sparse file whose map of parts makes no sense")]
    BadSparse,
}

impl Fault {
    pub(super) fn entry(path: &[u8], why: Refusal) -> Self {
        let path = shown(path);
        Self::Entry { path, why }
    }

    /// What the system's refusal of a step means.
    pub(super) fn system(step: &'static str, path: &[u8], reason: Errno) -> Self {
        let path = shown(path);
        match reason {
            Errno::NOSPC | Errno::DQUOT => Self::Full { path },
            _ => Self::System {
                step,
                path,
                reason: reason.into(),
            },
        }
    }
}

/// A path of an archive as messages can show it.
fn shown(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    let shown: String = text
        .chars()
        .flat_map(char::escape_debug)
        .take(SHOWN)
        .collect();
    if shown.is_empty() {
        "/".to_owned()
    } else {
        shown
    }
}
