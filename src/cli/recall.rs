//! What is taken from earlier runs, so that an engine may not be needed at all.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use libtest_mimic::Arguments;

use super::engines::Engines;
use crate::cache::Results;
use crate::engine::embedded::results_folder;
use crate::engine::{Engine, EngineError, OnDemand};
use crate::plan::Plan;
use crate::run::all_known;

/// Whether results of earlier runs are taken.
#[derive(Debug, Args)]
pub(super) struct RecallArgs {
    /// Perform every check, also where nothing has changed since it passed
    // Any other value than these words would be a slip that nobody notices.
    #[arg(long, env = "SEATRIAL_FRESH", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new())]
    fresh: bool,
}

impl RecallArgs {
    /// Whether it is known before anything is read that no result can be taken.
    pub(super) fn takes_nothing(&self) -> bool {
        let empty = |folder: PathBuf| folder.read_dir().is_ok_and(|mut it| it.next().is_none());
        self.fresh || results_folder().is_ok_and(empty)
    }

    /// What is kept of earlier runs; nothing where it can't be kept.
    pub(super) fn results(&self) -> Option<Results> {
        // What is wrong with the folder is told by whoever needs it: without it nothing is lost
        // but time.
        Results::open(results_folder().ok()?, self.fresh)
    }
}

/// The engine of a run: not started before it is needed, if that may be never.
pub(super) fn engine(
    engines: &Engines,
    plan: &Plan,
    arguments: &Arguments,
    repeated: bool,
    results: Option<&Results>,
) -> Result<Arc<dyn Engine>, EngineError> {
    let results = results.filter(|results| results.is_used() && !repeated);
    if let Some(results) = results
        && let Some(finder) = engines.finder()
    {
        let start = engines.clone();
        let resting = OnDemand::new(finder, move || start.start());
        if all_known(plan, arguments, results, &resting) {
            return Ok(Arc::new(resting));
        }
    }
    engines.start()
}
