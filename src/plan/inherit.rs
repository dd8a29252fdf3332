//! Checks that an image takes over from those it derives from.

use std::collections::HashMap;
use std::sync::Arc;

use globset::GlobBuilder;

use super::build::PlannedImage;
use crate::diagnostic::Diagnostic;
use crate::source::{Located, Source};
use crate::spec::{Check, Inherit};

/// What the specs say of one image.
pub(super) struct Group {
    pub(super) image: PlannedImage,
    /// Whether checks of it are to be run, or all are only there for others to inherit.
    pub(super) selected: bool,
    pub(super) own: Vec<Said<Arc<Check>>>,
    pub(super) inherit: Vec<Said<Inherit>>,
    pub(super) files: Vec<Said<Arc<Source>>>,
}

/// What one of the specs of an image says.
pub(super) struct Said<T> {
    pub(super) what: T,
    /// Whether that spec is to be run; what others inherit is in all of them.
    pub(super) selected: bool,
}

/// All groups, and what can be inherited from those that were asked so far.
pub(super) struct Groups {
    pub(super) all: Vec<Group>,
    by_name: HashMap<String, usize>,
    inherited: HashMap<usize, Arc<Vec<Taken>>>,
}

/// A check, and the image that it was written for if that is another.
#[derive(Clone)]
pub(super) struct Taken {
    pub(super) check: Arc<Check>,
    pub(super) from: Option<String>,
}

impl Groups {
    pub(super) fn new(all: Vec<Group>) -> Self {
        let names = all.iter().enumerate();
        let by_name = names.map(|(at, group)| (group.image.name.clone(), at));
        Self {
            by_name: by_name.collect(),
            all,
            inherited: HashMap::new(),
        }
    }

    /// The checks of the image at `at`: its own, then what it inherits, each once.
    pub(super) fn checks(&mut self, at: usize, mistakes: &mut Vec<Diagnostic>) -> Vec<Taken> {
        self.collect(at, true, &mut vec![at], mistakes)
    }

    /// The spec files that the checks of the image at `at` come from, each once.
    pub(super) fn specs(&self, at: usize) -> Vec<Arc<Source>> {
        let mut reached = vec![at];
        let mut files: Vec<Arc<Source>> = Vec::new();
        let mut next = 0;
        while let Some(group) = reached.get(next).map(|at| &self.all[*at]) {
            // Of bases all specs count, of the image itself those that are to be run.
            let counts = |selected: bool| selected || next > 0;
            for said in group.files.iter().filter(|said| counts(said.selected)) {
                if !files.iter().any(|file| file.path() == said.what.path()) {
                    files.push(Arc::clone(&said.what));
                }
            }
            let inherit = group.inherit.iter().filter(|said| counts(said.selected));
            let bases = inherit.filter_map(|said| {
                let name = without_digest(&said.what.image);
                self.by_name.get(name).copied()
            });
            let bases: Vec<usize> = bases.filter(|base| !reached.contains(base)).collect();
            reached.extend(bases);
            next += 1;
        }
        files
    }

    /// What others inherit from the image at `at`. Asked once for each image: the ways through a
    /// family of images can be too many to go.
    fn inheritable(
        &mut self,
        at: usize,
        way: &mut Vec<usize>,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Arc<Vec<Taken>> {
        if let Some(known) = self.inherited.get(&at) {
            return Arc::clone(known);
        }
        way.push(at);
        let found = Arc::new(self.collect(at, false, way, mistakes));
        way.pop();
        self.inherited.insert(at, Arc::clone(&found));
        found
    }

    fn collect(
        &mut self,
        at: usize,
        only_selected: bool,
        way: &mut Vec<usize>,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Vec<Taken> {
        let group = &self.all[at];
        let own = group.own.iter();
        let own = own.filter(|said| said.selected || !only_selected);
        let mut all: Vec<Taken> = own
            .map(|said| Taken {
                check: Arc::clone(&said.what),
                from: None,
            })
            .collect();
        let inherit = group.inherit.iter();
        let inherit = inherit.filter(|said| said.selected || !only_selected);
        let inherit: Vec<Inherit> = inherit.map(|said| said.what.clone()).collect();
        for inherit in inherit {
            let Some(base) = self.by_name.get(without_digest(&inherit.image)).copied() else {
                mistakes.push(unknown(&inherit.image, &self.all));
                continue;
            };
            if way.contains(&base) {
                mistakes.push(cycle(&inherit.image, base, way, &self.all));
                continue;
            }
            let mut taken = Vec::clone(&self.inheritable(base, way, mistakes));
            for except in &inherit.except {
                leave_out(&mut taken, except, &inherit.image, mistakes);
            }
            all.extend(taken.into_iter().map(|taken| Taken {
                from: taken.from.or_else(|| Some(inherit.image.value.clone())),
                ..taken
            }));
        }
        once(all)
    }
}

/// Two ways may lead to the same ancestor, and one spec may be that of two ancestors.
fn once(mut all: Vec<Taken>) -> Vec<Taken> {
    let mut seen: HashMap<(String, String), Vec<Arc<Check>>> = HashMap::new();
    all.retain(|taken| {
        let check = &taken.check;
        let known = seen
            .entry((check.place.to_string(), check.name.clone()))
            .or_default();
        // The same words say different things where `${{ image.arg.NAME }}` is among them.
        let is_known = known
            .iter()
            .any(|other| Arc::ptr_eq(other, check) || format!("{other:?}") == format!("{check:?}"));
        if !is_known {
            known.push(Arc::clone(check));
        }
        !is_known
    });
    all
}

/// Images are named without it, so that names of checks stay the same from build to build.
pub(super) fn without_digest(image: &str) -> &str {
    image.split('@').next().unwrap_or(image)
}

fn leave_out(
    taken: &mut Vec<Taken>,
    except: &Located<String>,
    base: &str,
    mistakes: &mut Vec<Diagnostic>,
) {
    let glob = match GlobBuilder::new(except).build() {
        Ok(glob) => glob.compile_matcher(),
        Err(error) => {
            let message = format!("not a pattern of names: {}", error.kind());
            mistakes.push(Diagnostic::new(&except.place, message));
            return;
        }
    };
    let is_meant = |name: &str| name == except.value || glob.is_match(name);
    if !taken.iter().any(|taken| is_meant(&taken.check.name)) {
        let message = format!("`{base}` has no check `{}` to leave out", except.value);
        let names: Vec<&str> = taken
            .iter()
            .map(|taken| taken.check.name.as_str())
            .collect();
        mistakes.push(Diagnostic::new(&except.place, message).suggest(except, names));
    }
    taken.retain(|taken| !is_meant(&taken.check.name));
}

fn unknown(image: &Located<String>, groups: &[Group]) -> Diagnostic {
    let message = format!("there is no spec of `{}` to inherit from", image.value);
    let known = groups.iter().map(|group| group.image.name.as_str());
    Diagnostic::new(&image.place, message).suggest(image, known)
}

fn cycle(image: &Located<String>, base: usize, way: &[usize], groups: &[Group]) -> Diagnostic {
    let start = way.iter().position(|at| *at == base).unwrap_or_default();
    let names = way[start..].iter().chain([&base]);
    let names: Vec<&str> = names.map(|at| groups[*at].image.name.as_str()).collect();
    let message = format!("images inherit from each other: {}", names.join(" → "));
    Diagnostic::new(&image.place, message)
        .help("a derived image inherits from its base, not the other way round")
}
