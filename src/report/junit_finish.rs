//! Adds to the XML of `junit-report` what that can't write: totals, skipped counts, properties,
//! lines, and times that every reader understands.

use std::time::Duration;

use junit_report::TestSuite;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::junit::Dialect;
use super::summary::Counts;
use super::text::one_line;

/// What is added to one suite.
#[derive(Debug, Default)]
pub(super) struct SuiteExtras {
    /// The spec file.
    pub(super) file: Option<String>,
    /// What is added to each case. Empty when the cases come from no file.
    pub(super) cases: Vec<CaseExtras>,
    /// Names and values.
    pub(super) properties: Vec<(&'static str, String)>,
}

/// What is added to one case.
#[derive(Debug)]
pub(super) struct CaseExtras {
    /// The line of the check.
    pub(super) line: usize,
    /// What earlier tries of a check that passed came to: kind, headline and all of it.
    pub(super) flaky: Vec<(String, String, String)>,
    /// When an earlier run performed it, if one did.
    pub(super) cached: Option<String>,
}

/// What the root says.
#[derive(Debug)]
pub(super) struct Totals {
    /// All that is in the suites.
    pub(super) counts: Counts,
    /// How long the run took.
    pub(super) time: Duration,
    /// When it began.
    pub(super) began: OffsetDateTime,
}

type Suites<'a> = [(&'a TestSuite, &'a SuiteExtras)];

/// Reads `xml` and writes it again with the additions, one element to a line.
pub(super) fn finish(
    xml: &[u8],
    suites: &Suites<'_>,
    totals: &Totals,
    dialect: Dialect,
) -> Result<Vec<u8>, quick_xml::Error> {
    let mut reader = Reader::from_reader(xml);
    let mut pass = Pass {
        writer: Writer::new_with_indent(Vec::new(), b' ', 2),
        suites: suites.iter(),
        suite: None,
        dialect,
        cases: [].iter(),
        flaky: &[],
        cached: None,
    };
    loop {
        match reader.read_event()? {
            Event::Eof => break,
            Event::Start(element) if element.name().as_ref() == b"testsuites" => {
                pass.write(Event::Start(root(element, totals, dialect)))?;
            }
            Event::Start(element) => pass.start(&element)?,
            Event::Empty(element) => pass.empty(&element)?,
            other => pass.write(other)?,
        }
    }
    let mut bytes = pass.writer.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

fn root<'a>(mut element: BytesStart<'a>, totals: &Totals, dialect: Dialect) -> BytesStart<'a> {
    let counts = totals.counts;
    element.push_attribute(("name", "seatrial"));
    for (name, count) in [
        ("tests", counts.total()),
        ("failures", counts.failed),
        ("errors", counts.errors),
    ] {
        element.push_attribute((name, count.to_string().as_str()));
    }
    let time = seconds(totals.time.as_secs_f64());
    if dialect == Dialect::Rich {
        element.push_attribute(("skipped", counts.skipped.to_string().as_str()));
    }
    element.push_attribute(("time", time.as_str()));
    if let (Dialect::Rich, Ok(began)) = (dialect, totals.began.format(&Rfc3339)) {
        element.push_attribute(("timestamp", began.as_str()));
    }
    element
}

struct Pass<'a, S> {
    writer: Writer<Vec<u8>>,
    suites: S,
    suite: Option<(&'a TestSuite, &'a SuiteExtras)>,
    dialect: Dialect,
    cases: std::slice::Iter<'a, CaseExtras>,
    /// What is to be written into the case that has just begun.
    flaky: &'a [(String, String, String)],
    cached: Option<&'a str>,
}

impl<'a, S: Iterator<Item = &'a (&'a TestSuite, &'a SuiteExtras)>> Pass<'a, S> {
    fn start(&mut self, element: &BytesStart<'_>) -> Result<(), quick_xml::Error> {
        let begins_suite = element.name().as_ref() == b"testsuite";
        if begins_suite {
            self.suite = self.suites.next().copied();
            self.cases = self
                .suite
                .map_or([].iter(), |(_, extras)| extras.cases.iter());
        }
        let element = self.element(element)?;
        self.write(Event::Start(element))?;
        self.additions()?;
        match self.suite {
            Some((_, extras)) if begins_suite => self.properties(extras),
            _ => Ok(()),
        }
    }

    fn empty(&mut self, element: &BytesStart<'_>) -> Result<(), quick_xml::Error> {
        let element = self.element(element)?;
        if self.flaky.is_empty() && self.cached.is_none() {
            return self.write(Event::Empty(element));
        }
        let end = element.to_end().into_owned();
        self.write(Event::Start(element))?;
        self.additions()?;
        self.write(Event::End(end))
    }

    /// What stands in a case before all else.
    fn additions(&mut self) -> Result<(), quick_xml::Error> {
        if let Some(cached) = self.cached.take() {
            self.named_values(&[("cached", cached.to_owned())])?;
        }
        self.flaky_failures()
    }

    /// Earlier tries, as Maven's surefire writes them and Jenkins reads them.
    fn flaky_failures(&mut self) -> Result<(), quick_xml::Error> {
        for (kind, message, text) in std::mem::take(&mut self.flaky) {
            let mut element = BytesStart::new("flakyFailure");
            element.push_attribute(("message", message.as_str()));
            element.push_attribute(("type", kind.as_str()));
            self.write(Event::Start(element))?;
            self.write(Event::Start(BytesStart::new("stackTrace")))?;
            self.write(Event::Text(BytesText::new(text)))?;
            self.write(Event::End(BytesEnd::new("stackTrace")))?;
            self.write(Event::End(BytesEnd::new("flakyFailure")))?;
        }
        Ok(())
    }

    /// The element with its attributes mended.
    fn element(
        &mut self,
        element: &BytesStart<'_>,
    ) -> Result<BytesStart<'static>, quick_xml::Error> {
        let name = String::from_utf8_lossy(element.name().as_ref()).into_owned();
        let mut mended = BytesStart::new(name);
        for attribute in element.attributes() {
            let attribute = attribute?;
            match attribute.key.as_ref() {
                // Jenkins would put it in front of the suite's name.
                b"package" => {}
                b"time" => {
                    let text = String::from_utf8_lossy(&attribute.value);
                    let time = seconds(text.parse().unwrap_or(0.0));
                    mended.push_attribute(("time", time.as_str()));
                }
                _ => mended.push_attribute(attribute),
            }
        }
        match element.name().as_ref() {
            b"testsuite" => {
                if let Some((suite, extras)) = self.suite {
                    mended.push_attribute(("skipped", suite.skipped().to_string().as_str()));
                    if let Some(file) = &extras.file {
                        mended.push_attribute(("file", file.as_str()));
                    }
                }
            }
            b"testcase" => {
                if let Some(case) = self.cases.next() {
                    if self.dialect == Dialect::Rich {
                        mended.push_attribute(("line", case.line.to_string().as_str()));
                    }
                    self.flaky = &case.flaky;
                    // As pytest writes them; the strictest schema knows none in a case.
                    let rich = self.dialect == Dialect::Rich;
                    self.cached = case.cached.as_deref().filter(|_| rich);
                }
            }
            _ => {}
        }
        Ok(mended)
    }

    fn properties(&mut self, extras: &SuiteExtras) -> Result<(), quick_xml::Error> {
        if extras.properties.is_empty() {
            return Ok(());
        }
        self.named_values(&extras.properties)
    }

    fn named_values(&mut self, values: &[(&str, String)]) -> Result<(), quick_xml::Error> {
        self.write(Event::Start(BytesStart::new("properties")))?;
        for (name, value) in values {
            let mut property = BytesStart::new("property");
            property.push_attribute(("name", *name));
            property.push_attribute(("value", one_line(value).as_str()));
            self.write(Event::Empty(property))?;
        }
        self.write(Event::End(BytesEnd::new("properties")))
    }

    fn write(&mut self, event: Event<'_>) -> Result<(), quick_xml::Error> {
        Ok(self.writer.write_event(event)?)
    }
}

/// Plain decimal digits, as the strictest readers want them.
fn seconds(time: f64) -> String {
    format!("{time:.3}")
}
