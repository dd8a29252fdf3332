//! What must hold between the entries of a project file, and between them and the file system.

use std::path::{Component, Path, PathBuf};

use super::file::{ImageEntry, ProjectFile};
use super::globs::FileGlobs;
use super::graph::find_cycles;
use super::inputs::SaidInputs;
use super::load::{Image, Project, SPECS};
use super::registries;
use crate::diagnostic::Diagnostic;
use crate::platform::Platform;
use crate::source::{Located, Place};
use crate::tag::TagTemplate;
use crate::yaml::Context;

/// Builds the project and reports every mistake; the result only counts if there is none.
pub(super) fn check(file: ProjectFile, root: &Path, context: &mut Context) -> Project {
    let specs = match &file.specs {
        Some(folder) => folder_at(root, folder, "specs", context),
        None => root.join(SPECS),
    };
    let tag = file.tag.as_ref().and_then(|said| tag(said, context));
    let release = file.release.map(|said| said.value);
    let entries = file.images.value.0;
    if entries.is_empty() {
        context.report(
            Diagnostic::new(&file.images.place, "a project has at least one image")
                .help("add an entry such as `my-image: {dockerfile: Dockerfile}`"),
        );
    }
    let names: Vec<String> = entries.iter().map(|(name, _)| name.value.clone()).collect();
    let mut references: Vec<(String, Place)> = Vec::new();
    let mut images = Vec::new();
    for (name, entry) in entries {
        check_name(&name, context);
        let reference_place = entry
            .reference
            .as_ref()
            .map_or(&name.place, |said| &said.place);
        let reference_place = reference_place.clone();
        let image = image(name, entry, root, &names, context);
        let full = full_reference(&image.reference);
        if let Some((_, first)) = references.iter().find(|(other, _)| *other == full) {
            let message = format!("two images with the reference `{}`", image.reference);
            context.report(
                Diagnostic::new(&reference_place, message)
                    .label("the later build would take the tag from the earlier")
                    .related(first, "the other image")
                    .help("give one of them another `reference`"),
            );
        }
        references.push((full, reference_place));
        images.push(image);
    }
    let registries = file.registries.unwrap_or_default();
    let mut project = Project {
        root: root.to_owned(),
        specs,
        tag,
        release,
        images,
        registries: registries::registries(registries, root, &names, context),
    };
    check_cycles(&project, context);
    project.add_named_parents();
    project
}

fn tag(said: &Located<String>, context: &mut Context) -> Option<TagTemplate> {
    let read = TagTemplate::parse(said);
    let told =
        read.map_err(|error| context.report(Diagnostic::new(&said.place, error.to_string())));
    told.ok()
}

fn image(
    name: Located<String>,
    mut entry: ImageEntry,
    root: &Path,
    names: &[String],
    context: &mut Context,
) -> Image {
    let dockerfile = dockerfile_at(root, &entry.dockerfile, context);
    let folder = match &entry.context {
        Some(folder) => folder_at(root, folder, "context", context),
        None => dockerfile.parent().unwrap_or(root).to_owned(),
    };
    let inputs = SaidInputs::take(&mut entry, context);
    let reference = match entry.reference {
        Some(reference) => {
            check_reference(&reference, context);
            with_tag(&reference)
        }
        None => format!("{}:latest", name.value),
    };
    let args = entry.args.unwrap_or_default().0;
    let mut parents = Vec::new();
    for parent in args.iter().flat_map(|(_, template)| template.images()) {
        match names.iter().position(|name| *name == parent.value) {
            Some(at) if !parents.contains(&at) => parents.push(at),
            Some(_) => {}
            None => context.report(
                Diagnostic::new(
                    &parent.place,
                    format!("no image `{}` in this project", parent.value),
                )
                .suggest(parent, names.iter().map(String::as_str)),
            ),
        }
    }
    let platforms = platforms(entry.platforms, context);
    let globs = entry.files.unwrap_or_default();
    let files = FileGlobs::compile(&globs, root, &mut |mistake| context.report(mistake));
    Image {
        reference,
        dockerfile,
        context: folder,
        args: args
            .into_iter()
            .map(|(name, value)| (name.value, value))
            .collect(),
        target: entry.target.map(|target| target.value),
        platforms,
        inputs,
        public: entry.public.unwrap_or(true),
        files,
        parents,
        name,
    }
}

fn platforms(
    said: Option<Located<Vec<Located<Platform>>>>,
    context: &mut Context,
) -> Vec<Platform> {
    let Some(said) = said else {
        return Vec::new();
    };
    if said.value.is_empty() {
        context.report(
            Diagnostic::new(&said.place, "an image is made for at least one platform")
                .help("leave the key out for what the engine runs by default"),
        );
    }
    let mut known: Vec<Located<Platform>> = Vec::new();
    for platform in said.value {
        if let Some(first) = known
            .iter()
            .find(|known| known.value.is_same(&platform.value))
        {
            let message = format!("the platform `{}` is named twice", platform.0);
            context.report(
                Diagnostic::new(&platform.place, message).related(&first.place, "first named here"),
            );
            continue;
        }
        known.push(platform);
    }
    known.into_iter().map(|platform| platform.value).collect()
}

fn dockerfile_at(root: &Path, said: &Located<String>, context: &mut Context) -> PathBuf {
    let path = join(root, said);
    if path.is_dir() {
        context.report(
            Diagnostic::new(
                &said.place,
                format!("`{}` is a folder, not a Dockerfile", said.value),
            )
            .help(format!(
                "did you mean `{}/Dockerfile`?",
                said.trim_end_matches('/')
            )),
        );
    } else if !path.is_file() {
        context.report(
            Diagnostic::new(
                &said.place,
                format!("there is no Dockerfile `{}`", said.value),
            )
            .label("no such file")
            .help(format!("it was sought at {}", path.display())),
        );
    }
    path
}

fn folder_at(root: &Path, said: &Located<String>, what: &str, context: &mut Context) -> PathBuf {
    let path = join(root, said);
    if !path.is_dir() {
        let message = format!("`{what}` must be a folder, and `{}` is none", said.value);
        context.report(
            Diagnostic::new(&said.place, message)
                .label(if path.exists() {
                    "a file"
                } else {
                    "no such folder"
                })
                .help(format!("it was sought at {}", path.display())),
        );
    }
    path
}

/// `root/said` without `.` in between; `..` stays, because of symbolic links.
fn join(root: &Path, said: &str) -> PathBuf {
    let parts = Path::new(said).components();
    root.join(
        parts
            .filter(|part| *part != Component::CurDir)
            .collect::<PathBuf>(),
    )
}

fn check_name(name: &Located<String>, context: &mut Context) {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let sound = name.starts_with(is_inner)
        && name.ends_with(is_inner)
        && name.chars().all(|c| is_inner(c) || "._-/".contains(c));
    if !sound {
        context.report(
            Diagnostic::new(
                &name.place,
                format!("`{}` can't be the name of an image", name.value),
            )
            .help("names are made of lower-case letters and digits, with . _ - / between them"),
        );
    }
}

fn check_reference(reference: &Located<String>, context: &mut Context) {
    let why = if reference.contains('@') {
        "a digest can't be given to what is yet to be built"
    } else if reference.is_empty()
        || reference.starts_with('-')
        || reference.contains(|c: char| c.is_whitespace() || c.is_control())
    {
        "a reference looks like `registry.example.org/team/name:tag`"
    } else {
        return;
    };
    let message = format!("`{}` can't be the reference of an image", reference.value);
    context.report(Diagnostic::new(&reference.place, message).help(why));
}

fn with_tag(reference: &str) -> String {
    let name = reference.rsplit('/').next().unwrap_or(reference);
    let tag = if name.contains(':') { "" } else { ":latest" };
    format!("{reference}{tag}")
}

/// One spelling for what the engine takes as the same name.
pub(super) fn full_reference(reference: &str) -> String {
    let bare = reference.strip_prefix("docker.io/").unwrap_or(reference);
    with_tag(bare.strip_prefix("library/").unwrap_or(bare))
}

fn check_cycles(project: &Project, context: &mut Context) {
    let images = &project.images;
    let parents: Vec<&[usize]> = images
        .iter()
        .map(|image| image.parents.as_slice())
        .collect();
    for cycle in find_cycles(&parents) {
        let mut path: Vec<&str> = cycle.iter().map(|at| images[*at].name.as_str()).collect();
        path.push(path[0]);
        let first = &images[cycle[0]];
        let mention = first
            .args
            .iter()
            .flat_map(|(_, template)| template.images())
            .find(|mention| mention.value == path[1]);
        let place = mention.map_or(&first.name.place, |mention| &mention.place);
        let message = if cycle.len() == 1 {
            format!("the image `{}` derives from itself", path[0])
        } else {
            format!("images derive from each other: {}", path.join(" → "))
        };
        let help = "an image is built after its parents, so there must be a first";
        context.report(Diagnostic::new(place, message).help(help));
    }
}
