//! Which checks are kept: those whose verdict is the same at any time.

use std::borrow::Cow;

use crate::check::resolved;
use crate::engine::{Image, Isolation, Network};
use crate::plan::Case;
use crate::spec::{CheckKind, RunSettings};

/// Whether the result of a check on an image can hold for later runs. What may depend on the
/// moment can't: what has a network, is measured, or shares its container with other checks.
pub(super) fn holds_later(case: &Case, image: &Image) -> bool {
    if case.check.options.xfail.is_some() {
        return false;
    }
    let Some(kind) = resolved(&case.check.kind, image) else {
        return false;
    };
    match Cow::as_ref(&kind) {
        CheckKind::Run(run, settings) => {
            run.within.is_none() && run.max_memory.is_none() && is_alone(settings)
        }
        CheckKind::Version(_, settings) | CheckKind::Help(_, settings) => is_alone(settings),
        CheckKind::File(_)
        | CheckKind::Config(_)
        | CheckKind::Size(_)
        | CheckKind::Layers(_)
        | CheckKind::Library(_)
        | CheckKind::Package(_)
        | CheckKind::Hygiene(_) => true,
        // When it is ready, and when it ends, is a matter of time.
        CheckKind::Service(..) | CheckKind::Late(_) => false,
    }
}

fn is_alone(settings: &RunSettings) -> bool {
    let network = settings.network.unwrap_or_default();
    let isolation = settings.isolation.unwrap_or_default();
    network == Network::None && isolation == Isolation::Fresh
}
