//! From what changed to what must be done.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use super::changes::{Changed, Changes, Old};
use super::concerned::{Made, real};
use super::entries::{Difference, difference};
use super::git::GitError;
use super::specs::{is_lost_spec, named_before, tested};
use crate::project::Project;
use crate::spec::{Spec, plain};

/// What a change asks of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It must be built again, and then tested.
    Build,
    /// It stays as it is; its checks changed.
    Test,
}

/// An image that a change concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AffectedImage {
    /// Its name, in the project file or in specs.
    pub name: String,
    /// What is to be done.
    pub action: Action,
    /// From the image to what changed: the images that it derives from or takes checks over from, then
    /// the file. The shortest way.
    pub chain: Vec<String>,
    /// How many files more concern it by themselves.
    pub more: usize,
}

/// What a change concerns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Affected {
    /// The images: those of the project first, parents before what derives from them.
    pub images: Vec<AffectedImage>,
    /// How many files changed.
    pub files: usize,
    /// What whoever asked should know about it.
    pub notes: Vec<String>,
}

impl Action {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Test => "test",
        }
    }
}

impl AffectedImage {
    /// Why, in a line: `sv-pipeline ← sv-base ← dockerfiles/sv-base/Dockerfile`.
    pub fn because(&self) -> String {
        let mut line = self.chain.join(" ← ");
        match self.more {
            0 => {}
            1 => line.push_str(" (and 1 more)"),
            more => line.push_str(&format!(" (and {more} more)")),
        }
        line
    }
}

impl Affected {
    /// The names of the images that must be built again.
    pub fn to_build(&self) -> Vec<String> {
        let build = self.images.iter();
        let build = build.filter(|image| image.action == Action::Build);
        build.map(|image| image.name.clone()).collect()
    }

    /// The names of all images that are to be tested.
    pub fn to_test(&self) -> BTreeSet<String> {
        self.images.iter().map(|image| image.name.clone()).collect()
    }
}

/// Finds what `changes` concern: images of `project`, and those whose checks stand in `specs`.
///
/// # Errors
/// When `old` can't tell what there was.
pub fn affected(
    project: &Project,
    specs: &[&Spec],
    changes: &Changes,
    old: &dyn Old,
) -> Result<Affected, GitError> {
    let mut notes = changes.notes.clone();
    let root = real(&project.root);
    let shown = |changed: &Changed| {
        let inside = changed.path.strip_prefix(&root);
        inside.unwrap_or(&changed.path).display().to_string()
    };
    let mut build: Reasons = Reasons::default();
    for image in &project.images {
        let made = Made::of(project, image);
        for changed in changes.files.iter().filter(|file| made.concerns(file)) {
            build.add(&image.name, shown(changed));
        }
    }
    entries(project, changes, old, &mut build, &mut notes)?;
    let parents = |name: &str| -> Vec<String> {
        let image = project.image(name);
        let parents = image.into_iter().flat_map(|image| &image.parents);
        let parents = parents.map(|at| project.images[*at].name.value.clone());
        parents.collect()
    };
    let names: Vec<String> = project
        .images
        .iter()
        .map(|image| image.name.value.clone())
        .collect();
    let built = build.spread(&names, &parents);

    let tested = tested(specs, &root);
    let mut test = Reasons::default();
    for (name, tested) in &tested {
        let files = changes.touching(&tested.files);
        files.for_each(|changed| test.add(name, shown(changed)));
    }
    let folder = real(&project.specs);
    for changed in changes
        .files
        .iter()
        .filter(|file| is_lost_spec(file, &folder))
    {
        for content in old.contents(&changed.path)?.into_iter().flatten() {
            let all = || tested.keys().cloned().collect();
            let names: Vec<String> = named_before(&content).unwrap_or_else(all);
            // An image without checks has nothing left that could be tested.
            for name in names.iter().filter(|name| tested.contains_key(*name)) {
                test.add(name, shown(changed));
            }
        }
    }
    let bases = |name: &str| -> Vec<String> {
        let bases = tested
            .get(name)
            .into_iter()
            .flat_map(|tested| &tested.inherits);
        bases.cloned().collect()
    };
    let all: Vec<String> = tested.keys().cloned().collect();
    let retested = test.spread(&all, &bases);

    // Parents first; what is not in the project derives from nothing there.
    let order = project.build_order(&[]).unwrap_or_default();
    let mut order: Vec<&String> = order.iter().map(|at| &names[*at]).collect();
    order.extend(all.iter().filter(|name| !names.contains(name)));
    let image = |name: &String| {
        let action = if built.contains_key(name) {
            Action::Build
        } else {
            Action::Test
        };
        let (chain, more) = built.get(name).or_else(|| retested.get(name))?.clone();
        Some(AffectedImage {
            name: name.clone(),
            action,
            chain,
            more,
        })
    };
    let images = order.into_iter().filter_map(image).collect();
    Ok(Affected {
        images,
        files: changes.files.len(),
        notes,
    })
}

/// Adds the images whose entries in the project file changed.
fn entries(
    project: &Project,
    changes: &Changes,
    old: &dyn Old,
    build: &mut Reasons,
    notes: &mut Vec<String>,
) -> Result<(), GitError> {
    let Some(file) = project.file() else {
        return Ok(());
    };
    let files = [
        plain(&real(&project.root).join(file.file_name().unwrap_or_default())),
        real(&file),
    ];
    let Some(changed) = changes.touching(&files).next() else {
        return Ok(());
    };
    let shown = Path::new(file.file_name().unwrap_or_default())
        .display()
        .to_string();
    let text = project
        .images
        .first()
        .map(|image| image.name.place.source().text());
    let before = if changed.is_folder {
        vec![None]
    } else {
        old.contents(&changed.path)?
    };
    for old in before {
        match difference(old.as_deref(), text.unwrap_or_default()) {
            Difference::Images(names) => {
                for name in names {
                    build.add(&name, format!("{shown}: its entry"));
                }
            }
            Difference::All(why) => {
                notes.push(format!("all images count as affected by {shown}: {why}"));
                for image in &project.images {
                    build.add(&image.name, format!("{shown}: {why}"));
                }
            }
        }
    }
    Ok(())
}

/// Why images are concerned by themselves.
#[derive(Debug, Default)]
struct Reasons(BTreeMap<String, BTreeSet<String>>);

impl Reasons {
    fn add(&mut self, image: &str, reason: String) {
        self.0.entry(image.to_owned()).or_default().insert(reason);
    }

    /// Goes on to the images that follow from others, each by its shortest way: the chain of each,
    /// and how many reasons more it has by itself.
    fn spread(
        &self,
        names: &[String],
        follows: &dyn Fn(&str) -> Vec<String>,
    ) -> BTreeMap<String, (Vec<String>, usize)> {
        let mut found: BTreeMap<String, (Vec<String>, usize)> = BTreeMap::new();
        let mut next: VecDeque<String> = VecDeque::new();
        for name in names {
            let Some(reasons) = self.0.get(name) else {
                continue;
            };
            let first = reasons.iter().next().cloned().unwrap_or_default();
            found.insert(name.clone(), (vec![name.clone(), first], reasons.len() - 1));
            next.push_back(name.clone());
        }
        while let Some(name) = next.pop_front() {
            let chain = found
                .get(&name)
                .map(|(chain, _)| chain.clone())
                .unwrap_or_default();
            for child in names {
                if !found.contains_key(child) && follows(child).contains(&name) {
                    let chain = [std::slice::from_ref(child), &chain].concat();
                    found.insert(child.clone(), (chain, 0));
                    next.push_back(child.clone());
                }
            }
        }
        found
    }
}
