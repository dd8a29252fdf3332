//! Results that become one.

use serde_json::{Value, json};

use super::*;
use crate::event::Listener;
use crate::report::record::{
    CheckRecord, CountsRecord, Ended, Judgement, ProblemRecord, Record, ShardRecord,
};
use crate::report::{Console, ConsoleOptions, FORMATS, golden};

/// The golden run with one passed check, some minutes later.
fn attempt(minute: u64, change: impl FnOnce(&mut Record)) -> Document {
    let mut record = golden::record(&golden::events());
    record.checks.truncate(1);
    record.selection.selected = 1;
    let started = std::time::SystemTime::from(record.started);
    record.started = (started + std::time::Duration::from_secs(60 * minute)).into();
    change(&mut record);
    record.counts = CountsRecord::of(&record.checks, record.missing.len());
    Document {
        file: format!("{minute}.json"),
        record,
    }
}

fn verdict(word: &str) -> Judgement {
    let golden = golden::record(&golden::events());
    let mut checks = golden.checks.into_iter();
    match word {
        "not-run" => Judgement::Error {
            problem: ProblemRecord {
                kind: "interrupted".into(),
                message: "not run: the run was stopped by SIGTERM".into(),
            },
        },
        _ => {
            checks
                .find(|it| it.judgement.word() == word)
                .unwrap()
                .judgement
        }
    }
}

fn with(minute: u64, word: &str) -> Document {
    attempt(minute, |record| {
        record.checks[0].judgement = verdict(word);
        if word == "not-run" {
            record.checks[0].worker = None;
            record.ended = Ended::Signal { number: 15 };
        }
    })
}

fn only(record: &Record) -> &CheckRecord {
    assert_eq!(record.checks.len(), 1);
    &record.checks[0]
}

#[test]
fn attempts_decide_as_further_tries_do() {
    // The attempts, what they come to, whether that is flaky, and what the earlier tries were.
    let table: [(&[&str], &str, bool, &[&str]); 13] = [
        (&["passed"], "passed", false, &[]),
        (&["passed", "passed"], "passed", false, &[]),
        (&["failed", "passed"], "passed", true, &["failed"]),
        (
            &["error", "failed", "passed"],
            "passed",
            true,
            &["error", "failed"],
        ),
        (&["failed", "passed", "passed"], "passed", true, &["failed"]),
        (&["passed", "failed"], "failed", false, &["passed"]),
        (&["failed", "failed"], "failed", false, &["failed"]),
        (&["failed", "error"], "error", false, &["failed"]),
        (&["not-run", "passed"], "passed", false, &[]),
        (&["passed", "not-run"], "passed", false, &[]),
        (&["not-run", "not-run"], "error", false, &[]),
        (&["skipped", "failed"], "failed", false, &[]),
        (&["not-run", "skipped"], "skipped", false, &[]),
    ];
    for (attempts, word, flaky, earlier) in table {
        let documents = attempts.iter().zip(0..);
        let mut documents: Vec<_> = documents.map(|(word, at)| with(at, word)).collect();
        let joined = join(documents.clone(), &Expected::Anything).unwrap();
        let check = only(&joined);
        let tries: Vec<&str> = check.earlier.iter().map(Judgement::word).collect();
        assert_eq!(
            (check.judgement.word(), check.flaky, tries.as_slice()),
            (word, flaky, earlier),
            "{attempts:?}"
        );
        assert!(joined.missing.is_empty());
        // However they are named.
        documents.reverse();
        assert_eq!(join(documents, &Expected::Anything).unwrap(), joined);
        Record::from_json(joined.to_json().unwrap().as_bytes()).unwrap();
    }
}

#[test]
fn a_run_that_was_broken_off_is_whole_once_another_fills_its_gaps() {
    let ended = |words: [&str; 2]| {
        let documents = words.into_iter().zip(0..).map(|(word, at)| with(at, word));
        join(documents.collect(), &Expected::Anything)
            .unwrap()
            .ended
    };
    assert_eq!(ended(["not-run", "passed"]), Ended::Complete);
    assert_eq!(ended(["not-run", "failed"]), Ended::Complete);
    assert_eq!(ended(["not-run", "not-run"]), Ended::Signal { number: 15 });
}

#[test]
fn a_run_that_died_before_it_said_what_it_does_is_an_error() {
    let dead = attempt(1, |record| {
        *record = Record::unfinished(std::time::SystemTime::now(), None);
    });
    for documents in [vec![dead.clone()], vec![with(0, "passed"), dead]] {
        let joined = join(documents, &Expected::Anything).unwrap();
        assert_eq!((joined.counts.errors, joined.missing.len()), (1, 1));
    }
}

#[test]
fn one_result_stays_what_it_is() {
    for events in [golden::events(), golden::broken_off(), golden::empty()] {
        let record = golden::record(&events);
        let document = Document {
            file: "a.json".into(),
            record: record.clone(),
        };
        let copy = Document {
            file: "copy.json".into(),
            ..document.clone()
        };
        assert_eq!(
            join(vec![document.clone()], &Expected::Anything).unwrap(),
            record
        );
        assert_eq!(
            join(vec![document, copy], &Expected::Anything).unwrap(),
            record
        );
    }
}

#[test]
fn another_image_under_the_same_name_is_refused() {
    let other = attempt(1, |record| {
        record.images[1].id = Some("sha256:other".into());
    });
    let error = join(vec![with(0, "passed"), other], &Expected::Anything).unwrap_err();
    let error = error.to_string();
    for part in [
        "samtools-cloud",
        "sha256:3f3f",
        "0.json",
        "sha256:other",
        "1.json",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

/// The golden run, dealt out: shard 1 has all but the last check.
fn shard(number: usize, total: usize) -> Document {
    let mut record = golden::record(&golden::events());
    let (mine, others): (Vec<_>, Vec<_>) = record
        .checks
        .into_iter()
        .partition(|check| (check.case.index < 8) == (number == 1));
    record.checks = mine;
    record.shard = Some(ShardRecord {
        number,
        total,
        elsewhere: others.into_iter().map(|check| check.case).collect(),
    });
    record.selection.selected = record.checks.len();
    record.counts = CountsRecord::of(&record.checks, 0);
    Document {
        file: format!("shard-{number}.json"),
        record,
    }
}

#[test]
fn shards_make_the_run_that_they_are_parts_of() {
    let joined = join(vec![shard(2, 2), shard(1, 2)], &Expected::Count(2)).unwrap();
    let whole = golden::record(&golden::events());
    assert_eq!(joined.counts, whole.counts);
    let names = |record: &Record| -> Vec<String> {
        let checks = record.checks.iter();
        checks.map(|check| check.case.full_name()).collect()
    };
    assert_eq!(names(&joined), names(&whole));
    assert!(joined.missing.is_empty() && joined.ended == Ended::Complete);
}

#[test]
fn what_is_missing_is_an_error_by_name() {
    let whole = golden::record(&golden::events());
    let joined = join(vec![shard(1, 2), shard(1, 2)], &Expected::Anything).unwrap();
    assert_eq!(joined.missing, ["there is no result of shard 2/2"]);
    assert_eq!(joined.checks.len(), whole.checks.len());
    let last = joined.checks.last().unwrap();
    assert!(last.was_not_run() && !whole.checks.last().unwrap().was_not_run());
    let json = joined.to_json().unwrap();
    Record::from_json(json.as_bytes()).unwrap();

    let all = || vec![shard(1, 2), shard(2, 2)];
    let missing = |documents, expected| join(documents, &expected).unwrap().missing;
    assert_eq!(
        missing(all(), Expected::Count(3)),
        ["3 shards are expected, and there are 2"]
    );
    assert_eq!(
        missing(vec![with(0, "passed")], Expected::Count(2)),
        ["2 results are expected, and there are 1"]
    );
    let images = ["sv-base-mini", "gone"].map(str::to_owned).to_vec();
    assert_eq!(
        missing(vec![with(0, "passed")], Expected::Images(images)),
        ["there is no result of the image gone"]
    );
    let error = join(vec![shard(1, 2), shard(2, 3)], &Expected::Anything).unwrap_err();
    let error = error.to_string();
    assert_eq!(
        error,
        "shard-1.json is one of 2 shards, and shard-2.json is one of 3"
    );
    assert!(join(Vec::new(), &Expected::Anything).is_err());
}

/// The paths of all values in a document.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                pointers(inner, &format!("{at}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                pointers(inner, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn no_value_of_a_document_can_do_harm() {
    let mut document = shard(2, 2);
    let mut golden = golden::record(&golden::events()).checks;
    document.record.checks.push(golden.remove(4));
    document.record.checks[1].earlier = vec![verdict("error")];
    document.record.selection.selected = 2;
    document.record.ended = Ended::Deadline {
        after: std::time::Duration::from_secs(9).into(),
    };
    document.record.counts = CountsRecord::of(&document.record.checks, 0);
    let whole = serde_json::to_value(&document.record).unwrap();
    let mut all = Vec::new();
    pointers(&whole, "", &mut all);
    let mut read = 0;
    for pointer in &all {
        for new in [
            json!(u64::MAX),
            json!(i64::MIN),
            json!(1e308),
            json!("\u{0}\u{1b}]0;x\n::error::"),
            json!("9999-12-31T23:59:59Z"),
        ] {
            let mut value = whole.clone();
            *value.pointer_mut(pointer).unwrap() = new;
            let Ok(record) = Record::from_json(value.to_string().as_bytes()) else {
                continue;
            };
            read += 1;
            let changed = Document {
                file: "changed".into(),
                record,
            };
            let Ok(joined) = join(vec![changed, with(0, "passed")], &Expected::Anything) else {
                continue;
            };
            for format in FORMATS {
                (format.render)(&joined).unwrap();
            }
            let console = Console::new(std::io::sink(), ConsoleOptions::default());
            joined.events().iter().for_each(|event| console.on(event));
            Record::from_json(joined.to_json().unwrap().as_bytes()).unwrap();
        }
    }
    assert!(all.len() > 100 && read > 100, "{} {read}", all.len());
}
