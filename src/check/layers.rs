//! The size of an image and its layers.

use crate::engine::{Engine, Image};
use crate::source::Located;
use crate::spec::{LayersCheck, SizeBounds, human};
use crate::verdict::{Finding, Problem};

/// The words of a step that are shown; the whole of it may be a page long.
const SHOWN_STEP: usize = 100;

/// Judges the size of the whole image.
pub(super) fn judge_size(
    expected: &Located<SizeBounds>,
    image: &Image,
) -> Result<Vec<Finding>, Problem> {
    let size = image.size.ok_or_else(|| unknown("the size of the image"))?;
    let bounds = expected.value.describe_human();
    let message = format!("the image must be {bounds}, it is {}", human(size));
    let finding = Finding::new(&expected.place, "size", message);
    let wrong = !expected.value.allow(size);
    Ok(wrong.then_some(finding).into_iter().collect())
}

/// Judges the layers of the image.
pub(super) fn judge(
    check: &LayersCheck,
    image: &Image,
    engine: &dyn Engine,
) -> Result<Vec<Finding>, Problem> {
    let mut findings = Vec::new();
    if let Some(expected) = &check.count {
        let layers = image
            .layers
            .ok_or_else(|| unknown("how many layers there are"))?;
        let bounds = expected.value.describe("layer");
        let message = format!("the image must have {bounds}, it has {layers}");
        let finding = Finding::new(&expected.place, "layers", message);
        findings.extend((!expected.value.allows(layers as u64)).then_some(finding));
    }
    if let Some(expected) = &check.largest {
        let history = engine.history(image)?;
        let Some(largest) = history.iter().max_by_key(|step| step.size) else {
            return Err(unknown("the sizes of the layers"));
        };
        let bounds = expected.value.describe_human();
        let size = human(largest.size);
        let message = format!("the largest layer must be {bounds}, it is {size}");
        let step = largest.created_by.trim();
        let detail = (!step.is_empty()).then(|| {
            let shown: String = step.chars().take(SHOWN_STEP).collect();
            let more = if shown.len() < step.len() { "…" } else { "" };
            format!("made by: {shown}{more}")
        });
        let finding = Finding {
            detail,
            ..Finding::new(&expected.place, "layers.largest", message)
        };
        findings.extend((!expected.value.allow(largest.size)).then_some(finding));
    }
    Ok(findings)
}

fn unknown(what: &str) -> Problem {
    Problem {
        kind: "engine",
        message: format!("the engine does not say {what}"),
    }
}
