//! All files that a run writes, fed by its events.

use std::sync::{Mutex, PoisonError};

use super::file::FileError;
use super::format::{Format, RenderError};
use super::lines::Lines;
use super::record::{Collector, Record};
use super::step_summary::StepSummary;
use super::target::{Target, Whole};
use crate::event::{Event, Listener};

/// Writes the reports that were asked for.
///
/// Until the run is over each file says that it did not finish, with an error for each check that
/// was selected: a run that is killed leaves no success behind.
#[derive(Debug)]
pub struct Reports {
    outputs: Vec<(&'static Format, Whole)>,
    step_summary: Option<StepSummary>,
    /// Whether there is any report at all.
    are_wanted: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    collector: Collector,
    lines: Option<Lines>,
    written: Option<Vec<ReportError>>,
}

/// Why a report does not hold the whole run.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The file can't be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The report could not be made.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The end of the run was never reported.
    #[error("the reports say that the run did not finish: its end was never reported")]
    Unfinished,
}

impl Reports {
    /// Opens all files, with their folders, and replaces what is there by reports of a run that did
    /// not finish. `lines` is written line by line instead.
    ///
    /// # Errors
    /// When a report could not be written after the run either.
    pub fn open(
        wanted: &[(&'static Format, Target)],
        lines: Option<&Target>,
    ) -> Result<Self, ReportError> {
        let collector = Collector::new();
        let record = collector.record();
        let mut outputs = Vec::new();
        for (format, target) in wanted {
            let placeholder = (format.render)(&record)?;
            outputs.push((*format, Whole::open(target, &placeholder)?));
        }
        Ok(Self {
            outputs,
            step_summary: None,
            are_wanted: !wanted.is_empty() || lines.is_some(),
            state: Mutex::new(State {
                collector,
                lines: lines.map(Lines::open).transpose()?,
                written: None,
            }),
        })
    }

    /// With the summary of a step beside them, in the end. That it can't be written is no error.
    #[must_use]
    pub fn and(mut self, step_summary: Option<StepSummary>) -> Self {
        self.are_wanted |= step_summary.is_some();
        self.step_summary = step_summary;
        self
    }

    /// Writes all of them from a record that is there already.
    ///
    /// # Errors
    /// What could not be written.
    pub fn write(self, record: &Record) -> Result<(), Vec<ReportError>> {
        let errors = self.write_all(record);
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }

    fn write_all(&self, record: &Record) -> Vec<ReportError> {
        let write = |(format, to): &(&Format, Whole)| -> Result<(), ReportError> {
            Ok(to.write(&(format.render)(record)?)?)
        };
        if let Some(summary) = &self.step_summary {
            summary.try_write(record);
        }
        let outputs = self.outputs.iter();
        outputs.filter_map(|output| write(output).err()).collect()
    }

    /// Replaces what says that nothing is known yet by what names the checks.
    fn hold(&self, record: &Record) {
        for (format, to) in &self.outputs {
            // What can't be written now is told in the end, if it still can't be written then.
            let _ = (format.render)(record).map(|text| to.hold(&text));
        }
    }

    /// Says whether all was written. To be asked once, after the run.
    ///
    /// # Errors
    /// What does not hold the whole run.
    pub fn finish(self) -> Result<(), Vec<ReportError>> {
        if !self.are_wanted {
            return Ok(());
        }
        let state = self.state.into_inner();
        let state = state.unwrap_or_else(PoisonError::into_inner);
        let unfinished = || vec![ReportError::Unfinished];
        let mut errors = state.written.unwrap_or_else(unfinished);
        let lines = state.lines.map(Lines::finish);
        errors.extend(lines.and_then(Result::err).map(ReportError::from));
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }
}

impl Listener for Reports {
    fn on(&self, event: &Event) {
        if !self.are_wanted {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State {
            collector,
            lines,
            written,
        } = &mut *state;
        let known = collector.take(event);
        if let Some(lines) = lines {
            lines.on(event, collector.head(), known);
        }
        match event {
            Event::RunStarted(_) => self.hold(&collector.record()),
            Event::RunFinished(_) => *written = Some(self.write_all(&collector.record())),
            Event::ImageReady(_) | Event::CheckStarted(_) | Event::CheckFinished(_) => {}
        }
    }
}
