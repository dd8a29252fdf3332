//! The arguments of `seatrial test` that say how often to try and when to give up.

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::run::Policy;
use crate::yaml::parse_duration;

/// How often checks are tried, and when a run gives up.
#[derive(Debug, Args)]
pub(super) struct PolicyArgs {
    /// End the run after this time, such as 20m: what has not passed by then is an error
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) deadline: Option<Duration>,
    /// Try a check that did not pass so many times more; a spec may ask for more
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=10))]
    retries: u32,
    /// What a check that passed only on a further try counts as
    #[arg(long, value_enum, default_value_t = Flaky::Pass)]
    flaky: Flaky,
    /// Start nothing more after the first check that did not pass
    #[arg(long, conflicts_with = "max_failures")]
    fail_fast: bool,
    /// Start nothing more after so many checks that did not pass
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_failures: Option<u32>,
    /// Run each check so many times, to find those that pass only sometimes
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "retries",
          value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Flaky {
    /// As passed, and reported as flaky
    Pass,
    /// As failed
    Fail,
}

impl PolicyArgs {
    /// What they ask of a run.
    pub(super) fn policy(&self) -> Policy {
        Policy {
            retries: self.retries,
            flaky_fails: self.flaky == Flaky::Fail,
            max_failures: self.max_failures.or(self.fail_fast.then_some(1)),
            repeat: self.repeat,
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "a time is written like 500ms, 20s, 1m30s or 2h".to_owned())
}
