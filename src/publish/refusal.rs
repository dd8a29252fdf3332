//! Why an image is not published.

use std::fmt;

use serde::Serialize;

/// More names than this are counted.
const SHOWN: usize = 5;

/// One reason; there may be several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Refusal {
    /// No spec says anything of the image.
    NoChecks,
    /// The result says nothing of the image.
    NoResult,
    /// All checks were skipped, so nothing is known of the image.
    NothingPassed,
    /// The engine or the registry that has the image has none of this name now.
    NoImage {
        /// What was sought, and what came.
        message: String,
    },
    /// The result lacks checks: of a filter, a shard, or a spec that has more of them now.
    Partial {
        /// The checks that it lacks.
        checks: Vec<String>,
    },
    /// The run ended before these checks were performed.
    NotRun {
        /// The checks.
        checks: Vec<String>,
    },
    /// The run did not come to its end, or something is missing from its result.
    Unfinished {
        /// What is known of it.
        message: String,
    },
    /// Something that the specs expect does not hold.
    Failed {
        /// The checks.
        checks: Vec<String>,
    },
    /// Whether it holds could not be told.
    Undecided {
        /// The checks.
        checks: Vec<String>,
    },
    /// Skipped though no spec means it: what ran the containers could not.
    Skipped {
        /// The checks.
        checks: Vec<String>,
    },
    /// Known to fail, and did not.
    PassedUnexpectedly {
        /// The checks.
        checks: Vec<String>,
    },
    /// The image was made anew after the test.
    OtherImage {
        /// The id of what was tested.
        tested: String,
        /// The id of what would be published.
        found: String,
    },
    /// Tested for another platform.
    OtherPlatform {
        /// The platform of what was tested.
        tested: String,
        /// The platform of what would be published.
        found: String,
    },
    /// The project makes it for other platforms.
    NotMadeFor {
        /// What the project says.
        wanted: String,
        /// The platform of what would be published.
        found: String,
    },
    /// The specs, or files that they use, are not those of the test.
    Stale {
        /// The checks that changed, or are no more.
        checks: Vec<String>,
    },
    /// Whether they are the checks that the specs have now can't be told: files that they use can't
    /// be read from here, or the result is of a seatrial that did not say.
    Incomparable {
        /// The checks.
        checks: Vec<String>,
    },
    /// Taken from an earlier run.
    Cached {
        /// The checks.
        checks: Vec<String>,
    },
    /// Passed with warnings, and none are wanted.
    Warned {
        /// The checks.
        checks: Vec<String>,
    },
    /// The parts of the result contradict each other.
    Inconsistent {
        /// How.
        message: String,
    },
    /// A registry has something else already, and it is not to be replaced.
    Registry {
        /// What it has.
        message: String,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoChecks => f.write_str("no spec has a check of it"),
            Self::NoResult => f.write_str("there is no result of it"),
            Self::NothingPassed => f.write_str("no check of it passed: all were skipped"),
            Self::NoImage { message }
            | Self::Unfinished { message }
            | Self::Inconsistent { message }
            | Self::Registry { message } => f.write_str(message),
            Self::Partial { checks } => {
                write!(f, "the result lacks {}", named(checks))
            }
            Self::NotRun { checks } => write!(f, "not run: {}", named(checks)),
            Self::Failed { checks } => write!(f, "failed: {}", named(checks)),
            Self::Undecided { checks } => write!(f, "could not be decided: {}", named(checks)),
            Self::Skipped { checks } => write!(
                f,
                "skipped, which no spec asks for: {} (--allow-skipped takes them as warnings)",
                named(checks)
            ),
            Self::PassedUnexpectedly { checks } => {
                write!(f, "known to fail, but passed: {}", named(checks))
            }
            Self::OtherImage { tested, found } => write!(
                f,
                "another image was tested: {}, and now it is {}",
                short(tested),
                short(found)
            ),
            Self::OtherPlatform { tested, found } => {
                write!(f, "tested for {tested}, and it is for {found}")
            }
            Self::NotMadeFor { wanted, found } => {
                write!(
                    f,
                    "the project makes it for {wanted}, and it is for {found}"
                )
            }
            Self::Stale { checks } => {
                write!(
                    f,
                    "other checks were run than the specs have now: {}",
                    named(checks)
                )
            }
            Self::Incomparable { checks } => write!(
                f,
                "whether the specs have changed since can't be told: {} (without --results they are \
                 tested now)",
                named(checks)
            ),
            Self::Cached { checks } => write!(
                f,
                "taken from an earlier run: {} (--allow-cached accepts them)",
                named(checks)
            ),
            Self::Warned { checks } => {
                write!(f, "warnings, and --deny-warnings: {}", named(checks))
            }
        }
    }
}

/// Some of the names, and how many more there are.
fn named(checks: &[String]) -> String {
    let shown = checks.iter().take(SHOWN);
    let shown: Vec<String> = shown.map(|name| format!("`{name}`")).collect();
    match checks.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The first digits of a digest.
pub(super) fn short(id: &str) -> String {
    match id.split_once(':') {
        Some((kind, hex)) => format!("{kind}:{}", hex.chars().take(12).collect::<String>()),
        None => id.chars().take(12).collect(),
    }
}
