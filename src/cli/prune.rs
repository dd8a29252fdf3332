//! Removes images that a run has built, as soon as nothing of the run needs them.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::build::{Builder, Built, ImageOutcome, ImageResult};
use crate::project::Project;

/// Knows what is still needed.
pub(super) struct Pruner {
    builder: Arc<dyn Builder>,
    images: Mutex<BTreeMap<String, Fate>>,
}

/// What becomes of an image.
struct Fate {
    reference: String,
    parents: Vec<String>,
    /// How many images that are built upon it are still to be built.
    children: usize,
    /// Whether there are checks of it without a verdict.
    is_tested: bool,
    /// What it is, if this run has made it and it is still there.
    ours: Option<Built>,
}

impl Pruner {
    /// For the images of `order`.
    pub(super) fn new(builder: Arc<dyn Builder>, project: &Project, order: &[usize]) -> Self {
        let images = order.iter().map(|at| &project.images[*at]);
        let mut fates: BTreeMap<String, Fate> = images
            .map(|image| {
                let parents = image.parents.iter();
                let fate = Fate {
                    reference: image.reference.clone(),
                    parents: parents
                        .map(|at| project.images[*at].name.value.clone())
                        .collect(),
                    children: 0,
                    is_tested: true,
                    ours: None,
                };
                (image.name.value.clone(), fate)
            })
            .collect();
        let parents: Vec<String> = fates
            .values()
            .flat_map(|fate| fate.parents.clone())
            .collect();
        for parent in parents {
            if let Some(fate) = fates.get_mut(&parent) {
                fate.children += 1;
            }
        }
        Self {
            builder,
            images: Mutex::new(fates),
        }
    }

    /// These have checks, which must be over first.
    pub(super) fn await_tests(&self, names: &[String]) {
        let mut images = self.lock();
        for name in names {
            if let Some(fate) = images.get_mut(name) {
                fate.is_tested = false;
            }
        }
    }

    /// It is known what became of an image: it needs its parents no more.
    pub(super) fn done(&self, result: &ImageResult) {
        let mut images = self.lock();
        let Some(fate) = images.get_mut(&result.name) else {
            return;
        };
        if let ImageOutcome::Built(built) = &result.outcome {
            // What had its name before and has it still is not of this run.
            fate.ours = (built.previous.as_ref() != Some(&built.id)).then(|| built.clone());
        }
        for parent in fate.parents.clone() {
            if let Some(parent) = images.get_mut(&parent) {
                parent.children -= 1;
            }
        }
        drop(images);
        self.sweep(false);
    }

    /// All checks of an image have their verdicts.
    pub(super) fn tested(&self, name: &str) {
        if let Some(fate) = self.lock().get_mut(name) {
            fate.is_tested = true;
        }
        self.sweep(false);
    }

    /// The run is over: nothing is needed any more.
    pub(super) fn finish(&self) {
        self.sweep(true);
    }

    fn sweep(&self, is_over: bool) {
        let mut found = Vec::new();
        for (name, fate) in &mut *self.lock() {
            if is_over || (fate.children == 0 && fate.is_tested) {
                found.extend(
                    fate.ours
                        .take()
                        .map(|built| (name.clone(), fate.reference.clone(), built)),
                );
            }
        }
        for (name, reference, built) in found {
            let said = match self.builder.remove(&reference) {
                Ok(()) => match &built.previous {
                    None => format!("{name}: removed {reference}"),
                    Some(previous) => format!(
                        "{name}: removed {reference}, which this run has built; it stood for {previous} before, which \
                         has no name now"
                    ),
                },
                Err(error) if is_over => format!("{name}: can't remove {reference}: {error}"),
                Err(_) => {
                    // A container may still use it.
                    if let Some(fate) = self.lock().get_mut(&name) {
                        fate.ours = Some(built);
                    }
                    continue;
                }
            };
            let _ = writeln!(anstream::stderr().lock(), "{said}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Fate>> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
