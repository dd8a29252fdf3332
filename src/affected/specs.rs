//! Which files the checks of an image are made of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::changes::Changed;
use super::concerned::real;
use crate::source::Source;
use crate::spec::{Spec, plain};
use crate::yaml::{Kind, Node, has_expression, parse};

/// What the specs say of one image.
#[derive(Debug, Default)]
pub(super) struct Tested {
    /// The files that its own checks are written in, or look at.
    pub(super) files: Vec<PathBuf>,
    /// The images whose checks it takes over.
    pub(super) inherits: BTreeSet<String>,
}

/// All images that specs name, without their digests, as checks do.
pub(super) fn tested(specs: &[&Spec], root: &Path) -> BTreeMap<String, Tested> {
    let mut all: BTreeMap<String, Tested> = BTreeMap::new();
    for spec in specs {
        let tested = all.entry(name(&spec.image)).or_default();
        let inherit = spec.inherit.iter();
        tested
            .inherits
            .extend(inherit.map(|inherit| name(&inherit.image)));
        let files = spec.files.iter().map(|file| file.path().to_owned());
        let mut said: BTreeSet<PathBuf> = files.collect();
        for check in &spec.checks {
            let needed = check.kind.host_files().into_iter().map(|file| file.path);
            said.extend(needed);
            said.extend(check.kind.late_files());
        }
        for path in said {
            let path = root.join(path);
            tested.files.extend([plain(&path), real(&path)]);
        }
    }
    all
}

/// The name that checks of an image have in front.
fn name(image: &str) -> String {
    image.split('@').next().unwrap_or(image).to_owned()
}

/// The images that an old spec named; `None` if that can't be told.
pub(super) fn named_before(old: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(old).ok()?;
    let node = parse(&Source::new("", text)).ok()?;
    let Kind::Mapping(entries) = node.kind else {
        return None;
    };
    let is_image = |key: &Node| matches!(key.scalar(), Some("image" | "images"));
    let values = entries.into_iter().filter(|(key, _)| is_image(key));
    let mut names = Vec::new();
    for (_, value) in values {
        let values = match value.kind {
            Kind::Sequence(values) => values,
            _ => vec![value],
        };
        for value in values {
            let image = value.scalar().filter(|image| !has_expression(image))?;
            names.push(name(image));
        }
    }
    Some(names)
}

/// Whether it is a spec that is no more.
pub(super) fn is_lost_spec(changed: &Changed, folder: &Path) -> bool {
    let is_yaml = |end: &std::ffi::OsStr| end == "yaml" || end == "yml";
    changed.path.starts_with(folder)
        && changed.path.extension().is_some_and(is_yaml)
        && !changed.path.exists()
}
