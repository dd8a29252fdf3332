//! The gate: every reason to refuse, and what is said of an image that is not.

use std::time::SystemTime;

use super::attestation::{Outcome, PREDICATE, STATEMENT, Statement, configuration};
use super::{Candidate, Decision, Refusal, Rules, judge};
use crate::fingerprint;
use crate::plan::Plan;
use crate::report::record::{
    CheckRecord, CountsRecord, Ended, FindingRecord, ImageRecord, Judgement, PlaceRecord,
    ProblemRecord, Record,
};
use crate::spec::{Inputs, load};

const ID: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const OTHER: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

const SPEC: &str = "\
image: sv:1
checks:
  - {name: one, run: 'true'}
  - {name: two, run: 'true', skip: too slow}
  - {name: three, run: 'false', xfail: broken upstream}
  - {name: four, run: 'true', only: {platform: linux/arm64}}
  - {name: five, run: 'true', only: {engine: docker}}
";

fn plan(spec: &str) -> Plan {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(spec.as_bytes()).unwrap();
    let inputs = Inputs {
        project: None,
        env: &|_| None,
    };
    let loaded = load(folder.path(), &["a.yaml".into()], inputs).unwrap();
    assert!(loaded.mistakes.is_empty(), "{:?}", loaded.mistakes);
    let plan = Plan::new(loaded.specs, Vec::new(), None, folder.path()).unwrap();
    let names = plan.cases.iter().map(|case| case.info.name()).collect();
    fingerprint::fill(plan, &names)
}

/// Of a run in which all went as the specs want it.
fn record(plan: &Plan) -> Record {
    let mut record = Record::unfinished(SystemTime::UNIX_EPOCH, None);
    record.ended = Ended::Complete;
    record.missing.clear();
    record.images.push(ImageRecord {
        name: "sv:1".to_owned(),
        reference: "sv:1".to_owned(),
        id: Some(ID.to_owned()),
        repo_digests: Vec::new(),
        platform: Some("linux/amd64".to_owned()),
        size: None,
        layers: None,
    });
    let skipped = |reason: &str| Judgement::Skipped {
        reason: reason.to_owned(),
    };
    for case in &plan.cases {
        let (judgement, xfailed) = match case.info.check.as_str() {
            "two" => (skipped("too slow"), false),
            "three" => (skipped("fails as expected"), true),
            "four" => (skipped("only for linux/arm64"), false),
            _ => (Judgement::Passed, false),
        };
        record.checks.push(CheckRecord {
            case: (&*case.info).into(),
            judgement,
            flaky: false,
            xfailed,
            cached: false,
            performed: None,
            earlier: Vec::new(),
            offset: Default::default(),
            duration: Default::default(),
            worker: Some(0),
            stdout: None,
            stderr: None,
            reproduce: None,
        });
    }
    record.selection.selected = record.checks.len();
    record.counts = CountsRecord::of(&record.checks, 0);
    record
}

fn candidate() -> Candidate {
    Candidate {
        name: "sv:1".to_owned(),
        id: ID.to_owned(),
        platform: Some("linux/amd64".to_owned()),
    }
}

fn failure(kind: &str) -> Judgement {
    Judgement::Failed {
        findings: vec![FindingRecord {
            kind: kind.to_owned(),
            label: kind.to_owned(),
            place: PlaceRecord {
                file: "a.yaml".to_owned(),
                line: 1,
                column: 1,
            },
            message: "no".to_owned(),
            detail: None,
        }],
    }
}

fn error(kind: &str) -> Judgement {
    Judgement::Error {
        problem: ProblemRecord {
            kind: kind.to_owned(),
            message: "no".to_owned(),
        },
    }
}

/// The words for the reasons, as programs see them.
fn words(decision: &Decision) -> Vec<String> {
    let reasons = decision.refusals.iter();
    let word = |refusal: &Refusal| {
        let value = serde_json::to_value(refusal).unwrap();
        value["reason"].as_str().unwrap().to_owned()
    };
    reasons.map(word).collect()
}

#[test]
fn what_passed_as_the_specs_want_it_is_accepted() {
    let plan = plan(SPEC);
    let decision = judge(&candidate(), &plan, &record(&plan), Rules::default());
    assert!(decision.is_accepted(), "{:?}", decision.refusals);
    assert_eq!(decision.passed, ["sv:1::one", "sv:1::five"]);
    let warned: Vec<_> = decision.warned.iter().map(|(name, _)| name).collect();
    assert_eq!(warned, ["sv:1::two", "sv:1::three", "sv:1::four"]);

    let strict = Rules {
        deny_warnings: true,
        ..Rules::default()
    };
    let decision = judge(&candidate(), &plan, &record(&plan), strict);
    assert_eq!(words(&decision), ["warned"]);
}

type Change = fn(&mut Record, &mut Candidate);

#[test]
fn every_reason_to_refuse_is_told_apart() {
    let plan = plan(SPEC);
    let table: &[(&str, Change, &[&str])] = &[
        ("nothing changed", |_, _| {}, &[]),
        (
            "no check in the plan",
            |_, it| it.name = "other:1".into(),
            &["no-checks"],
        ),
        (
            "no check in the result",
            |it, _| it.checks.clear(),
            &["no-result"],
        ),
        (
            "no image in the result",
            |it, _| it.images.clear(),
            &["no-result"],
        ),
        (
            "an image that was not found",
            |it, _| it.images[0].id = None,
            &["no-result"],
        ),
        (
            "a check is lacking",
            |it, _| _ = it.checks.remove(0),
            &["partial"],
        ),
        (
            "a check is lacking that is skipped",
            |it, _| _ = it.checks.remove(1),
            &["partial"],
        ),
        (
            "a check failed",
            |it, _| it.checks[0].judgement = failure("exit"),
            &["failed"],
        ),
        (
            "a check is an error",
            |it, _| it.checks[0].judgement = error("engine"),
            &["undecided"],
        ),
        (
            "a check was not begun",
            |it, _| {
                it.checks[0].judgement = error("interrupted");
                it.checks[0].worker = None;
            },
            &["not-run"],
        ),
        (
            "skipped, and no spec says so",
            |it, _| it.checks[0].judgement = it.checks[1].judgement.clone(),
            &["skipped"],
        ),
        (
            "only for an engine, which was not there",
            |it, _| it.checks[4].judgement = it.checks[1].judgement.clone(),
            &["skipped"],
        ),
        (
            "not for another platform, and this is it",
            |it, candidate| {
                it.images[0].platform = Some("linux/arm64".into());
                candidate.platform = Some("linux/arm64".into());
            },
            &["skipped"],
        ),
        (
            "an xfail that was not",
            |it, _| it.checks[2].xfailed = false,
            &["skipped"],
        ),
        (
            "failed as known, and nothing is",
            |it, _| {
                it.checks[0].judgement = it.checks[2].judgement.clone();
                it.checks[0].xfailed = true;
            },
            &["skipped"],
        ),
        (
            "a known failure passed",
            |it, _| it.checks[2].judgement = failure("xfail"),
            &["passed-unexpectedly"],
        ),
        (
            "a known failure passed, they say",
            |it, _| it.checks[2].judgement = Judgement::Passed,
            &["passed-unexpectedly"],
        ),
        (
            "built again",
            |_, it| it.id = OTHER.into(),
            &["other-image"],
        ),
        (
            "for another platform",
            |_, it| it.platform = Some("linux/arm64".into()),
            &["other-platform"],
        ),
        (
            "more checks than the specs have",
            |it, _| {
                let mut more = it.checks[0].clone();
                more.case.name = "gone".into();
                it.checks.push(more);
            },
            &["stale"],
        ),
        (
            "stopped",
            |it, _| it.ended = Ended::Signal { number: 15 },
            &["unfinished"],
        ),
        (
            "killed",
            |it, _| it.ended = Ended::Unfinished,
            &["unfinished"],
        ),
        (
            "enough failures",
            |it, _| it.ended = Ended::Failures { limit: 1 },
            &["unfinished"],
        ),
        (
            "over its deadline",
            |it, _| {
                it.ended = Ended::Deadline {
                    after: Default::default(),
                };
            },
            &["unfinished"],
        ),
        (
            "a part is missing",
            |it, _| it.missing.push("shard 2".into()),
            &["unfinished"],
        ),
        (
            "two images of a name",
            |it, _| {
                let mut other = it.images[0].clone();
                other.id = Some(OTHER.into());
                it.images.push(other);
            },
            &["inconsistent"],
        ),
        (
            "several at once",
            |it, candidate| {
                candidate.id = OTHER.into();
                it.checks[0].judgement = failure("exit");
                it.checks[4].judgement = error("engine");
            },
            &["other-image", "failed", "undecided"],
        ),
    ];
    for (what, change, expected) in table {
        let (mut record, mut candidate) = (record(&plan), candidate());
        change(&mut record, &mut candidate);
        let decision = judge(&candidate, &plan, &record, Rules::default());
        assert_eq!(words(&decision), *expected, "{what}");
        assert_eq!(decision.is_accepted(), expected.is_empty(), "{what}");
        let statement = Statement::new(&[], ID, &decision, Vec::new(), None);
        let is_failed = statement.predicate.result == Outcome::Failed;
        assert_eq!(is_failed, !expected.is_empty(), "{what}");
        for refusal in &decision.refusals {
            assert!(!refusal.to_string().contains('\n'), "{what}: {refusal}");
        }
    }
}

#[test]
fn what_the_engine_could_not_run_is_a_warning_if_that_is_accepted() {
    let plan = plan(SPEC);
    let mut record = record(&plan);
    record.checks[0].judgement = Judgement::Skipped {
        reason: "needs docker: an embedded engine can't".to_owned(),
    };
    let rules = Rules {
        skipped: true,
        ..Rules::default()
    };
    let decision = judge(&candidate(), &plan, &record, rules);
    assert!(decision.is_accepted());
    assert!(decision.warned.contains(&(
        "sv:1::one".to_owned(),
        "skipped: needs docker: an embedded engine can't".to_owned()
    )));
}

#[test]
fn what_an_earlier_run_had_is_accepted_if_that_is_said() {
    let plan = plan(SPEC);
    let mut record = record(&plan);
    record.checks[0].cached = true;
    let rules = Rules {
        cached: true,
        ..Rules::default()
    };
    assert!(judge(&candidate(), &plan, &record, rules).is_accepted());
}

#[test]
fn a_flaky_pass_is_a_warning() {
    let plan = plan("image: sv:1\nchecks:\n  - {name: one, run: 'true'}\n");
    let mut record = record(&plan);
    record.checks[0].flaky = true;
    record.checks[0].earlier = vec![failure("exit")];
    let decision = judge(&candidate(), &plan, &record, Rules::default());
    assert_eq!(
        decision.warned,
        [("sv:1::one".to_owned(), "passed on try 2".to_owned())]
    );
    // Nothing passed at once.
    let statement = Statement::new(&[], ID, &decision, Vec::new(), None);
    assert_eq!(statement.predicate.result, Outcome::Warned);
}

#[test]
fn many_names_are_counted() {
    let checks = (1..=7).map(|number| format!("sv:1::{number}")).collect();
    insta::assert_snapshot!(
        Refusal::Failed { checks },
        @"failed: `sv:1::1`, `sv:1::2`, `sv:1::3`, `sv:1::4`, `sv:1::5` and 2 more"
    );
}

#[test]
fn the_statement_is_what_the_predicate_says() {
    let plan = plan(SPEC);
    let decision = judge(&candidate(), &plan, &record(&plan), Rules::default());
    let repositories = ["gcr.io/project/sv".to_owned(), "acr.example/sv".to_owned()];
    let url = Some("https://ci.example/run/1".to_owned());
    let statement = Statement::new(
        &repositories,
        OTHER,
        &decision,
        configuration(&plan, "sv:1"),
        url,
    );
    let text = statement.to_json().unwrap();
    insta::assert_snapshot!(text);
    assert_eq!(serde_json::from_str::<Statement>(&text).unwrap(), statement);

    // Of the specification of statements and of the predicate.
    let resource = serde_json::json!({
        "type": "object",
        "required": ["name", "digest"],
        "properties": {
            "name": {"type": "string", "minLength": 1},
            "digest": {
                "type": "object",
                "required": ["sha256"],
                "additionalProperties": {"type": "string", "pattern": "^[0-9a-f]{64}$"}
            }
        }
    });
    let names = serde_json::json!({"type": "array", "items": {"type": "string"}});
    let schema = serde_json::json!({
        "type": "object",
        "required": ["_type", "subject", "predicateType", "predicate"],
        "additionalProperties": false,
        "properties": {
            "_type": {"const": STATEMENT},
            "subject": {"type": "array", "minItems": 1, "items": resource},
            "predicateType": {"const": PREDICATE},
            "predicate": {
                "type": "object",
                "required": ["result", "configuration"],
                "additionalProperties": false,
                "properties": {
                    "result": {"enum": ["PASSED", "WARNED", "FAILED"]},
                    "configuration": {"type": "array", "minItems": 1, "items": resource},
                    "url": {"type": "string"},
                    "passedTests": names,
                    "warnedTests": names,
                    "failedTests": names
                }
            }
        }
    });
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let errors: Vec<_> = validator.iter_errors(&value).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn an_image_of_which_everything_is_skipped_is_refused() {
    let plan = plan("image: sv:1\nchecks:\n  - {name: two, run: 'true', skip: too slow}\n");
    let decision = judge(&candidate(), &plan, &record(&plan), Rules::default());
    assert_eq!(words(&decision), ["nothing-passed"]);
}
