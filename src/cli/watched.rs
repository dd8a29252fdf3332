//! A run of `seatrial test` that `seatrial watch` has asked for: which checks it runs, and what it
//! tells of them. The two meet in a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;

use super::exit::Exit;
use super::session::Trouble;
use crate::event::{Event, Listener};
use crate::verdict::Verdict;

/// The names of the checks to be run.
const CHECKS: &str = "checks.json";
/// What they came to.
const VERDICTS: &str = "verdicts.json";

/// What a check came to whose image could not be built.
pub(super) const UNBUILT: &str = "unbuilt";

/// What each check came to, in a word.
pub(super) type Verdicts = BTreeMap<String, String>;

/// Where a run meets the one that watches.
#[derive(Debug, Args)]
pub(super) struct WatchedArgs {
    /// The folder of `seatrial watch`
    #[arg(long, hide = true, value_name = "FOLDER")]
    watched: Option<PathBuf>,
}

impl WatchedArgs {
    /// The checks that are wanted, if somebody watches.
    pub(super) fn checks(&self) -> Result<Option<BTreeSet<String>>, Trouble> {
        let Some(folder) = &self.watched else {
            return Ok(None);
        };
        let read = read(&folder.join(CHECKS)).map_err(|error| {
            let message = format!("can't read what `seatrial watch` asks for: {error}");
            Trouble::new(Exit::Harness, message)
        });
        read.map(Some)
    }

    /// Tells the one that watches, if somebody does.
    pub(super) fn listener(&self) -> Option<Arc<dyn Listener>> {
        let folder = self.watched.clone()?;
        let verdicts = Mutex::default();
        Some(Arc::new(Telling { folder, verdicts }))
    }
}

/// Collects what checks come to.
struct Telling {
    folder: PathBuf,
    verdicts: Mutex<Verdicts>,
}

impl Listener for Telling {
    fn on(&self, event: &Event) {
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::CheckFinished(result) => {
                let word = match &result.verdict {
                    Verdict::Error(problem) if problem.kind.starts_with("build") => UNBUILT,
                    verdict => verdict.word(),
                };
                verdicts.insert(result.case.name(), word.to_owned());
            }
            // Without them the status line counts fewer; a run that was stopped tells nothing.
            Event::RunFinished(end) if end.stopped.is_none() => {
                let _ = write(&self.folder.join(VERDICTS), &*verdicts);
            }
            _ => {}
        }
    }
}

/// Asks the next run for these checks.
pub(super) fn ask(folder: &Path, checks: &BTreeSet<String>) -> std::io::Result<()> {
    let _ = fs::remove_file(folder.join(VERDICTS));
    write(&folder.join(CHECKS), checks)
}

/// What the last run has told.
pub(super) fn told(folder: &Path) -> Verdicts {
    read(&folder.join(VERDICTS)).unwrap_or_default()
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> std::io::Result<T> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

fn write<T: serde::Serialize + ?Sized>(path: &Path, value: &T) -> std::io::Result<()> {
    fs::File::create(path)?.write_all(&serde_json::to_vec(value)?)
}
