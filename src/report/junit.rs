//! The JUnit report: one suite for each image, one case for each check.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use junit_report::{Report, TestCase, TestSuite};

use super::format::RenderError;
use super::junit_case::{case_extras, lone_error, lone_skipped, test_case};
use super::junit_finish::{SuiteExtras, Totals, finish};
use super::ledger::{Keep, Ledger};
use super::record::{Ended, Moment, Record};
use super::summary::Counts;
use super::text::one_line;
use crate::event::{CaseResult, ImageInfo, RunStart};

/// The suite of what belongs to no image.
const OWN_SUITE: &str = "seatrial";

/// What may stand in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// What readers make use of.
    Rich,
    /// What the schema of Jenkins' xunit plugin (`junit-10.xsd`) allows: no file and line of a case,
    /// no skipped count and no timestamp of the root.
    Strict,
}

/// The report with all that readers make use of.
pub(super) fn render(record: &Record) -> Result<String, RenderError> {
    document(record, Dialect::Rich)
}

/// The report for readers that check it by a schema.
pub(super) fn render_strict(record: &Record) -> Result<String, RenderError> {
    document(record, Dialect::Strict)
}

/// The whole report. It is made of the events that the record tells again, so that the run itself
/// and whoever reads its record write the same.
fn document(record: &Record, dialect: Dialect) -> Result<String, RenderError> {
    let mut ledger = Ledger::new(Keep::Everything);
    let events = record.events();
    events.iter().for_each(|event| ledger.take(event));
    let start = ledger.start();
    let began = SystemTime::from(record.started);
    let mut document = Document {
        report: Report::new(),
        extras: Vec::new(),
        dialect,
        began,
        hostname: record.hostname.as_deref().unwrap_or("localhost"),
    };
    for (image, results) in ledger.by_image() {
        let mut cases: Vec<TestCase> = results
            .iter()
            .map(|it| test_case(it, &record.folder, dialect))
            .collect();
        tell_apart(&mut cases);
        let offset = results.iter().map(|result| result.offset).min();
        let extras = SuiteExtras {
            file: common_file(&results, &record.folder),
            cases: results.iter().map(|result| case_extras(result)).collect(),
            properties: properties(record, start, Some(image)),
        };
        let timestamp = began + offset.unwrap_or_default();
        document.add(image, cases, timestamp, extras);
    }

    let mut counts = ledger.counts();
    let mut own_cases: Vec<TestCase> = record.missing.iter().map(|it| lone(record, it)).collect();
    if let Some(reason) = record.unaffected() {
        own_cases.push(lone_skipped("an image is affected", reason));
        counts.skipped = 1;
    } else if counts.total() == 0 {
        // An empty report passes in most readers and vanishes in others.
        let filtered = record.selection.filtered;
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
            properties: properties(record, start, None),
            ..SuiteExtras::default()
        };
        document.add(OWN_SUITE, own_cases, began, extras);
    }
    let xml = document.write(counts, record.duration.into())?;
    String::from_utf8(xml).map_err(|error| RenderError(error.to_string()))
}

/// Names that differ only in what attributes can't hold would be one test to most readers.
fn tell_apart(cases: &mut [TestCase]) {
    let mut names = HashSet::new();
    for case in cases {
        let name = case.name.clone();
        let mut number = 2;
        while !names.insert(case.name.clone()) {
            case.name = format!("{name} ({number})");
            number += 1;
        }
    }
}

fn lone(record: &Record, missing: &str) -> TestCase {
    let kind = match record.ended {
        Ended::Unfinished => "seatrial.unfinished",
        _ => "seatrial.missing",
    };
    let message = one_line(missing);
    lone_error(&message, kind, &message)
}

/// The report in the making: what `junit-report` can write, and what is added to it after.
struct Document<'a> {
    report: Report,
    extras: Vec<SuiteExtras>,
    dialect: Dialect,
    began: SystemTime,
    hostname: &'a str,
}

impl Document<'_> {
    fn add(&mut self, name: &str, cases: Vec<TestCase>, began: SystemTime, extras: SuiteExtras) {
        let mut suite = TestSuite::new(&one_line(name));
        suite.hostname = self.hostname.to_owned();
        suite.set_timestamp(Moment::from(began).date());
        suite.add_testcases(cases);
        self.report.add_testsuite(suite);
        self.extras.push(extras);
    }

    fn write(self, counts: Counts, time: Duration) -> Result<Vec<u8>, RenderError> {
        let mut xml = Vec::new();
        let written = self.report.write_xml(&mut xml);
        written.map_err(|error| RenderError(error.to_string()))?;
        let suites = self
            .report
            .testsuites()
            .iter()
            .zip(&self.extras)
            .collect::<Vec<_>>();
        let totals = Totals {
            counts,
            time,
            began: Moment::from(self.began).date(),
        };
        finish(&xml, &suites, &totals, self.dialect).map_err(|error| RenderError(error.to_string()))
    }
}

/// The spec file, if all cases of the suite come from one.
fn common_file(results: &[&CaseResult], folder: &str) -> Option<String> {
    let path = |result: &CaseResult| result.case.place.source().path().to_path_buf();
    let first = path(results.first()?);
    let same = results.iter().all(|result| path(result) == first);
    same.then(|| format!("{folder}{}", one_line(first.to_string_lossy().as_bytes())))
}

fn properties(
    record: &Record,
    start: Option<&RunStart>,
    image: Option<&str>,
) -> Vec<(&'static str, String)> {
    let mut properties = Vec::new();
    let images = start.map_or(&[][..], |start| &start.images);
    if let Some(info) = images.iter().find(|info| image == Some(info.name.as_str())) {
        properties.extend(image_properties(info));
    }
    if let Some(engine) = start.and_then(|start| start.engine.as_ref()) {
        properties.push(("engine", engine.kind.clone()));
        properties.push(("engine.version", engine.version.clone()));
    }
    properties.push(("seatrial.version", record.seatrial.clone()));
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
