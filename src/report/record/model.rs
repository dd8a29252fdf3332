//! The types of the record. Their doc comments are the descriptions of the JSON Schema.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::counts::CountsRecord;
use super::place::{FindingRecord, PlaceRecord, ProblemRecord};
use super::values::{Moment, Seconds};

/// The result of a run of seatrial: what was tested and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// The version of this format. Another number means that old readers would be misled; what is
    /// only added leaves it as it is.
    #[schemars(extend("const" = 1))]
    pub version: u32,
    /// The version of seatrial.
    pub seatrial: String,
    /// When the run began.
    pub started: Moment,
    /// How long it took, in seconds.
    pub duration: Seconds,
    /// How it ended.
    pub ended: Ended,
    /// What could not be removed from the engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_behind: Option<String>,
    /// What is missing and no check stands for. Each counts as an error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// The name of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// What ran the containers, if anything answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineRecord>,
    /// The folder of the project in its repository, with a slash at the end; files are relative to it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub folder: String,
    /// How many checks ran at once.
    pub threads: usize,
    /// How many results this one is joined from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined: Option<usize>,
    /// What selected the checks.
    pub selection: SelectionRecord,
    /// Which part of the checks this run was to do, if not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardRecord>,
    /// How many checks came to what.
    pub counts: CountsRecord,
    /// The images, in the order of the plan.
    pub images: Vec<ImageRecord>,
    /// Every selected check, in the order of the plan.
    pub checks: Vec<CheckRecord>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "how", rename_all = "lowercase")]
pub enum Ended {
    /// All selected checks were performed.
    Complete,
    /// A signal stopped it.
    Signal {
        /// Its number.
        number: i32,
    },
    /// Its deadline was over.
    Deadline {
        /// The time that it had, in seconds.
        after: Seconds,
    },
    /// So many checks did not pass, and no more were wanted.
    Failures {
        /// How many.
        limit: u32,
    },
    /// It goes on, or it was killed.
    Unfinished,
}

/// What ran the containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EngineRecord {
    /// Its kind: `docker`, `podman`, `embedded`.
    pub kind: String,
    /// Its own version.
    pub version: String,
    /// What it runs by default, as `os/architecture`.
    pub platform: String,
    /// Another engine that runs what this one can't, with its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<String>,
}

/// What selected the checks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SelectionRecord {
    /// How many checks are selected.
    pub selected: usize,
    /// How many checks of the specs the filters left out.
    pub filtered: usize,
    /// What names must contain, or be; the name of an image means all of its checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Whether names must be the filter.
    #[serde(default)]
    pub exact: bool,
    /// What no name may contain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skip: Vec<String>,
    /// Tags of which a check must have one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Tags that no check may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skip_tags: Vec<String>,
    /// Whether only checks were wanted that did not pass the time before.
    #[serde(default)]
    pub failed: bool,
    /// Why there was nothing to select, if that was a decision: no image is affected by a change. Without
    /// it, a run without a check is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unaffected: Option<String>,
}

impl Record {
    /// Why nothing was to be tested, if nothing was and that is no error.
    pub fn unaffected(&self) -> Option<&str> {
        let nothing = self.checks.is_empty() && self.missing.is_empty();
        let reason = self.selection.unaffected.as_deref();
        reason.filter(|_| nothing && self.ended == Ended::Complete)
    }
}

/// Which part of the checks a run was to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShardRecord {
    /// Which one, from 1.
    #[schemars(range(min = 1))]
    pub number: usize,
    /// How many there are.
    #[schemars(range(min = 1))]
    pub total: usize,
    /// The checks that are left to the others.
    pub elsewhere: Vec<CaseRecord>,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImageRecord {
    /// What specs call it.
    pub name: String,
    /// The reference it was found under.
    pub reference: String,
    /// Its id: the digest of its configuration. None if it was not found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The digests that registries know it by, as `repository@digest`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repo_digests: Vec<String>,
    /// What it is made for, as `os/architecture`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Its size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// How many layers it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<usize>,
}

/// A check, before anything is known of its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseRecord {
    /// The image: `classname` in JUnit.
    pub image: String,
    /// The name, unique within the image: `name` in JUnit.
    pub name: String,
    /// Position among all checks of the specs, from 0.
    pub index: usize,
    /// Where it stands.
    pub place: PlaceRecord,
    /// The key that says what it looks at: `run`, `file`, `config`, …
    pub kind: String,
    /// The words to select it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The image that it was written for, if that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherited_from: Option<String>,
    /// Why it is known to fail, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xfail: Option<String>,
}

/// What a check, or one try of it, came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum Judgement {
    /// All that it expects holds.
    Passed,
    /// Something that it expects does not hold.
    Failed {
        /// What does not hold.
        findings: Vec<FindingRecord>,
    },
    /// It could not be decided.
    Error {
        /// Why not.
        problem: ProblemRecord,
    },
    /// It was not meant to run here, or failed as was known.
    Skipped {
        /// The reason.
        reason: String,
    },
}

/// A check and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckRecord {
    /// The check.
    #[serde(flatten)]
    pub case: CaseRecord,
    /// What it came to.
    #[serde(flatten)]
    pub judgement: Judgement,
    /// Whether it passed only when it was tried again.
    #[serde(default)]
    pub flaky: bool,
    /// Whether it was skipped because it failed, as `xfail` says.
    #[serde(default)]
    pub xfailed: bool,
    /// What earlier tries came to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Judgement>,
    /// From the start of the run to the start of the check, in seconds.
    pub offset: Seconds,
    /// How long it took, in seconds.
    pub duration: Seconds,
    /// Which of the threads performed it, from 0; none if it was not begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<usize>,
    /// The standard output of its command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout: Option<StreamRecord>,
    /// The standard error of its command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<StreamRecord>,
    /// A command line that does by hand what the check did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reproduce: Option<String>,
}

/// What is shown of an output: text that does nothing on a terminal, cut in the middle if it was
/// long.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StreamRecord {
    /// The beginning; all of it if nothing is left out.
    pub head: String,
    /// How many bytes are left out.
    #[serde(default)]
    pub omitted: u64,
    /// The end, after what is left out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tail: String,
    /// How many bytes the command wrote.
    pub bytes: u64,
}

impl CaseRecord {
    /// The whole name: `IMAGE::CHECK`.
    pub fn full_name(&self) -> String {
        format!("{}::{}", self.image, self.name)
    }
}

impl Judgement {
    /// The word for it: `passed`, `failed`, `error` or `skipped`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed { .. } => "failed",
            Self::Error { .. } => "error",
            Self::Skipped { .. } => "skipped",
        }
    }

    /// Whether it stands in the way of a success: a failure or an error.
    pub fn is_bad(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Error { .. })
    }
}

impl CheckRecord {
    /// An error that stands for a check which was not begun.
    pub(in crate::report) fn undecided(case: CaseRecord, kind: &str, message: &str) -> Self {
        Self {
            case,
            judgement: Judgement::Error {
                problem: ProblemRecord {
                    kind: kind.to_owned(),
                    message: message.to_owned(),
                },
            },
            flaky: false,
            xfailed: false,
            earlier: Vec::new(),
            offset: Seconds::default(),
            duration: Seconds::default(),
            worker: None,
            stdout: None,
            stderr: None,
            reproduce: None,
        }
    }

    /// Whether it passed, but not at once.
    pub(super) fn is_flaky(&self) -> bool {
        matches!(self.judgement, Judgement::Passed) && !self.earlier.is_empty()
    }

    /// What did not hold, in any of its tries.
    pub(super) fn findings(&self) -> impl Iterator<Item = &FindingRecord> {
        let judgements = std::iter::once(&self.judgement).chain(&self.earlier);
        judgements.flat_map(|judgement| match judgement {
            Judgement::Failed { findings } => findings.as_slice(),
            _ => &[],
        })
    }

    /// All words for machines in it.
    pub(super) fn kinds(&self) -> impl Iterator<Item = &str> {
        let judgements = std::iter::once(&self.judgement).chain(&self.earlier);
        let kinds = judgements.flat_map(|judgement| match judgement {
            Judgement::Failed { findings } => findings
                .iter()
                .map(|finding| finding.label.as_str())
                .collect::<Vec<_>>(),
            Judgement::Error { problem } => vec![problem.kind.as_str()],
            Judgement::Passed | Judgement::Skipped { .. } => Vec::new(),
        });
        kinds.chain([self.case.kind.as_str()])
    }

    /// Whether it was to be performed and was not begun.
    pub fn was_not_run(&self) -> bool {
        matches!(self.judgement, Judgement::Error { .. }) && self.worker.is_none()
    }
}
