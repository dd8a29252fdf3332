//! What happens during a run. Every report is fed by these events and by nothing else, so that no
//! two reports can disagree.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::engine::{Captured, EngineInfo, Image};
use crate::source::Place;
use crate::verdict::Verdict;

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// The run begins.
    RunStarted(Arc<RunStart>),
    /// An image that was not there when the run began is now, or it is known that it won't be.
    ImageReady(Arc<ImageInfo>),
    /// One check begins.
    CheckStarted(Arc<CaseInfo>),
    /// One check has its verdict. Comes once for every selected check, whatever happens.
    CheckFinished(Arc<CaseResult>),
    /// The run is over.
    RunFinished(Arc<RunEnd>),
}

/// What is known when a run begins.
#[derive(Debug)]
pub struct RunStart {
    /// The wall clock at the start.
    pub started: SystemTime,
    /// The engine; `None` when none answered.
    pub engine: Option<EngineInfo>,
    /// The images of the selected checks, in the order of the plan.
    pub images: Vec<ImageInfo>,
    /// The selected checks, in the order of the plan.
    pub checks: Vec<Arc<CaseInfo>>,
    /// What selected them.
    pub selection: Selection,
    /// How many checks of the plan the selection left out.
    pub filtered: usize,
    /// How many checks run at once.
    pub threads: usize,
    /// The folder of the project in its repository, which places are relative to.
    pub folder: PathBuf,
    /// The spec files that the selected checks are made of, each once, in the order of their paths.
    pub specs: Vec<SpecFile>,
}

/// A spec file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpecFile {
    /// As messages name it: seen from the folder of the project.
    pub path: PathBuf,
    /// The digest of its bytes, in hexadecimal.
    pub sha256: String,
}

impl RunStart {
    /// How many checks are selected.
    pub fn selected(&self) -> usize {
        self.checks.len()
    }
}

/// What was asked for on the command line.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// What names must contain, or be; the name of an image means all of its checks.
    pub filter: Option<String>,
    /// Whether names must be the filter.
    pub exact: bool,
    /// What no name may contain.
    pub skip: Vec<String>,
    /// Tags of which a check must have one.
    pub tags: Vec<String>,
    /// Tags that no check may have.
    pub skip_tags: Vec<String>,
    /// Only what did not pass when it was run last.
    pub failed: bool,
    /// Why there was nothing to select, if that was a decision: no image is affected by a change.
    pub unaffected: Option<String>,
    /// Which part of the checks this run is to do, if not all.
    pub shard: Option<Shard>,
}

/// One of several parts of a run, each done by a process of its own.
#[derive(Debug, Clone)]
pub struct Shard {
    /// Which one, from 1.
    pub number: usize,
    /// How many there are.
    pub total: usize,
    /// The checks that were left to the others.
    pub elsewhere: Vec<Arc<CaseInfo>>,
}

/// An image of the run.
#[derive(Debug, Clone)]
pub struct ImageInfo {
    /// The name that specs and reports use.
    pub name: String,
    /// The reference it is found under.
    pub reference: String,
    /// The image, or nothing if it could not be found or is still to be built.
    pub image: Option<Image>,
}

/// A check as reports see it.
#[derive(Debug, Clone)]
pub struct CaseInfo {
    /// Position in the plan, from 0: reports put results back into this order.
    pub index: usize,
    /// Name of the image.
    pub image: String,
    /// Name of the check, unique within the image and stable between runs.
    pub check: String,
    /// Where the check is written.
    pub place: Place,
    /// The image that the check was written for, if that is another.
    pub inherited_from: Option<String>,
    /// The key that says what it looks at: `run`, `file`, …
    pub kind: &'static str,
    /// The words to select it by.
    pub tags: Vec<String>,
    /// Why it is known to fail, if it is.
    pub xfail: Option<String>,
    /// A digest, in hexadecimal, of all that can change its verdict beside the image and what runs
    /// it; none where not all of that can be known, or nobody asked.
    pub fingerprint: Option<String>,
}

impl CaseInfo {
    /// The whole name: `IMAGE::CHECK`.
    pub fn name(&self) -> String {
        format!("{}::{}", self.image, self.check)
    }
}

/// All that came of one check.
#[derive(Debug)]
pub struct CaseResult {
    /// The check.
    pub case: Arc<CaseInfo>,
    /// What it came to.
    pub verdict: Verdict,
    /// Whether it was skipped because it failed, as its `xfail` says.
    pub xfailed: bool,
    /// Which of the threads performed it, from 0; none did if it was not begun.
    pub worker: Option<usize>,
    /// From the start of the run to the start of the check.
    pub offset: Duration,
    /// From the start of the check to its verdict.
    pub duration: Duration,
    /// What the process wrote on its standard output, if there was one.
    pub stdout: Option<Captured>,
    /// What the process wrote on its standard error, if there was one.
    pub stderr: Option<Captured>,
    /// A command line that does by hand what the check did.
    pub reproduce: Option<String>,
    /// When it was performed, if that was in an earlier run whose result still holds.
    pub cached: Option<SystemTime>,
    /// What earlier tries came to, when it was tried again; a check that passed after others is
    /// flaky.
    pub earlier: Vec<Verdict>,
}

/// How a run ended.
#[derive(Debug)]
pub struct RunEnd {
    /// From the start to the last verdict and the clean-up.
    pub duration: Duration,
    /// Why the run ended before all of its checks had, if it did.
    pub stopped: Option<Stopped>,
    /// What could not be cleaned up, in one line.
    pub left_behind: Option<String>,
    /// What is missing from the result, and no check stands for; each counts as an error.
    pub missing: Vec<String>,
}

/// Why a run ends before all of its checks have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// By this signal.
    Signal(i32),
    /// It had this long.
    Deadline(Duration),
    /// So many checks did not pass, and no more were wanted.
    Failures(u32),
}

impl Stopped {
    /// The kind of the problem of a check that was not run for this, for machines.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Signal(_) => "interrupted",
            Self::Deadline(_) => "deadline",
            Self::Failures(_) => "not-run",
        }
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(number) => {
                let name = match number {
                    1 => "SIGHUP",
                    2 => "SIGINT",
                    15 => "SIGTERM",
                    _ => return write!(f, "the run was stopped by signal {number}"),
                };
                write!(f, "the run was stopped by {name}")
            }
            Self::Deadline(limit) => write!(f, "the deadline of the run, {limit:?}, was over"),
            Self::Failures(1) => write!(f, "a check did not pass, and the run ends with the first"),
            Self::Failures(most) => {
                write!(
                    f,
                    "{most} checks did not pass, and the run ends with so many"
                )
            }
        }
    }
}

/// Something that events are sent to, from many threads at once.
pub trait Listener: Send + Sync {
    /// Takes one event.
    fn on(&self, event: &Event);
}
