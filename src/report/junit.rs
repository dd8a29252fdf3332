//! The JUnit report: one suite for each image, one case for each check.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use junit_report::{Report, TestCase, TestSuite};
use time::OffsetDateTime;

use super::file::{FileError, OutputFile};
use super::junit_case::{case_extras, lone_error, test_case};
use super::junit_finish::{SuiteExtras, finish};
use super::ledger::{Keep, Ledger};
use super::summary::Counts;
use super::text::one_line;
use crate::event::{CaseResult, Event, ImageInfo, Listener, RunStart};

/// The suite of what belongs to no image.
const OWN_SUITE: &str = "seatrial";

/// Writes the verdicts as JUnit XML when the run is over.
///
/// Until then the file says that the run did not finish, and an error case says so to whatever
/// reads it: a run that is killed leaves no success behind.
#[derive(Debug)]
pub struct JUnit {
    file: OutputFile,
    hostname: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    ledger: Ledger,
    written: Option<Result<(), JUnitError>>,
}

/// Why there is no complete JUnit report.
#[derive(Debug, thiserror::Error)]
pub enum JUnitError {
    /// The file can't be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The XML could not be made; the file still says that the run did not finish.
    #[error("cannot make the JUnit report: {0}")]
    Xml(String),
    /// The end of the run was never reported.
    #[error("{} says that the run did not finish: its end was never reported", .0.display())]
    Unfinished(PathBuf),
}

impl JUnit {
    /// Opens `path`, with its folders, and replaces what is there by a report of a run that did
    /// not finish.
    ///
    /// # Errors
    /// When the report could not be written after the run either.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, JUnitError> {
        let hostname = hostname::get().map_or("localhost".into(), |name| {
            one_line(name.to_string_lossy().as_bytes())
        });
        let placeholder = placeholder(SystemTime::now(), &hostname)?;
        Ok(Self {
            file: OutputFile::open(path.as_ref(), &placeholder)?,
            hostname,
            state: Mutex::new(State {
                ledger: Ledger::new(Keep::Everything),
                written: None,
            }),
        })
    }

    /// Says whether the report was written. To be asked once, after the run.
    ///
    /// # Errors
    /// When the file does not hold the whole run.
    pub fn finish(self) -> Result<(), JUnitError> {
        let state = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        state
            .written
            .unwrap_or_else(|| Err(JUnitError::Unfinished(self.file.path().to_path_buf())))
    }
}

impl Listener for JUnit {
    fn on(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.ledger.take(event);
        if let Event::RunFinished(_) = event {
            let content = render(&state.ledger, &self.hostname);
            state.written = Some(content.and_then(|xml| Ok(self.file.replace(&xml)?)));
        }
    }
}

fn placeholder(now: SystemTime, hostname: &str) -> Result<Vec<u8>, JUnitError> {
    let message = "the run did not finish: it is still going on, or it was killed";
    let case = lone_error("the run finishes", "seatrial.unfinished", message);
    let mut document = Document::new(now, hostname);
    document.add(OWN_SUITE, vec![case], now, SuiteExtras::default());
    let counts = Counts {
        errors: 1,
        ..Counts::default()
    };
    document.write(counts, Duration::ZERO)
}

/// The whole report of a finished run.
pub(super) fn render(ledger: &Ledger, hostname: &str) -> Result<Vec<u8>, JUnitError> {
    let start = ledger.start();
    let began = start.map_or(SystemTime::UNIX_EPOCH, |start| start.started);
    let mut document = Document::new(began, hostname);
    for (image, results) in ledger.by_image() {
        let cases = results.iter().map(|result| test_case(result)).collect();
        let offset = results.iter().map(|result| result.offset).min();
        let extras = SuiteExtras {
            file: common_file(&results),
            cases: results.iter().map(|result| case_extras(result)).collect(),
            properties: properties(start, Some(image)),
        };
        let timestamp = began + offset.unwrap_or_default();
        document.add(image, cases, timestamp, extras);
    }

    let mut counts = ledger.counts();
    let mut own_cases = Vec::new();
    for missing in ledger.end().map_or(&[][..], |end| &end.missing) {
        own_cases.push(lone_error(&one_line(missing), "seatrial.missing", missing));
    }
    if counts.total() == 0 {
        // An empty report passes in most readers and vanishes in others.
        let filtered = start.map_or(0, |start| start.filtered);
        let message = format!("no check was selected ({filtered} were left out)");
        own_cases.push(lone_error(
            "a check is selected",
            "seatrial.empty",
            &message,
        ));
        counts.errors = 1;
    }
    if !own_cases.is_empty() {
        let extras = SuiteExtras {
            properties: properties(start, None),
            ..SuiteExtras::default()
        };
        document.add(OWN_SUITE, own_cases, began, extras);
    }
    document.write(
        counts,
        ledger.end().map_or(Duration::ZERO, |end| end.duration),
    )
}

/// The report in the making: what `junit-report` can write, and what is added to it after.
struct Document<'a> {
    report: Report,
    extras: Vec<SuiteExtras>,
    began: SystemTime,
    hostname: &'a str,
}

impl<'a> Document<'a> {
    fn new(began: SystemTime, hostname: &'a str) -> Self {
        Self {
            report: Report::new(),
            extras: Vec::new(),
            began,
            hostname,
        }
    }

    fn add(&mut self, name: &str, cases: Vec<TestCase>, began: SystemTime, extras: SuiteExtras) {
        let mut suite = TestSuite::new(&one_line(name));
        suite.hostname = self.hostname.to_owned();
        suite.set_timestamp(timestamp(began));
        suite.add_testcases(cases);
        self.report.add_testsuite(suite);
        self.extras.push(extras);
    }

    fn write(self, counts: Counts, time: Duration) -> Result<Vec<u8>, JUnitError> {
        let mut xml = Vec::new();
        let written = self.report.write_xml(&mut xml);
        written.map_err(|error| JUnitError::Xml(error.to_string()))?;
        let suites = self
            .report
            .testsuites()
            .iter()
            .zip(&self.extras)
            .collect::<Vec<_>>();
        finish(&xml, &suites, counts, time, timestamp(self.began))
            .map_err(|error| JUnitError::Xml(error.to_string()))
    }
}

/// Whole milliseconds, and 1970 for clocks that are wrong beyond what a date can say.
fn timestamp(clock: SystemTime) -> OffsetDateTime {
    let since = clock
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(0);
    let moment = OffsetDateTime::from_unix_timestamp(seconds);
    moment
        .and_then(|moment| moment.replace_millisecond(since.subsec_millis() as u16))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// The spec file, if all cases of the suite come from one.
fn common_file(results: &[&CaseResult]) -> Option<String> {
    let path = |result: &CaseResult| result.case.place.source().path().to_path_buf();
    let first = path(results.first()?);
    let same = results.iter().all(|result| path(result) == first);
    same.then(|| one_line(first.to_string_lossy().as_bytes()))
}

fn properties(start: Option<&RunStart>, image: Option<&str>) -> Vec<(&'static str, String)> {
    let mut properties = Vec::new();
    let images = start.map_or(&[][..], |start| &start.images);
    if let Some(info) = images.iter().find(|info| image == Some(info.name.as_str())) {
        properties.extend(image_properties(info));
    }
    if let Some(engine) = start.and_then(|start| start.engine.as_ref()) {
        properties.push(("engine", engine.kind.clone()));
        properties.push(("engine.version", engine.version.clone()));
    }
    properties.push(("seatrial.version", env!("CARGO_PKG_VERSION").into()));
    properties
}

fn image_properties(info: &ImageInfo) -> Vec<(&'static str, String)> {
    let mut properties = vec![("image.reference", info.reference.clone())];
    if let Some(image) = &info.image {
        properties.push(("image.id", image.id.clone()));
        if !image.repo_digests.is_empty() {
            properties.push(("image.digest", image.repo_digests.join(", ")));
        }
        let platform = format!("{}/{}", image.config.os, image.config.architecture);
        properties.push(("image.platform", platform));
    }
    properties
}
