//! From specs and project to the plan.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::inherit::{Group, Groups, Said, Taken, without_digest};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::event::CaseInfo;
use crate::fingerprint::Surroundings;
use crate::project::Project;
use crate::source::{Located, Source};
use crate::spec::{Check, Spec};

/// Images × checks.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The images, in the order in which the specs name them first.
    pub images: Vec<PlannedImage>,
    /// The checks, grouped by image, in the order of the specs.
    pub cases: Vec<Arc<Case>>,
}

/// An image that is to be checked.
#[derive(Debug, Clone)]
pub struct PlannedImage {
    /// What specs and reports call it.
    pub name: String,
    /// What the engine finds it by.
    pub reference: String,
    /// Whether the project file says how to build it.
    pub in_catalogue: bool,
    /// The files that say what is checked of it: its specs, and what those include and inherit.
    pub specs: Vec<Arc<Source>>,
}

/// One check of one image.
#[derive(Debug)]
pub struct Case {
    /// How reports see it.
    pub info: Arc<CaseInfo>,
    /// The image, as an index into [`Plan::images`].
    pub image: usize,
    /// The check.
    pub check: Arc<Check>,
    /// The folder that paths of the host are relative to.
    pub root: PathBuf,
    /// What its fingerprint leaves out, if it has one.
    pub surroundings: Option<Surroundings>,
}

impl Plan {
    /// Joins specs and project. Paths of the host are relative to `root`. The checks of the specs
    /// in `bases` are not run; they are there for `specs` to inherit from.
    ///
    /// # Errors
    /// Unknown images, names used twice for one image, files of the host that are not there.
    pub fn new(
        specs: Vec<Spec>,
        bases: Vec<Spec>,
        project: Option<&Project>,
        root: &Path,
    ) -> Result<Self, Diagnostics> {
        let mut mistakes = Vec::new();
        let mut groups = Groups::new(groups(specs, bases, project, &mut mistakes));
        let mut images = Vec::new();
        let mut cases = Vec::new();
        for at in 0..groups.all.len() {
            if !groups.all[at].selected {
                continue;
            }
            let checks = groups.checks(at, &mut mistakes);
            for taken in &checks {
                mistakes.extend(missing_files(&taken.check, root, project.is_some()));
            }
            let image = PlannedImage {
                specs: groups.specs(at),
                ..groups.all[at].image.clone()
            };
            mistakes.extend(duplicate_names(&image.name, &checks));
            cases.extend(checks.into_iter().map(|taken| (images.len(), taken)));
            images.push(image);
        }
        // Whoever inherits sees the mistakes of those he inherits from.
        let mut told = HashSet::new();
        mistakes.retain(|mistake| {
            told.insert((mistake.place().to_string(), mistake.message().to_owned()))
        });
        if !mistakes.is_empty() {
            return Err(Diagnostics(mistakes));
        }
        let cases = number(&images, cases, root);
        Ok(Self { images, cases })
    }

    /// Leaves out the checks that `keep` refuses.
    #[must_use]
    pub fn only(mut self, keep: impl Fn(&Check) -> bool) -> Self {
        self.cases.retain(|case| keep(&case.check));
        self
    }

    /// Leaves out the checks that are not among `names` (`IMAGE::CHECK`).
    #[must_use]
    pub fn only_named(mut self, names: &BTreeSet<String>) -> Self {
        self.cases.retain(|case| names.contains(&case.info.name()));
        self
    }

    /// Leaves out the checks of images that are not among `names`.
    #[must_use]
    pub fn only_images(mut self, names: &BTreeSet<String>) -> Self {
        self.cases.retain(|case| names.contains(&case.info.image));
        self
    }
}

/// What all specs say, by image, in the order in which images are named first.
fn groups(
    specs: Vec<Spec>,
    bases: Vec<Spec>,
    project: Option<&Project>,
    mistakes: &mut Vec<Diagnostic>,
) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut by_name: HashMap<String, usize> = HashMap::new();
    let specs = specs.into_iter().map(|spec| (spec, true));
    for (spec, selected) in specs.chain(bases.into_iter().map(|spec| (spec, false))) {
        let image = match planned_image(&spec.image, project) {
            Ok(image) => image,
            Err(mistake) => {
                mistakes.push(mistake);
                continue;
            }
        };
        let at = *by_name.entry(image.name.clone()).or_insert(groups.len());
        if at == groups.len() {
            groups.push(Group {
                image,
                selected,
                own: Vec::new(),
                inherit: Vec::new(),
                files: Vec::new(),
            });
        } else if groups[at].image.reference != image.reference {
            // The checks of one would be run on the other.
            let message = format!(
                "this is another image than `{}`, with the same name",
                groups[at].image.reference
            );
            mistakes.push(
                Diagnostic::new(&spec.image.place, message)
                    .help("a digest is no part of a name: give each of them a tag of its own"),
            );
            continue;
        }
        let group = &mut groups[at];
        let files = spec.files.into_iter();
        let files = files.map(|what| Said { what, selected });
        group.files.extend(files);
        let checks = spec.checks.into_iter().map(Arc::new);
        group.own.extend(checks.map(|what| Said { what, selected }));
        let inherit = spec.inherit.into_iter();
        group
            .inherit
            .extend(inherit.map(|what| Said { what, selected }));
    }
    groups
}

fn number(images: &[PlannedImage], checks: Vec<(usize, Taken)>, root: &Path) -> Vec<Arc<Case>> {
    let number = |(index, (image, taken)): (usize, (usize, Taken))| {
        let info = CaseInfo {
            index,
            image: images[image].name.clone(),
            check: taken.check.name.clone(),
            place: taken.check.place.clone(),
            inherited_from: taken.from,
            kind: taken.check.kind.word(),
            tags: taken.check.options.tags(),
            xfail: taken
                .check
                .options
                .xfail
                .as_ref()
                .map(|it| it.value.clone()),
            fingerprint: None,
        };
        Arc::new(Case {
            info: Arc::new(info),
            image,
            check: taken.check,
            surroundings: None,
            root: root.to_owned(),
        })
    };
    checks.into_iter().enumerate().map(number).collect()
}

fn planned_image(
    image: &Located<String>,
    project: Option<&Project>,
) -> Result<PlannedImage, Diagnostic> {
    if let Some(entry) = project.and_then(|project| project.image(&image.value)) {
        return Ok(PlannedImage {
            name: image.value.clone(),
            reference: entry.reference.clone(),
            in_catalogue: true,
            specs: Vec::new(),
        });
    }
    // A bare word is a name of the catalogue, or a slip: a reference says its tag.
    let is_reference = image.value.contains([':', '/', '@']);
    if let Some(project) = project.filter(|_| !is_reference) {
        let names = project.images.iter().map(|entry| entry.name.value.as_str());
        return Err(
            Diagnostic::new(&image.place, format!("unknown image `{}`", image.value))
                .label("not in the project file")
                .suggest(&image.value, names),
        );
    }
    // A digest would make names of checks that change with every build.
    let name = without_digest(&image.value);
    Ok(PlannedImage {
        name: name.to_owned(),
        reference: image.value.clone(),
        in_catalogue: false,
        specs: Vec::new(),
    })
}

fn missing_files(check: &Check, root: &Path, has_project: bool) -> Vec<Diagnostic> {
    let help = if has_project {
        "paths of the host are relative to the folder of seatrial.yaml"
    } else {
        "paths of the host are relative to the current folder, as there is no seatrial.yaml"
    };
    let files = check.kind.host_files().into_iter();
    files
        .filter(|file| !root.join(&file.path).exists())
        .map(|file| {
            let message = format!("there is no file {}", file.path.display());
            Diagnostic::new(&file.place, message)
                .label("not found")
                .help(help)
        })
        .collect()
}

fn duplicate_names(image: &str, checks: &[Taken]) -> Vec<Diagnostic> {
    let mut seen: HashMap<&str, &Taken> = HashMap::new();
    let mut mistakes = Vec::new();
    for taken in checks {
        let check = &taken.check;
        let Some(first) = seen.insert(&check.name, taken) else {
            continue;
        };
        let message = format!(
            "duplicate check name `{}` for the image {image}",
            check.name
        );
        let mistake = Diagnostic::new(&first.check.place, message);
        mistakes.push(match &taken.from {
            Some(base) => mistake.label("used here").help(format!(
                "the check at {} is inherited from {base}: leave it out with `except`, or give \
                 this one another `name`",
                check.place
            )),
            None => Diagnostic::new(&check.place, mistake.message())
                .label("used again here")
                .help(format!(
                    "first used at {}; give one of them another `name`",
                    first.check.place
                )),
        });
    }
    mistakes
}
