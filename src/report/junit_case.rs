//! One check as a JUnit case.

use junit_report::{TestCase, TestCaseBuilder, TestResult};

use super::excerpt::{Excerpt, Limit};
use super::failure::{Styles, Telling};
use super::junit::Dialect;
use super::junit_finish::CaseExtras;
use super::text::{one_line, xml_text};
use crate::engine::Captured;
use crate::event::CaseResult;
use crate::verdict::Verdict;

/// Jenkins refuses times beyond a year.
const LONGEST_TIME: time::Duration = time::Duration::days(365);

/// Each stream of a case, whole or head and tail. Readers break on text nodes of 10 MB and on
/// files of 30 MB.
const STREAM: Limit = Limit {
    bytes: 64 * 1024,
    lines: usize::MAX,
};

/// The streams within the text of a failure, which GitHub's reporters cut at 64 kB.
const STREAM_IN_TEXT: Limit = Limit {
    bytes: 16 * 1024,
    lines: usize::MAX,
};

/// The result as a case. Nothing in it can break the XML.
pub(super) fn test_case(result: &CaseResult, folder: &str, dialect: Dialect) -> TestCase {
    let name = one_line(&result.case.check);
    let time = time::Duration::try_from(result.duration)
        .unwrap_or(LONGEST_TIME)
        .min(LONGEST_TIME);
    let mut builder = match &result.verdict {
        Verdict::Passed => TestCaseBuilder::success(&name, time),
        Verdict::Failed(findings) => {
            let (kind, message) = match findings.split_first() {
                Some((first, [])) => (first.kind, headline(&first.message)),
                Some((first, more)) => {
                    let message = headline(&first.message);
                    (first.kind, format!("{message} (and {} more)", more.len()))
                }
                None => ("failure", "an expectation does not hold".into()),
            };
            TestCaseBuilder::failure(&name, time, &kind_of(kind), &message)
        }
        Verdict::Error(problem) => {
            let message = headline(&problem.message);
            TestCaseBuilder::error(&name, time, &kind_of(problem.kind), &message)
        }
        Verdict::Skipped(reason) => {
            let message = headline(reason);
            TestCaseBuilder::skipped_with_cause(&name, "seatrial.skipped", &message)
        }
    };
    builder.set_classname(&one_line(&result.case.image));
    if dialect == Dialect::Rich {
        let path = result.case.place.source().path().to_string_lossy();
        builder.set_filepath(&format!("{folder}{}", one_line(path.as_bytes())));
    }
    set_text(&mut builder.testcase, &text_of(result));
    if let Some(out) = result.stdout.as_ref().and_then(stream) {
        builder.set_system_out(&out);
    }
    if let Some(err) = result.stderr.as_ref().and_then(stream) {
        builder.set_system_err(&err);
    }
    builder.build()
}

/// What `junit-report` can't write of a case.
pub(super) fn case_extras(result: &CaseResult) -> CaseExtras {
    let passed = matches!(result.verdict, Verdict::Passed);
    let earlier = result.earlier.iter().filter(|_| passed);
    let flaky = earlier.zip(1..).map(|(verdict, number)| {
        let (kind, message) = verdict.reason().unwrap_or(("flaky", verdict.word()));
        let text = format!("try {number}: {}", xml_text(message.as_bytes()));
        (kind_of(kind), headline(message), text)
    });
    CaseExtras {
        line: result.case.place.line(),
        flaky: flaky.collect(),
    }
}

/// A case that stands for no check: something about the run itself.
pub(super) fn lone_error(name: &str, kind: &str, message: &str) -> TestCase {
    let mut builder = TestCaseBuilder::error(name, time::Duration::ZERO, kind, message);
    builder.set_classname("seatrial").set_trace(message);
    builder.build()
}

/// A case that stands for no check and says why there is none.
pub(super) fn lone_skipped(name: &str, reason: &str) -> TestCase {
    let mut builder = TestCaseBuilder::skipped_with_cause(name, "seatrial.unaffected", reason);
    builder.set_classname("seatrial");
    builder.build()
}

/// The first line; the text of the element has them all.
fn headline(message: &str) -> String {
    one_line(message.trim_start().lines().next().unwrap_or_default())
}

/// Always with a name space: a bare `file` or `integer` is a type cast to GitLab's parser.
fn kind_of(kind: &str) -> String {
    one_line(format!("seatrial.{kind}"))
}

/// All there is to know: some readers show the text of the element and nothing else.
fn text_of(result: &CaseResult) -> String {
    let telling = Telling {
        styles: Styles::plain(),
        detail: STREAM,
        stream: STREAM_IN_TEXT,
        clean: |bytes| xml_text(bytes),
    };
    let told = telling.tell(result);
    format!("{}\n{told}\n", one_line(result.case.name()))
}

fn set_text(case: &mut TestCase, text: &str) {
    match &mut case.result {
        TestResult::Failure { cause, .. }
        | TestResult::Error { cause, .. }
        | TestResult::SkippedWithCause { cause, .. } => *cause = Some(cdata(&xml_text(text))),
        TestResult::Success | TestResult::Skipped => {}
    }
}

fn stream(stream: &Captured) -> Option<String> {
    (!stream.is_empty()).then(|| cdata(&Excerpt::of(stream, STREAM).text(|part| xml_text(part))))
}

/// `junit-report` puts text into one CDATA section as it is: where the text would end the section,
/// a second one begins.
fn cdata(text: &str) -> String {
    text.replace("]]>", "]]]]><![CDATA[>")
}
