//! `--changed`: only what a change concerns.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use clap::Args;

use super::exit::Exit;
use super::session::{Session, Trouble};
use crate::affected::{Affected, Changes, Git, GitError, Range, affected};
use crate::event::{Event, Listener, RunEnd, RunStart, Selection};
use crate::project::Project;
use crate::report::text::terminal_text;
use crate::spec::Spec;

/// Which changes count.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct ChangedArgs {
    /// Only images that a change concerns: BASE..HEAD as for a pull request, or BASE for all that is
    /// different here since
    #[arg(long, value_name = "BASE..HEAD")]
    changed: Option<String>,
}

/// What a change concerns, and how it is called.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) affected: Affected,
    /// The end of `… affected by`.
    name: String,
}

impl ChangedArgs {
    /// What the change concerns; `None` if none is asked for.
    pub(super) fn find(
        &self,
        project: Option<&Project>,
        specs: &[&Spec],
    ) -> Result<Option<Change>, Trouble> {
        let Some(said) = &self.changed else {
            return Ok(None);
        };
        let Some(project) = project else {
            let message = "--changed needs a project file, which says what images are made of";
            return Err(Trouble::new(Exit::Usage, message));
        };
        Change::find(said, project, specs).map(Some)
    }

    /// What selects beside a filter, for a message.
    pub(super) fn said(&self) -> Option<String> {
        let said = self.changed.as_ref()?;
        Some(format!("--changed {said}"))
    }

    /// Whether a change is asked for.
    pub(super) fn is_some(&self) -> bool {
        self.changed.is_some()
    }
}

impl Change {
    /// What the change `said` concerns. Notes go to the standard error.
    pub(super) fn find(said: &str, project: &Project, specs: &[&Spec]) -> Result<Self, Trouble> {
        let found = find(said, project, specs).map_err(|error| {
            let exit = if error.is_usage() {
                Exit::Usage
            } else {
                Exit::Harness
            };
            Trouble::new(exit, error)
        });
        let (range, affected) = found?;
        for note in &affected.notes {
            let _ = writeln!(
                anstream::stderr().lock(),
                "{}",
                terminal_text(format!("note: {note}"))
            );
        }
        let name = match range.head {
            Some(_) => said.to_owned(),
            None => format!("what changed since {said}"),
        };
        Ok(Self { affected, name })
    }

    /// The names of the images to build, or none if that is nothing.
    pub(super) fn to_build(&self) -> Option<Vec<String>> {
        Some(self.affected.to_build()).filter(|names| !names.is_empty())
    }

    /// Those of `names` that are to be built before they are tested: what changed, and what is not there
    /// on the engine that builds.
    pub(super) fn to_build_of(
        &self,
        session: &Session,
        project: &Project,
        mut names: Vec<String>,
    ) -> Vec<String> {
        let changed = self.affected.to_build();
        let connection = session.connect().ok().map(|(connection, _)| connection);
        names.retain(|name| {
            let is_there = || {
                let (connection, image) = connection.as_ref().zip(project.image(name))?;
                let handle = session.handle();
                Some(handle.block_on(connection.has_image(&image.reference)))
            };
            changed.contains(name) || !is_there().unwrap_or(false)
        });
        names
    }

    /// The names of the images to test, or none if that is nothing.
    pub(super) fn to_test(&self) -> Option<BTreeSet<String>> {
        Some(self.affected.to_test()).filter(|names| !names.is_empty())
    }

    /// That nothing is to be done, in a line. It is a decision, and no empty selection.
    pub(super) fn nothing(&self) -> String {
        let files = match self.affected.files {
            0 => "nothing changed".to_owned(),
            1 => "1 file changed".to_owned(),
            files => format!("{files} files changed"),
        };
        let name = &self.name;
        terminal_text(format!("no image is affected by {name} ({files})"))
    }

    /// How many images are affected, in a line.
    pub(super) fn summary(&self) -> String {
        let name = &self.name;
        terminal_text(match self.affected.images.len() {
            1 => format!("1 image is affected by {name}"),
            images => format!("{images} images are affected by {name}"),
        })
    }
}

fn find(said: &str, project: &Project, specs: &[&Spec]) -> Result<(Range, Affected), GitError> {
    let range = Range::parse(said)?;
    let git = Git::open(&project.root)?;
    let (changes, before) = Changes::find(&git, &range)?;
    let affected = affected(project, specs, &changes, &before)?;
    Ok((range, affected))
}

/// Tells `listener` of a run with nothing in it.
pub(super) fn empty_run(
    listener: &dyn Listener,
    selection: Selection,
    folder: &Path,
    left_out: usize,
) {
    listener.on(&Event::RunStarted(
        RunStart {
            started: std::time::SystemTime::now(),
            engine: None,
            images: Vec::new(),
            checks: Vec::new(),
            selection,
            filtered: left_out,
            threads: 1,
            folder: folder.to_owned(),
        }
        .into(),
    ));
    listener.on(&Event::RunFinished(
        RunEnd {
            duration: std::time::Duration::ZERO,
            stopped: None,
            left_behind: None,
            missing: Vec::new(),
        }
        .into(),
    ));
}
