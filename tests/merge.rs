//! `seatrial merge`: results of shards and attempts become one, or it says why they don't.

mod support;

use serde_json::Value;
use support::{Ended, Project};

const SCRIPT: &str = r#"{
  "images": ["img:1", "other:1"],
  "runs": [
    {"when": "works", "stdout": "hello\n"},
    {"when": "breaks", "exit": 1, "stderr": "broken\n"},
    {"when": "engine", "error": "no space left on device"}
  ]
}"#;

/// All of its checks pass, but the fourth fails.
fn project() -> Project {
    let mut spec = "image: img:1\nchecks:\n".to_owned();
    for number in 1..=7 {
        let run = if number == 4 { "breaks" } else { "works" };
        spec += &format!("  - {{name: check {number}, run: {run}}}\n");
    }
    let other = "image: other:1\nchecks:\n  - run: works 1\n  - run: works 2\n";
    let files = [
        ("script.json", SCRIPT),
        ("test-specs/a.yaml", &spec),
        ("test-specs/b.yaml", other),
    ];
    Project::new(&files)
}

fn merge(project: &Project, args: &[&str]) -> Ended {
    Ended::of(&mut project.seatrial(&[&["merge"], args].concat()))
}

fn json(project: &Project, path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(project.path(path)).unwrap()).unwrap()
}

fn change(project: &Project, from: &str, to: &str, change: impl FnOnce(&mut Value)) {
    let mut value = json(project, from);
    change(&mut value);
    project.write(to, value.to_string().as_bytes());
}

fn names(record: &Value) -> Vec<String> {
    let checks = record["checks"].as_array().unwrap();
    let names = checks.iter().map(|check| {
        let part = |key: &str| check[key].as_str().unwrap().to_owned();
        format!("{}::{}", part("image"), part("name"))
    });
    names.collect()
}

#[test]
fn shards_are_balanced_and_make_the_whole() {
    let project = project();
    project.fake(&["--json", "whole"]).expect(1);
    let whole = json(&project, "whole");
    let mut sizes = Vec::new();
    let mut codes = Vec::new();
    for shard in ["1/3", "2/3", "3/3"] {
        let file = format!("s{}", &shard[..1]);
        let ended = project.fake(&["--shard", shard, "--json", &file]);
        codes.push(ended.code.unwrap());
        ended.says(&[&format!("3 checks (shard {shard})")]);
        sizes.push(json(&project, &file)["checks"].as_array().unwrap().len());
        let listed = project.fake(&["--shard", shard, "--list"]);
        assert_eq!(listed.stdout.matches(": test\n").count(), 3);
    }
    codes.sort_unstable();
    assert_eq!((sizes, codes), (vec![3, 3, 3], vec![0, 0, 1]));
    let args = [
        "s3",
        "s1",
        "s2",
        "--json",
        "all",
        "--junit",
        "all.xml",
        "--expect-shards",
        "3",
    ];
    merge(&project, &args)
        .expect(1)
        .says(&["8 passed, 1 failed", "FAIL check 4"]);
    let all = json(&project, "all");
    assert_eq!(names(&all), names(&whole));
    assert_eq!(all["counts"], whole["counts"]);
    assert_eq!(all["joined"], 3);
    assert_eq!(all["ended"]["how"], "complete");
}

#[test]
fn a_shard_that_is_missing_is_an_error_with_the_names_of_its_checks() {
    let project = project();
    for shard in ["1/3", "2/3", "3/3"] {
        project.fake(&["--shard", shard, "--json", &shard[..1]]);
    }
    let passed = ["1", "2", "3"].into_iter();
    let passed: Vec<&str> = passed
        .filter(|file| json(&project, file)["counts"]["failed"] == 0)
        .collect();
    for given in [vec![passed[0]], vec![passed[0], passed[0]], passed.clone()] {
        let args = [given.clone(), vec!["--json", "all", "--junit", "junit.xml"]].concat();
        let ended = merge(&project, &args);
        ended.expect(3).says(&["there is no result of shard"]);
        let all = json(&project, "all");
        assert_eq!(names(&all).len(), 9, "{given:?}");
        let report = project.junit();
        assert_eq!(
            report.agrees().errors as u64,
            all["counts"]["errors"].as_u64().unwrap()
        );
        assert_eq!(report.case("check 4").kind, "seatrial.missing");
    }
    let all = ["1", "2", "3", "--expect-shards", "4"];
    merge(&project, &all)
        .expect(1)
        .says(&["4 shards are expected, and there are 3"]);
    // Nothing says that there must be more than one.
    project.fake(&["--json", "plain", "other:1"]).expect(0);
    merge(&project, &["plain"]).expect(0);
    merge(&project, &["plain", "--expect-shards", "2"])
        .expect(3)
        .says(&["2 results are expected, and there are 1"]);
}

#[test]
fn junit_of_a_result_is_that_of_the_run() {
    let project = project();
    for args in [
        &[][..],
        &["--fail-fast", "--test-threads", "1"],
        &["other:1"],
        &["nothing"],
    ] {
        let reports = ["--json", "r", "--json-lines", "l", "--junit", "run.xml"];
        let ended = project.fake(&[&reports, args].concat());
        for result in ["r", "l"] {
            let merged = merge(&project, &[result, "--junit", "merged.xml", "--json", "m"]);
            assert_eq!(merged.code, ended.code, "{args:?}");
            let read = |path: &str| std::fs::read(project.path(path)).unwrap();
            assert_eq!(read("merged.xml"), read("run.xml"), "{result} of {args:?}");
            assert_eq!(json(&project, "m"), json(&project, "r"));
        }
    }
}

#[test]
fn a_later_attempt_that_passes_makes_a_check_flaky() {
    let project = project();
    project.fake(&["--json", "first"]).expect(1);
    // Mended meanwhile: the same image in another environment.
    let mended = std::fs::read_to_string(project.path("test-specs/a.yaml")).unwrap();
    project.write(
        "test-specs/a.yaml",
        mended.replace("breaks", "works").as_bytes(),
    );
    project.fake(&["--json", "second"]).expect(0);
    // Whichever is named first.
    for files in [["first", "second"], ["second", "first"]] {
        let args = [&files[..], &["--json", "all", "--junit", "all.xml"]].concat();
        merge(&project, &args)
            .expect(0)
            .says(&["flaky  img:1::check 4", "passed on try 2"]);
        let all = json(&project, "all");
        assert_eq!(all["counts"]["flaky"], 1);
        assert_eq!(all["checks"][3]["earlier"][0]["verdict"], "failed");
        let xml = std::fs::read_to_string(project.path("all.xml")).unwrap();
        assert_eq!(xml.matches("<flakyFailure ").count(), 1, "{xml}");
    }
}

#[test]
fn results_of_several_images_are_one() {
    let project = project();
    project.fake(&["img:1", "--json", "a"]).expect(1);
    project.fake(&["other:1", "--json", "b"]).expect(0);
    merge(
        &project,
        &["a", "b", "--expect-shards", "2", "--json", "all"],
    )
    .expect(1);
    let all = json(&project, "all");
    assert_eq!(names(&all).len(), 9);
    assert_eq!(all["images"].as_array().unwrap().len(), 2);
}

#[test]
fn what_contradicts_itself_is_refused_and_an_old_success_goes() {
    let project = project();
    project.fake(&["--json", "good", "other:1"]).expect(0);
    project.fake(&["--json", "good2", "other:1"]).expect(0);
    let text = std::fs::read(project.path("good")).unwrap();
    project.write("cut", &text[..text.len() / 2]);
    project.write("empty", b"");
    project.write("no-json", b"<testsuites/>");
    project.write("other-json", b"{\"a\": 1}");
    change(&project, "good", "newer", |it| it["version"] = 2.into());
    change(&project, "good2", "rebuilt", |it| {
        it["images"][0]["id"] = "sha256:1111".into();
    });
    let table: [(&[&str], &[&str]); 8] = [
        (&["cut"], &["can't use cut: it is cut off", "line"]),
        (&["good", "cut"], &["can't use cut: it is cut off"]),
        (&["empty"], &["can't use empty: it is cut off"]),
        (
            &["no-json"],
            &["can't use no-json: expected value at line 1, column 1"],
        ),
        (
            &["other-json"],
            &["can't use other-json: missing field `version`"],
        ),
        (
            &["newer"],
            &["can't use newer: it has version 2 of the format"],
        ),
        (&["not-there"], &["can't use not-there: No such file"]),
        (
            &["good", "rebuilt"],
            &[
                "the image other:1 is not the same",
                "sha256:0000",
                "in good",
                "sha256:1111 in rebuilt",
            ],
        ),
    ];
    for (files, messages) in table {
        merge(&project, &["good", "--junit", "junit.xml"]).expect(0);
        assert_eq!(project.junit().errors, 0);
        let ended = merge(&project, &[files, &["--junit", "junit.xml"]].concat());
        ended.expect(78).says(messages);
        assert_eq!(project.junit().errors, 1, "{files:?}");
    }
    merge(&project, &["good", "--json", "./good"])
        .expect(2)
        .says(&["would overwrite good"]);
    merge(&project, &["good", "--json", "a", "--junit", "a"]).expect(2);
    merge(&project, &[]).expect(2);
    assert_eq!(std::fs::read(project.path("good")).unwrap(), text);
}

#[test]
fn a_shard_must_be_one_and_have_something() {
    let project = project();
    for shard in ["0/2", "3/2", "2", "a/b"] {
        project.fake(&["--shard", shard]).expect(2);
    }
    project.fake(&["--shard", "1/2", "--failed"]).expect(2);
    project
        .fake(&["other:1", "--shard", "3/3"])
        .expect(4)
        .says(&["no check is selected", "in shard 3/3"]);
}

#[test]
fn with_a_key_only_what_was_sealed_with_it_is_joined() {
    let project = project();
    project.fake(&["--json", "open.json"]).expect(1);
    let with_key =
        |mut command: std::process::Command| Ended::of(command.env("SEATRIAL_RESULTS_KEY", "k"));
    let test = ["--engine", "fake:script.json", "--json", "sealed.json"];
    with_key(project.command(&test)).expect(1);
    let merge = ["merge", "sealed.json", "--json", "joined.json"];
    with_key(project.seatrial(&merge)).expect(1);
    let merge = ["merge", "joined.json"];
    with_key(project.seatrial(&merge)).expect(1);
    let merge = ["merge", "sealed.json", "open.json"];
    with_key(project.seatrial(&merge))
        .expect(78)
        .says(&["can't use open.json: it was sealed without a key"]);
    Ended::of(&mut project.seatrial(&["merge", "sealed.json", "open.json"])).expect(1);
}
