//! Results that become one.

use super::*;
use crate::report::golden;
use crate::report::record::{
    CheckRecord, CountsRecord, Ended, Judgement, ProblemRecord, Record, ShardRecord,
};

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
        let joined = join(documents.clone(), None).unwrap();
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
        assert_eq!(join(documents, None).unwrap(), joined);
        Record::from_json(joined.to_json().unwrap().as_bytes()).unwrap();
    }
}

#[test]
fn a_run_that_was_broken_off_is_whole_once_another_fills_its_gaps() {
    let ended = |words: [&str; 2]| {
        let documents = words.into_iter().zip(0..).map(|(word, at)| with(at, word));
        join(documents.collect(), None).unwrap().ended
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
        let joined = join(documents, None).unwrap();
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
        assert_eq!(join(vec![document.clone()], None).unwrap(), record);
        assert_eq!(join(vec![document, copy], None).unwrap(), record);
    }
}

#[test]
fn another_image_under_the_same_name_is_refused() {
    let other = attempt(1, |record| {
        record.images[1].id = Some("sha256:other".into());
    });
    let error = join(vec![with(0, "passed"), other], None).unwrap_err();
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
    let joined = join(vec![shard(2, 2), shard(1, 2)], Some(2)).unwrap();
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
    let joined = join(vec![shard(1, 2), shard(1, 2)], None).unwrap();
    assert_eq!(joined.missing, ["there is no result of shard 2/2"]);
    assert_eq!(joined.checks.len(), whole.checks.len());
    let last = joined.checks.last().unwrap();
    assert!(last.was_not_run() && !whole.checks.last().unwrap().was_not_run());
    let json = joined.to_json().unwrap();
    Record::from_json(json.as_bytes()).unwrap();

    let all = || vec![shard(1, 2), shard(2, 2)];
    let missing = |documents, expected| join(documents, expected).unwrap().missing;
    assert_eq!(
        missing(all(), Some(3)),
        ["3 shards are expected, and there are 2"]
    );
    assert_eq!(
        missing(vec![with(0, "passed")], Some(2)),
        ["2 results are expected, and there are 1"]
    );
    let error = join(vec![shard(1, 2), shard(2, 3)], None).unwrap_err();
    let error = error.to_string();
    assert_eq!(
        error,
        "shard-1.json is one of 2 shards, and shard-2.json is one of 3"
    );
    assert!(join(Vec::new(), None).is_err());
}
