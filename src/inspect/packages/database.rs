//! The packages of one manager, whoever it is.

use super::super::facts::Facts;
use super::super::path::{Real, real_path};
use super::{apk, dpkg, pip};
use crate::engine::{EngineError, Files};

/// A package manager whose records can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// Debian and its kin.
    Dpkg,
    /// Alpine.
    Apk,
    /// Python packages, whoever installed them.
    Pip,
    /// Conda, mamba and pixi.
    Conda,
    /// R packages, from CRAN, Bioconductor or elsewhere.
    R,
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Whose it is, as in specs.
    pub manager: &'static str,
    /// Its name, as its record has it.
    pub name: String,
    /// Its version, with what the packaging adds; `None` if the record has none.
    pub version: Option<String>,
    /// Where it is recorded: a file, or the folder of its environment.
    pub at: String,
}

/// All of them.
pub type Packages = Vec<Package>;

/// Records that are there and can't be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unreadable {
    /// The engine could not tell.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The records make no sense.
    #[error("the package database {path} is broken: {reason}")]
    Broken {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Unreadable {
    pub(super) fn broken(path: &str, reason: &str) -> Self {
        Self::Broken {
            path: path.to_owned(),
            reason: reason.to_owned(),
        }
    }
}

impl Manager {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Dpkg, Self::Apk, Self::Pip, Self::Conda, Self::R];

    /// The word in specs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dpkg => "dpkg",
            Self::Apk => "apk",
            Self::Pip => "pip",
            Self::Conda => "conda",
            Self::R => "r",
        }
    }

    /// Whether an image can have several sets of its packages.
    pub fn has_environments(self) -> bool {
        matches!(self, Self::Pip | Self::Conda | Self::R)
    }

    /// Whether two names are one: Python's differ in case and punctuation only by accident.
    pub fn is_same(self, one: &str, other: &str) -> bool {
        match self {
            Self::Pip => pip::normal(one) == pip::normal(other),
            _ => one == other,
        }
    }

    /// The manager of this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.word() == word)
    }

    /// A name in the one form that all names of the package share.
    pub fn plain_name(self, name: &str) -> String {
        match self {
            Self::Pip => pip::normal(name),
            _ => name.to_owned(),
        }
    }
}

/// The packages that are installed below `folder`, or anywhere; `None` if there is no place that
/// packages of this manager are recorded in.
///
/// # Errors
/// When the records can't be read.
pub fn installed(
    manager: Manager,
    folder: Option<&str>,
    files: &dyn Files,
    facts: &Facts,
    env: &[(String, String)],
) -> Result<Option<Packages>, Unreadable> {
    match manager {
        Manager::Dpkg => return dpkg::installed(files),
        Manager::Apk => return apk::installed(files),
        Manager::Pip | Manager::Conda | Manager::R => {}
    }
    let survey = facts.survey(files, env)?;
    if survey.packages.is_cut {
        return Err(Unreadable::broken(
            "/",
            "it has too many packages to look at",
        ));
    }
    let folder = match folder {
        Some(folder) => match real_path(files, folder)? {
            Real::Found(path, _) => Some(path),
            Real::Missing(_) => return Ok(None),
        },
        None => None,
    };
    let is_within = |path: &str| match &folder {
        None => true,
        // An environment in the folder of another one, such as /opt/conda/envs/x, is its own.
        Some(folder) if manager == Manager::Conda => {
            path.strip_suffix("/conda-meta").unwrap_or(path) == folder.trim_end_matches('/')
        }
        Some(folder) => {
            let rest = path.strip_prefix(folder.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
    };
    let environments = survey.environments.iter();
    let mut environments = environments.filter(|(of, at)| *of == manager.word() && is_within(at));
    let packages = survey.packages.items.iter();
    let packages = packages.filter(|package| package.manager == manager.word());
    let packages: Vec<_> = packages
        .filter(|package| is_within(&package.at))
        .cloned()
        .collect();
    let is_anywhere = environments.next().is_some() || !packages.is_empty();
    Ok(is_anywhere.then_some(packages))
}
