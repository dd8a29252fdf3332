//! From files that changed to the checks that they concern.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::roots::real;
use crate::affected::{Action, Affected, Changed, Changes, GitError, Old, affected};
use crate::plan::{Case, Plan};
use crate::project::Project;
use crate::spec::Spec;

/// What changed files ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// The names of the checks, `IMAGE::CHECK`.
    pub checks: BTreeSet<String>,
    /// Whether images are to be built first.
    pub build: bool,
    /// Why, in a line for each image.
    pub because: Vec<String>,
}

/// The images that changed files concern, and the files that their checks are written in.
#[derive(Debug)]
pub struct Concern {
    affected: Affected,
    /// What changed, and all files of specs that did: what stands at the head of one is said of what
    /// it includes.
    files: BTreeSet<PathBuf>,
}

/// What files held when they were read last.
#[derive(Debug, Clone, Default)]
pub struct Remembered(BTreeMap<PathBuf, Vec<u8>>);

impl Remembered {
    /// Reads these files.
    pub fn read<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> Self {
        let read = |path: &PathBuf| Some((real(path), std::fs::read(path).ok()?));
        Self(files.into_iter().filter_map(read).collect())
    }
}

impl Old for Remembered {
    fn contents(&self, path: &Path) -> Result<Vec<Option<Vec<u8>>>, GitError> {
        Ok(vec![self.0.get(path).cloned()])
    }
}

impl Concern {
    /// Of `changed` files. `old` is what there was before.
    ///
    /// # Errors
    /// When `old` can't tell, which it always can.
    pub fn of(
        project: &Project,
        specs: &[&Spec],
        changed: &BTreeSet<PathBuf>,
        old: &Remembered,
    ) -> Result<Self, GitError> {
        let changed: BTreeSet<PathBuf> = changed.iter().map(|path| real(path)).collect();
        let files = changed.iter().map(|path| Changed {
            path: path.clone(),
            is_folder: false,
        });
        let changes = Changes {
            files: files.collect(),
            notes: Vec::new(),
        };
        let affected = affected(project, specs, &changes, old)?;
        let mut files = changed.clone();
        for spec in specs {
            if changed.contains(&real(&project.root.join(spec.source.path()))) {
                let read = spec.files.iter();
                files.extend(read.map(|file| real(&project.root.join(file.path()))));
            }
        }
        Ok(Self { affected, files })
    }

    /// The checks of `plan` to be run again, `is_known` being those that have a verdict.
    pub fn touched(&self, plan: &Plan, is_known: &dyn Fn(&str) -> bool) -> Touched {
        let mut touched = Touched::default();
        for image in &self.affected.images {
            let cases = plan.cases.iter();
            let cases = cases.filter(|case| case.info.image == image.name);
            let is_built = image.action == Action::Build;
            let before = touched.checks.len();
            for case in cases {
                let name = case.info.name();
                if is_built || self.concerns(case) || !is_known(&name) {
                    touched.checks.insert(name);
                }
            }
            if touched.checks.len() > before {
                touched.build |= is_built;
                touched.because.push(image.because());
            }
        }
        touched
    }

    /// Whether a check is written in one of the files, or needs one.
    fn concerns(&self, case: &Case) -> bool {
        let said = |path: &Path| real(&case.root.join(path));
        if self.files.contains(&said(case.info.place.source().path())) {
            return true;
        }
        let needed = case.check.kind.host_files().into_iter();
        let needed = needed.map(|file| file.path);
        let mut needed = needed.chain(case.check.kind.late_files());
        needed.any(|path| {
            let path = said(&path);
            self.files.iter().any(|file| file.starts_with(&path))
        })
    }
}
