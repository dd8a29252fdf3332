//! What differs, as it is kept and written as JSON.

use schemars::JsonSchema;
use serde::Serialize;

use crate::engine::FileKind;

/// What differs between two images. `seatrial diff --json` writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Comparison {
    /// The version of this form: 1. It grows when something in it takes on another meaning; readers
    /// pass over fields that they don't know.
    pub version: u32,
    /// The first image.
    pub old: Side,
    /// The second image.
    pub new: Side,
    /// Packages that are in one of them only, or in other versions; by manager and name.
    pub packages: Vec<PackageChange>,
    /// Fields of the configuration that differ.
    pub config: Vec<FieldChange>,
    /// How much they hold.
    pub sizes: Sizes,
    /// Files, folders and links that differ, by path.
    pub files: Vec<FileChange>,
    /// What could not be compared, each in a sentence. Nothing is said about that.
    pub undecided: Vec<String>,
}

/// One of the two images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Side {
    /// What it was asked for by.
    pub reference: String,
    /// Its id.
    pub id: String,
    /// The size of all layers in bytes, as the engine counts them.
    pub size: Option<u64>,
}

/// A package that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PackageChange {
    /// Whose it is, as in specs: `dpkg`, `apk`, `rpm`, `pip`, `conda`, `r`.
    pub manager: String,
    /// Its name.
    pub name: String,
    /// What the first image has of it.
    pub old: Option<Recorded>,
    /// What the second image has of it.
    pub new: Option<Recorded>,
}

/// A package as an image has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Recorded {
    /// Where it is recorded: a file, or the folder of its environment.
    pub at: String,
    /// Its version, if the record has one.
    pub version: Option<String>,
}

/// A field of the configuration that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FieldChange {
    /// The field, as in `config` checks; `env.PATH` is a variable, `labels.x` a label.
    pub field: String,
    /// What the first image says, if anything; lists are written as JSON.
    pub old: Option<String>,
    /// What the second image says, if anything.
    pub new: Option<String>,
}

/// How much the images hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sizes {
    /// All regular files of the first image in bytes, each counted once whatever names it has.
    /// Nothing if the files were not compared.
    pub old: Option<u64>,
    /// The same of the second image.
    pub new: Option<u64>,
    /// The folders that tell best where it grew or shrank, those with most first; with all that is
    /// below them.
    pub folders: Vec<FolderSize>,
}

/// How a folder grew or shrank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FolderSize {
    /// The folder.
    pub path: String,
    /// By how many bytes; below 0 if it shrank.
    pub change: i64,
}

/// A path that differs. A time alone is no difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileChange {
    /// The path.
    pub path: String,
    /// What became of it.
    pub change: Change,
    /// What differs; empty for what is in one image only.
    pub differs: Vec<Aspect>,
    /// What is there in the first image.
    pub old: Option<Told>,
    /// What is there in the second image.
    pub new: Option<Told>,
}

/// What became of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is in the second image only.
    Added,
    /// It is in the first image only.
    Removed,
    /// It is in both, and differs.
    Changed,
}

/// In what a path differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// What kind of thing it is. Nothing else is compared then.
    Type,
    /// The bytes of a file.
    Content,
    /// The permissions.
    Mode,
    /// The user or the group.
    Owner,
    /// Where a link leads.
    Target,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Told {
    /// What it is.
    pub kind: FileKind,
    /// Permissions in octal, as `0755`.
    pub mode: String,
    /// Its size in bytes, if it is a file.
    pub size: Option<u64>,
    /// User and group, as `0:0`, if the engine tells them.
    pub owner: Option<String>,
    /// Where it leads, if it is a link.
    pub target: Option<String>,
}

impl Comparison {
    /// Whether nothing was found to differ. What could not be compared may differ all the same.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.config.is_empty() && self.files.is_empty()
    }

    /// By how many bytes the second image holds more.
    pub fn growth(&self) -> Option<i64> {
        let (old, new) = (self.sizes.old?, self.sizes.new?);
        i64::try_from(i128::from(new) - i128::from(old)).ok()
    }
}

impl PackageChange {
    /// What became of the package.
    pub fn change(&self) -> Change {
        Change::of(self.old.is_some(), self.new.is_some())
    }
}

impl FieldChange {
    /// What became of the field.
    pub fn change(&self) -> Change {
        Change::of(self.old.is_some(), self.new.is_some())
    }
}

impl Change {
    fn of(was: bool, is: bool) -> Self {
        match (was, is) {
            (false, _) => Self::Added,
            (true, false) => Self::Removed,
            (true, true) => Self::Changed,
        }
    }
}
