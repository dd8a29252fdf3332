//! Runs of which everything is known before they begin.

use std::collections::HashMap;

use libtest_mimic::Arguments;

use super::runner::selected;
use super::trial::{elsewhere, probe};
use crate::cache::Results;
use crate::engine::{Engine, Image};
use crate::plan::Plan;

/// Whether no selected check has to be performed: each was, with a result that still holds, or is
/// one that is skipped. `engine` is asked for images and for nothing else.
pub fn all_known(
    plan: &Plan,
    arguments: &Arguments,
    results: &Results,
    engine: &dyn Engine,
) -> bool {
    let mut images: HashMap<usize, Option<Image>> = HashMap::new();
    selected(plan, arguments).all(|case| {
        if arguments.is_ignored(&probe(case, |_| Ok(()))) {
            return true;
        }
        let image = images.entry(case.image).or_insert_with(|| {
            let reference = &plan.images[case.image].reference;
            engine.image(reference).ok()
        });
        let Some(image) = image else { return false };
        elsewhere(case, &engine.kinds(), &image.config).is_some()
            || results.recall(case, image, engine.info()).is_some()
    })
}
