//! All reports over the same run.

use std::io::Write;
use std::process::{Command, Stdio};

use insta::assert_snapshot;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::golden;
use super::junit::{render, render_strict};
use super::text::{nasty_bytes, terminal_text, xml_text};
use super::*;
use crate::event::{Event, Listener};

fn console(options: ConsoleOptions, events: impl FnOnce(&dyn Listener)) -> String {
    let console = Console::new(Vec::new(), options);
    events(&console);
    String::from_utf8(console.into_inner()).unwrap()
}

fn replay(events: Vec<Event>) -> impl FnOnce(&dyn Listener) {
    move |listener| events.iter().for_each(|event| listener.on(event))
}

fn junit(events: &[Event]) -> String {
    let mut record = golden::record(events);
    record.seatrial = "VERSION".to_owned();
    render(&record).unwrap()
}

fn golden_junit() -> String {
    junit(&golden::events())
}

/// Runs a Python script that reads `input` and gives what it prints.
fn python(script: &str, input: &[u8]) -> String {
    let mut child = Command::new("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test needs python3");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// Long streams, cut for the eyes of reviewers.
fn without_long_lines(text: &str) -> String {
    let mut lines = Vec::new();
    let mut hidden = 0;
    for line in text.lines() {
        let number = line.trim_start_matches(['|', ' ']).strip_prefix("line ");
        match number.and_then(|number| number.parse::<usize>().ok()) {
            Some(number) if (4..39_997).contains(&number) => hidden += 1,
            _ => lines.push(line),
        }
    }
    assert!(hidden > 0);
    lines.join("\n")
}

#[test]
fn the_console_tells_the_whole_run() {
    assert_snapshot!(console(ConsoleOptions::default(), replay(golden::events())));
}

#[test]
fn colours_are_only_decoration() {
    let coloured = ConsoleOptions {
        colour: true,
        ..ConsoleOptions::default()
    };
    let coloured = console(coloured, replay(golden::events()));
    let plain = console(ConsoleOptions::default(), replay(golden::events()));
    assert!(coloured.contains("\x1b[31m"));
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
}

#[test]
fn a_quiet_console_is_silent_about_success() {
    let quiet = ConsoleOptions {
        quiet: true,
        ..ConsoleOptions::default()
    };
    let quiet = console(quiet, replay(golden::events()));
    assert!(!quiet.contains("  ok "), "{quiet}");
    assert!(
        quiet.contains("  FAIL ") && !quiet.contains("  skip "),
        "{quiet}"
    );
}

#[test]
fn the_console_of_a_run_that_was_broken_off() {
    assert_snapshot!(console(
        ConsoleOptions::default(),
        replay(golden::broken_off())
    ));
}

#[test]
fn the_console_of_an_empty_selection() {
    assert_snapshot!(console(ConsoleOptions::default(), replay(golden::empty())));
}

#[test]
fn no_output_of_a_container_acts_on_the_console() {
    let shown = console(ConsoleOptions::default(), replay(golden::events()));
    assert_eq!(terminal_text(&shown), shown);
}

#[test]
fn junit_holds_the_whole_run() {
    assert_snapshot!(without_long_lines(&golden_junit()));
}

#[test]
fn junit_of_a_run_that_was_broken_off() {
    assert_snapshot!(junit(&golden::broken_off()));
}

#[test]
fn junit_of_an_empty_selection() {
    assert_snapshot!(junit(&golden::empty()));
}

fn version_hidden(mut record: record::Record) -> record::Record {
    record.seatrial = "VERSION".to_owned();
    record
}

#[test]
fn every_format_holds_the_whole_run() {
    let record = version_hidden(golden::record(&golden::events()));
    for format in FORMATS {
        if ["junit", "junit-strict", "json", "markdown", "html"].contains(&format.name) {
            continue; // they have tests of their own
        }
        let text = (format.render)(&record).unwrap();
        let name = format!("{}_holds_the_whole_run", format.name);
        let text = text.replace(&"\\nline 39".repeat(2), "");
        assert_snapshot!(name, shortened(&text));
    }
}

#[test]
fn no_format_of_a_bad_run_looks_like_a_success() {
    for (run, events) in [
        ("broken_off", golden::broken_off()),
        ("empty", golden::empty()),
    ] {
        let record = version_hidden(golden::record(&events));
        for format in FORMATS {
            if ["tap", "cst", "gitlab"].contains(&format.name) {
                let text = (format.render)(&record).unwrap();
                assert_snapshot!(format!("{}_of_{run}", format.name), text);
            }
        }
    }
}

/// Long lines without their middle, for the eyes of reviewers.
fn shortened(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let count = line.chars().count();
        if count < 2_000 {
            return line.to_owned();
        }
        let part = |from: usize, count: usize| line.chars().skip(from).take(count);
        part(0, 200)
            .chain("⋯".chars())
            .chain(part(count - 200, 200))
            .collect()
    });
    lines.collect::<Vec<String>>().join("\n")
}

#[test]
fn strict_junit_is_the_same_without_what_schemas_forbid() {
    let record = golden::record(&golden::events());
    let forbidden = [
        r#" skipped="\d+" time="(?P<time>[\d.]+)" timestamp="[^"]*">\n  <testsuite "#,
        r#" file="[^"]*" line="\d+""#,
        r#">\n +<properties>\n +<property name="cached".*\n +</properties>\n +</testcase>"#,
    ];
    let mut rich = render(&record).unwrap();
    for (pattern, with) in forbidden
        .iter()
        .zip([" time=\"$time\">\n  <testsuite ", "", "/>"])
    {
        let pattern = regex::Regex::new(pattern).unwrap();
        assert!(pattern.is_match(&rich));
        rich = pattern.replace_all(&rich, with).into_owned();
    }
    assert_eq!(render_strict(&record).unwrap(), rich);
}

#[test]
fn python_counts_what_the_attributes_say() {
    let script = r#"
import sys, xml.etree.ElementTree as tree
root = tree.fromstring(sys.stdin.buffer.read())
def counts(element):
    cases = list(element.iter("testcase"))
    found = {kind: sum(case.find(tag) is not None for case in cases)
             for kind, tag in [("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]}
    found["tests"] = len(cases)
    assert found == {kind: int(element.get(kind)) for kind in found}, (element.attrib, found)
    return found
for suite in root:
    counts(suite)
    assert suite.tag == "testsuite" and suite[0].tag == "properties", suite
    for case in suite.iter("testcase"):
        assert case.get("classname") == suite.get("name"), case.attrib
        assert case.get("file") and int(case.get("line")) > 0, case.attrib
        for result in case:
            if result.tag == "properties":
                assert [it.get("name") for it in result] == ["cached"], result
                continue
            assert result.text and result.text.strip(), result
            assert result.tag.startswith("system-") or result.get("type").startswith("seatrial.")
names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
assert len(set(names)) == len(names) and not any(name == "forged" for _, name in names), names
evil = next(case for case in root.iter("testcase") if "hostile" in case.get("name"))
assert ']]></system-out><testcase name="forged"/>' in evil.find("system-out").text
print(counts(root))
"#;
    assert_snapshot!(
        python(script, golden_junit().as_bytes()),
        @"{'failures': 4, 'errors': 2, 'skipped': 1, 'tests': 9}"
    );
}

#[test]
fn long_output_is_capped_in_junit() {
    let xml = golden_junit();
    assert!(xml.contains("bytes omitted …]"));
    assert!(xml.len() < 3 * 64 * 1024, "{}", xml.len());
}

#[test]
fn python_reads_back_what_the_sanitiser_wrote() {
    let mut runner = TestRunner::deterministic();
    let strategy = nasty_bytes();
    let texts: Vec<String> = (0..500)
        .map(|_| xml_text(strategy.new_tree(&mut runner).unwrap().current()))
        .collect();
    let cases = texts.iter().map(|text| {
        let content = text.replace("]]>", "]]]]><![CDATA[>");
        format!("<case><![CDATA[{content}]]></case>")
    });
    let document = format!("<all>{}</all>", cases.collect::<String>());
    let script = r"
import sys, xml.etree.ElementTree as tree
for case in tree.fromstring(sys.stdin.buffer.read()):
    print((case.text or '').encode('utf-8').hex())
";
    let read = python(script, document.as_bytes());
    let hex = |text: &String| {
        text.bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    assert_eq!(
        read.lines().collect::<Vec<_>>(),
        texts.iter().map(hex).collect::<Vec<_>>()
    );
}

#[test]
fn any_bytes_in_any_field_are_read_by_a_strict_parser() {
    let mut runner = TestRunner::deterministic();
    let strategy = nasty_bytes();
    let texts: Vec<Vec<u8>> = (0..300)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .filter(|text| !text.is_empty())
        .collect();
    let mut record = golden::record(&golden::events());
    let golden = std::mem::take(&mut record.checks);
    for (index, bytes) in texts.iter().enumerate() {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let mut check = golden[index % golden.len()].clone();
        check.case.index = index;
        check.case.name.clone_from(&text);
        check.case.place.file.clone_from(&text);
        check.case.inherited_from = Some(text.clone());
        check.reproduce = Some(text.clone());
        check.earlier = vec![check.judgement.clone()];
        check.stdout = Some((&crate::engine::Captured::whole(bytes.clone())).into());
        match &mut check.judgement {
            record::Judgement::Failed { findings } => {
                findings[0].message.clone_from(&text);
                findings[0].detail = Some(text);
            }
            record::Judgement::Error { problem } => problem.message.clone_from(&text),
            record::Judgement::Skipped { reason } => reason.clone_from(&text),
            record::Judgement::Passed => {}
        }
        record.checks.push(check);
    }
    let script = r#"
import sys, xml.etree.ElementTree as tree
cases = list(tree.fromstring(sys.stdin.buffer.read()).iter("testcase"))
names = [(case.get("classname"), case.get("name")) for case in cases]
assert len(set(names)) == len(names)
for case in cases:
    print(case.findtext("system-out").encode("utf-8").hex())
"#;
    let hex = |text: &Vec<u8>| {
        let shown = xml_text(text);
        shown
            .bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let mut expected: Vec<String> = texts.iter().map(hex).collect();
    expected.sort();
    for text in [render(&record), render_strict(&record)] {
        let read = python(script, text.unwrap().as_bytes());
        let mut read: Vec<&str> = read.lines().collect();
        read.sort_unstable();
        assert_eq!(read, expected);
    }
}

fn reports(path: std::path::PathBuf) -> Reports {
    let junit = FORMATS
        .iter()
        .find(|format| format.name == "junit")
        .unwrap();
    Reports::open(&[(junit, Target::from(path))], None).unwrap()
}

fn told(errors: Result<(), Vec<ReportError>>) -> String {
    let errors = errors.unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn a_report_says_that_the_run_did_not_finish_until_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reports/junit.xml");
    let read = || std::fs::read_to_string(&path).unwrap();

    let killed = reports(path.clone());
    assert!(
        read().contains(r#"tests="1" failures="0" errors="1""#),
        "{}",
        read()
    );
    assert!(read().contains("the run did not finish"));
    let message = told(killed.finish());
    assert!(
        message.contains("say that the run did not finish"),
        "{message}"
    );

    let report = reports(path.clone());
    let events = golden::events();
    report.on(&events[0]);
    assert!(
        read().contains(r#"tests="9" failures="0" errors="9""#),
        "{}",
        read()
    );
    events[1..].iter().for_each(|event| report.on(event));
    assert!(
        read().contains(r#"tests="9" failures="4" errors="2""#),
        "{}",
        read()
    );
    report.finish().unwrap();
}

#[test]
fn a_report_that_can_not_be_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let report = reports(folder.path().join("junit.xml"));
    folder.close().unwrap();
    golden::events().iter().for_each(|event| report.on(event));
    let message = told(report.finish());
    assert!(message.contains("name another path"), "{message}");
}
