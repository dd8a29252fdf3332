//! The page of the run that holds one of everything.

use insta::assert_snapshot;

use super::render;
use crate::event::Event;
use crate::report::golden;
use crate::report::record::{CheckRecord, Record};

fn record(events: &[Event]) -> Record {
    Record {
        seatrial: "VERSION".to_owned(),
        ..golden::record(events)
    }
}

fn page(events: &[Event]) -> String {
    render(&record(events)).unwrap()
}

/// The page without its style and script, which stand in files of their own, and without the
/// middle of long outputs.
fn without_the_constant(page: &str) -> String {
    let mut page = page
        .replace(include_str!("report.css"), "STYLE")
        .replace(include_str!("report.js"), "SCRIPT");
    for part in page.clone().split(['\'', '"']) {
        if part.starts_with("sha256-") {
            page = page.replace(part, "sha256-HASH");
        }
    }
    let number = |line: &str| line.strip_prefix("line ")?.parse::<usize>().ok();
    let lines = page.lines().filter(|line| {
        let number = number(line);
        !line.is_empty() && number.is_none_or(|number| !(4..39_997).contains(&number))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_page_holds_the_whole_run() {
    assert_snapshot!(without_the_constant(&page(&golden::events())));
}

#[test]
fn a_run_that_was_broken_off_says_so() {
    let page = page(&golden::broken_off());
    for text in [
        "The run was stopped by signal 15.",
        "1 container could not be removed",
        "<h1>2 errors</h1>",
    ] {
        assert!(page.contains(text), "no {text}");
    }
}

#[test]
fn there_is_a_page_of_nothing() {
    let empty = page(&golden::empty());
    assert!(empty.contains("<h1>No check was selected</h1>"));
    let unfinished = Record::unfinished(std::time::SystemTime::now(), None);
    let unfinished = render(&unfinished).unwrap();
    assert!(unfinished.contains("<h1>The run did not finish</h1>"));
    assert!(unfinished.contains("<body class=\"bad\">"));
}

#[test]
fn the_style_and_the_script_can_not_end_early() {
    for text in [include_str!("report.css"), include_str!("report.js")] {
        assert!(!text.contains("</") && !text.contains("<!--") && !text.contains('\r'));
    }
}

/// Every text of a record, as an attack.
fn hostile(value: &mut serde_json::Value, path: &str) {
    const KEPT: [&str; 6] = ["started", "performed", "verdict", "how", "kind", "version"];
    match value {
        serde_json::Value::String(text) if !KEPT.contains(&path) => {
            text.insert_str(0, "<script>\"onclick='</style>{{ 7 }}");
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(|it| hostile(it, path)),
        serde_json::Value::Object(values) => {
            values.iter_mut().for_each(|(key, it)| hostile(it, key));
        }
        _ => {}
    }
}

#[test]
fn no_text_of_a_record_gets_out_of_its_place() {
    let honest = record(&golden::events());
    let mut value = serde_json::to_value(&honest).unwrap();
    hostile(&mut value, "");
    let attacked: Record = serde_json::from_value(value).unwrap();
    let page = render(&attacked).unwrap();
    let attacks = page.matches("&lt;script&gt;&quot;onclick=&#x27;&lt;&#x2f;style&gt;{{ 7 }}");
    assert!(attacks.count() > 50);
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("</style").count(), 1);
    assert!(!page.contains("\"onclick"));
}

#[test]
fn thousands_of_loud_failures_make_a_page_that_opens() {
    let mut record = record(&golden::events());
    let long = "x".repeat(60_000);
    let loud = record
        .checks
        .iter()
        .find(|check| check.stdout.is_some() && check.judgement.is_bad());
    let mut loud: CheckRecord = loud.unwrap().clone();
    loud.stdout.as_mut().unwrap().head.clone_from(&long);
    loud.stderr.as_mut().unwrap().head = long;
    record.checks = vec![loud; 5_000];
    let size = render(&record).unwrap().len();
    assert!(size < 16_000_000, "{size}");
}
