//! The record, from events to JSON and back.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::engine::Captured;
use crate::event::{CaseInfo, CaseResult, Event, Listener};
use crate::report::golden;
use crate::report::text::nasty_bytes;
use crate::report::{Counts, FORMATS, Tally};
use crate::source::Source;
use crate::verdict::{Finding, Problem, Verdict};

fn again(record: &Record) -> Record {
    Record::from_json(record.to_json().unwrap().as_bytes()).unwrap()
}

#[test]
fn json_keeps_the_whole_record() {
    for events in [golden::events(), golden::broken_off(), golden::empty()] {
        let record = golden::record(&events);
        assert_eq!(again(&record), record);
    }
}

#[test]
fn every_report_of_a_record_that_was_read_is_that_of_the_run() {
    for events in [golden::events(), golden::broken_off(), golden::empty()] {
        let record = golden::record(&events);
        for format in FORMATS {
            let written = (format.render)(&record).unwrap();
            assert_eq!((format.render)(&again(&record)).unwrap(), written);
        }
        // Told again, it is the same run.
        let told = golden::record(&again(&record).events());
        let told = Record {
            ended: record.ended,
            ..told
        };
        assert_eq!(told.counts, record.counts);
        assert_eq!((told.images, told.engine), (record.images, record.engine));
    }
}

#[test]
fn the_tally_counts_what_the_record_counts() {
    for events in [golden::events(), golden::broken_off(), golden::empty()] {
        let tally = Tally::new();
        events.iter().for_each(|event| tally.on(event));
        let record = golden::record(&events);
        assert_eq!(Counts::from(record.counts), tally.counts());
        assert_eq!(record.selection.selected, record.checks.len());
    }
}

#[test]
fn the_schema_describes_what_is_written() {
    let schema = schema();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for events in [golden::events(), golden::broken_off(), golden::empty()] {
        let value = serde_json::to_value(golden::record(&events)).unwrap();
        let errors: Vec<_> = validator.iter_errors(&value).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
    let mut value = serde_json::to_value(golden::record(&golden::events())).unwrap();
    value["checks"][0]["verdict"] = "fine".into();
    assert!(!validator.is_valid(&value));
}

#[test]
fn what_is_added_later_is_no_hindrance_and_what_is_changed_is_refused() {
    let record = golden::record(&golden::events());
    let mut value = serde_json::to_value(&record).unwrap();
    value["news"] = true.into();
    value["checks"][0]["news"] = true.into();
    let read = |value: &serde_json::Value| Record::from_json(value.to_string().as_bytes());
    assert_eq!(read(&value).unwrap(), record);
    let refused = [
        ("/version", 2.into(), "it has version 2 of the format"),
        ("/counts/failed", 0.into(), "its counts are not those"),
        (
            "/selection/selected",
            10.into(),
            "10 checks were selected, but 9",
        ),
        ("/checks/0/flaky", true.into(), "its counts are not those"),
        (
            "/checks/0/kind",
            "x".repeat(999).into(),
            "a kind that is too long",
        ),
        ("/checks/0/offset", (-1).into(), "out of range"),
        ("/checks/0/place/line", (-1).into(), "invalid value"),
        ("/started", "yesterday".into(), "`yesterday`"),
        ("/images/0/name", "other".into(), "which image it is about"),
    ];
    for (pointer, new, message) in refused {
        let mut value = serde_json::to_value(&record).unwrap();
        *value.pointer_mut(pointer).unwrap() = new;
        let error = match read(&value) {
            Ok(_) => panic!("{pointer} may be anything"),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(message), "{pointer}: {error}");
    }
}

#[test]
fn a_document_that_is_cut_off_says_where() {
    let text = golden::record(&golden::events()).to_json().unwrap();
    for length in [0, 1, text.len() / 2, text.len() - 3] {
        let length = text.floor_char_boundary(length);
        let error = Record::from_json(&text.as_bytes()[..length]).unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with("it is cut off"), "{error}");
        assert!(error.contains(" at line "), "{error}");
    }
}

#[test]
fn what_a_check_did_not_show_was_left_out_and_is_counted() {
    let record = golden::record(&golden::events());
    let long = record
        .checks
        .iter()
        .find(|it| it.case.name.contains("long story"));
    let stdout = long.unwrap().stdout.as_ref().unwrap();
    let kept = (stdout.head.len() + stdout.tail.len()) as u64;
    assert_eq!(kept + stdout.omitted, stdout.bytes);
    assert!(kept <= 64 * 1024 && stdout.bytes > 300_000, "{kept}");
}

/// A result that has these bytes wherever an image or a spec can put some.
fn result(text: &[u8], verdict: u8, micros: u64) -> CaseResult {
    let words = String::from_utf8_lossy(text).into_owned();
    let place = Source::position(&words, 3, 7);
    let finding = Finding {
        place: place.clone(),
        kind: "stdout",
        message: words.clone(),
        detail: Some(words.clone()),
        matcher: None,
    };
    let problem = Problem {
        kind: "engine",
        message: words.clone(),
    };
    let verdict = match verdict {
        0 => Verdict::Passed,
        1 => Verdict::Failed(vec![finding]),
        2 => Verdict::Error(problem),
        _ => Verdict::Skipped(words.clone()),
    };
    CaseResult {
        case: Arc::new(CaseInfo {
            index: 0,
            image: "sv-base-mini".into(),
            check: words.clone(),
            place,
            inherited_from: Some(words.clone()),
            kind: "run",
            tags: vec![words.clone()],
            xfail: Some(words.clone()),
            fingerprint: Some("5e".repeat(32)),
        }),
        verdict: verdict.clone(),
        xfailed: false,
        worker: Some(0),
        offset: Duration::from_micros(micros),
        duration: Duration::from_nanos(micros),
        stdout: Some(Captured::whole(text)),
        stderr: Some(Captured::in_parts(text, micros, text)),
        reproduce: Some(words),
        cached: None,
        earlier: vec![verdict],
    }
}

proptest! {
    #[test]
    fn any_bytes_come_back_from_json(
        text in nasty_bytes(),
        verdict in 0u8..4,
        micros in 0u64..1 << 50,
    ) {
        let result = Arc::new(result(&text, verdict, micros));
        let mut events = golden::events();
        let Event::RunFinished(end) = events.pop().unwrap() else { panic!() };
        let Event::RunStarted(mut start) = events.swap_remove(0) else { panic!() };
        Arc::get_mut(&mut start).unwrap().checks = vec![Arc::clone(&result.case)];
        let record = golden::record(&[
            Event::RunStarted(start),
            Event::CheckFinished(result),
            Event::RunFinished(end),
        ]);
        let read = again(&record);
        prop_assert_eq!(&read, &record);
        for format in FORMATS {
            prop_assert_eq!(
                (format.render)(&read).unwrap(),
                (format.render)(&record).unwrap()
            );
        }
        // Told once more nothing changes any more.
        let mut told = golden::record(&read.events());
        told.checks[0].stderr.clone_from(&record.checks[0].stderr);
        told.checks[0].stdout.clone_from(&record.checks[0].stdout);
        prop_assert_eq!(told.checks, record.checks);
    }
}
