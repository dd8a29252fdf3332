//! The plan: which checks on which images, named and in order. Pure: nothing has run yet.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::event::CaseInfo;
use crate::project::Project;
use crate::source::{Located, Place};
use crate::spec::{Check, CheckKind, RunSettings, Spec, Stdin};

/// Images × checks.
#[derive(Debug)]
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
}

/// One check of one image.
#[derive(Debug)]
pub struct Case {
    /// How reports see it.
    pub info: Arc<CaseInfo>,
    /// The image, as an index into [`Plan::images`].
    pub image: usize,
    /// The check.
    pub check: Check,
    /// The folder that paths of the host are relative to.
    pub root: PathBuf,
}

impl Plan {
    /// Joins specs and project. Paths of the host are relative to `root`.
    ///
    /// # Errors
    /// Unknown images, names used twice for one image, files of the host that are not there.
    pub fn new(
        specs: Vec<Spec>,
        project: Option<&Project>,
        root: &Path,
    ) -> Result<Self, Diagnostics> {
        let mut mistakes = Vec::new();
        let mut images: Vec<PlannedImage> = Vec::new();
        let mut checks: Vec<Vec<Check>> = Vec::new();
        for spec in specs {
            let planned = match planned_image(&spec.image, project) {
                Ok(planned) => planned,
                Err(mistake) => {
                    mistakes.push(mistake);
                    continue;
                }
            };
            for check in &spec.checks {
                mistakes.extend(missing_files(check, root));
            }
            let known = images.iter().position(|image| image.name == planned.name);
            let at = known.unwrap_or_else(|| {
                images.push(planned);
                checks.push(Vec::new());
                images.len() - 1
            });
            checks[at].extend(spec.checks);
        }
        for (image, checks) in images.iter().zip(&checks) {
            mistakes.extend(duplicate_names(&image.name, checks));
        }
        if !mistakes.is_empty() {
            return Err(Diagnostics(mistakes));
        }
        let cases = number(&images, checks, root);
        Ok(Self { images, cases })
    }

    /// The plan with the checks of one image only, if `name` is the name of an image.
    #[must_use]
    pub fn only_image(mut self, name: &str) -> (Self, bool) {
        let is_image = self.images.iter().any(|image| image.name == name);
        if is_image {
            self.cases.retain(|case| case.info.image == name);
        }
        (self, is_image)
    }
}

fn number(images: &[PlannedImage], checks: Vec<Vec<Check>>, root: &Path) -> Vec<Arc<Case>> {
    let mut cases = Vec::new();
    for (image, checks) in checks.into_iter().enumerate() {
        for check in checks {
            let info = CaseInfo {
                index: cases.len(),
                image: images[image].name.clone(),
                check: check.name.clone(),
                place: check.place.clone(),
            };
            cases.push(Arc::new(Case {
                info: Arc::new(info),
                image,
                check,
                root: root.to_owned(),
            }));
        }
    }
    cases
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
    let name = image.value.split('@').next().unwrap_or(&image.value);
    Ok(PlannedImage {
        name: name.to_owned(),
        reference: image.value.clone(),
        in_catalogue: false,
    })
}

fn missing_files(check: &Check, root: &Path) -> Vec<Diagnostic> {
    let files: Vec<(PathBuf, Place)> = match &check.kind {
        CheckKind::Run(run, settings) => host_files(run.stdin.iter(), settings).collect(),
        CheckKind::Service(service, settings) => host_files(service.stdins(), settings).collect(),
        _ => Vec::new(),
    };
    files
        .into_iter()
        .filter(|(path, _)| !root.join(path).exists())
        .map(|(path, place)| {
            Diagnostic::new(&place, format!("there is no file {}", path.display()))
                .label("not found")
                .help("paths of the host are relative to the folder of seatrial.yaml")
        })
        .collect()
}

/// The files of the host that a check needs, and where it says so.
fn host_files<'a>(
    stdins: impl Iterator<Item = &'a Located<Stdin>> + 'a,
    settings: &'a RunSettings,
) -> impl Iterator<Item = (PathBuf, Place)> + 'a {
    let mounts = settings.mounts.iter().flat_map(|pairs| &pairs.0);
    let mounts = mounts.map(|(path, _)| (PathBuf::from(&path.value), path.place.clone()));
    let stdin = stdins.filter_map(|stdin| match &stdin.value {
        Stdin::File(path) => Some((path.clone(), stdin.place.clone())),
        Stdin::Text(_) => None,
    });
    mounts.chain(stdin)
}

fn duplicate_names(image: &str, checks: &[Check]) -> Vec<Diagnostic> {
    let mut seen: HashMap<&str, &Place> = HashMap::new();
    let mut mistakes = Vec::new();
    for check in checks {
        if let Some(first) = seen.insert(&check.name, &check.place) {
            let message = format!(
                "duplicate check name `{}` for the image {image}",
                check.name
            );
            mistakes.push(
                Diagnostic::new(&check.place, message)
                    .label("used again here")
                    .help(format!(
                        "first used at {first}; give one of them another `name`"
                    )),
            );
        }
    }
    mistakes
}
