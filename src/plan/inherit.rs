//! Checks that an image takes over from those it derives from.

use std::collections::HashSet;
use std::sync::Arc;

use globset::GlobBuilder;

use super::build::PlannedImage;
use crate::diagnostic::Diagnostic;
use crate::source::Located;
use crate::spec::{Check, Inherit};

/// What the specs say of one image.
pub(super) struct Group {
    pub(super) image: PlannedImage,
    /// Whether its checks are to be run, or only there for others to inherit.
    pub(super) selected: bool,
    pub(super) own: Vec<Arc<Check>>,
    pub(super) inherit: Vec<Inherit>,
}

/// A check, and the image that it was written for if that is another.
#[derive(Clone)]
pub(super) struct Taken {
    pub(super) check: Arc<Check>,
    pub(super) from: Option<String>,
}

/// The checks of the image at `at`: its own, then what it inherits, each once.
pub(super) fn checks(at: usize, groups: &[Group], mistakes: &mut Vec<Diagnostic>) -> Vec<Taken> {
    let mut all = collect(at, groups, &mut vec![at], mistakes);
    // Two ways may lead to the same ancestor.
    let mut seen = HashSet::new();
    all.retain(|taken| seen.insert((taken.check.place.to_string(), taken.check.name.clone())));
    all
}

fn collect(
    at: usize,
    groups: &[Group],
    way: &mut Vec<usize>,
    mistakes: &mut Vec<Diagnostic>,
) -> Vec<Taken> {
    let own = groups[at].own.iter().map(|check| Taken {
        check: Arc::clone(check),
        from: None,
    });
    let mut all: Vec<Taken> = own.collect();
    for inherit in &groups[at].inherit {
        let named = |group: &Group| group.image.name == inherit.image.value;
        let Some(base) = groups.iter().position(named) else {
            mistakes.push(unknown(&inherit.image, groups));
            continue;
        };
        if way.contains(&base) {
            mistakes.push(cycle(&inherit.image, base, way, groups));
            continue;
        }
        way.push(base);
        let mut taken = collect(base, groups, way, mistakes);
        way.pop();
        for except in &inherit.except {
            leave_out(&mut taken, except, &inherit.image, mistakes);
        }
        all.extend(taken.into_iter().map(|taken| Taken {
            from: taken.from.or_else(|| Some(inherit.image.value.clone())),
            ..taken
        }));
    }
    all
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
