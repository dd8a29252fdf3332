//! How often checks are tried, and when a run gives up, with an engine that does as it is told.

mod support;

use support::{Ended, Project, Report};

const SCRIPT: &str = r#"{
  "images": ["img:1"],
  "runs": [
    {"when": "works"},
    {"when": "wobbles", "exit": 1, "stderr": "too early\n", "times": 2},
    {"when": "wobbles"},
    {"when": "breaks", "exit": 1},
    {"when": "engine", "error": "no space left on device", "times": 1},
    {"when": "engine"},
    {"when": "dawdles", "takes": 60000}
  ]
}"#;

fn project(commands: &[&str]) -> Project {
    let mut spec = "image: img:1\nchecks:\n".to_owned();
    for command in commands {
        spec += &format!("  - run: {command}\n");
    }
    Project::scripted(&spec, SCRIPT)
}

/// Runs with one thread, so that the order is known.
fn run(project: &Project, args: &[&str]) -> (Ended, Report) {
    let own = ["--junit", "junit.xml", "--test-threads", "1"];
    let state = project.path("state");
    let ended = Ended::of(
        project
            .command(&[&["--engine", "fake:script.json"], &own[..], args].concat())
            .env("XDG_STATE_HOME", state),
    );
    (ended, project.junit())
}

fn verdicts(report: &Report) -> Vec<(&str, &str, &str)> {
    let cases = report.agrees().cases.iter();
    cases
        .map(|case| {
            (
                case.name.as_str(),
                case.verdict.as_str(),
                case.kind.as_str(),
            )
        })
        .collect()
}

#[test]
fn a_check_that_passes_on_a_further_try_is_flaky() {
    let project = project(&["wobbles", "works"]);
    let (ended, report) = run(&project, &["--retries", "2"]);
    ended
        .expect(0)
        .says(&["flaky  img:1::wobbles", "passed on try 3"]);
    assert_eq!(report.agrees().count("passed"), 2);
    let xml = std::fs::read_to_string(project.path("junit.xml")).unwrap();
    assert_eq!(xml.matches("<flakyFailure ").count(), 2, "{xml}");
    assert!(xml.contains("expected exit code 0, got 1"), "{xml}");
}

#[test]
fn too_few_tries_do_not_help() {
    let (ended, report) = run(&project(&["wobbles"]), &["--retries", "1"]);
    ended.expect(1).says(&["tried 2 times"]);
    assert_eq!(report.case("wobbles").verdict, "failure");
}

#[test]
fn flaky_can_count_as_failed() {
    let (ended, report) = run(
        &project(&["wobbles"]),
        &["--retries", "2", "--flaky", "fail"],
    );
    ended.expect(1).says(&[
        "flaky: passed only on try 3",
        "try 1: expected exit code 0, got 1",
    ]);
    assert_eq!(report.case("wobbles").kind, "seatrial.flaky");
}

#[test]
fn an_engine_that_failed_once_is_asked_again() {
    let (ended, _) = run(&project(&["engine"]), &["--retries", "1"]);
    ended.expect(0).says(&["passed on try 2"]);
}

#[test]
fn repeated_checks_must_pass_every_time() {
    let (ended, report) = run(&project(&["wobbles", "works"]), &["--repeat", "5"]);
    ended.expect(1).says(&["did not pass 2 of 5 times"]);
    assert_eq!(report.case("wobbles").kind, "seatrial.repeat");
    assert_eq!(report.case("works").verdict, "passed");
    run(&project(&["works"]), &["--repeat", "3"]).0.expect(0);
    let (ended, _) = run(&project(&["breaks"]), &["--repeat", "3"]);
    ended.expect(1).says(&["did not pass 3 of 3 times"]);
}

#[test]
fn a_run_ends_with_as_many_failures_as_are_wanted() {
    let commands = ["works 1", "breaks 1", "works 2", "breaks 2", "works 3"];
    let (ended, report) = run(&project(&commands), &["--fail-fast"]);
    ended
        .expect(1)
        .says(&["a check did not pass, and the run ends with the first"]);
    assert_eq!(
        verdicts(&report),
        [
            ("works 1", "passed", ""),
            ("breaks 1", "failure", "seatrial.exit"),
            ("works 2", "error", "seatrial.not-run"),
            ("breaks 2", "error", "seatrial.not-run"),
            ("works 3", "error", "seatrial.not-run"),
        ]
    );
    let (ended, report) = run(&project(&commands), &["--max-failures", "2"]);
    ended.expect(1);
    assert_eq!(report.count("error"), 1);
    assert_eq!(report.case("works 3").kind, "seatrial.not-run");
}

#[test]
fn a_run_that_takes_too_long_ends_at_its_deadline() {
    let project = project(&["works", "dawdles", "breaks"]);
    let (ended, report) = run(&project, &["--deadline", "3s"]);
    ended
        .expect(3)
        .says(&["the deadline of the run, 3s, was over"]);
    assert_eq!(
        verdicts(&report),
        [
            ("works", "passed", ""),
            ("dawdles", "error", "seatrial.deadline"),
            ("breaks", "error", "seatrial.deadline"),
        ]
    );
    assert!(report.case("dawdles").message.starts_with("killed: "));
    assert!(report.case("breaks").message.starts_with("not run: "));
}

#[test]
fn only_what_did_not_pass_last_time() {
    let project = project(&["works", "wobbles", "breaks"]);
    run(&project, &["--failed"])
        .0
        .expect(4)
        .says(&["what was run last has passed"]);
    run(&project, &[]).0.expect(1);
    let script = SCRIPT.replace(r#""when": "breaks", "exit": 1"#, r#""when": "breaks""#);
    project.write(
        "script.json",
        script
            .replace(r#""exit": 1, "stderr""#, r#""stderr""#)
            .as_bytes(),
    );
    // What is not selected stays as it was.
    let (ended, report) = run(&project, &["--failed", "wobbles"]);
    ended.expect(0);
    assert_eq!(report.cases.len(), 1);
    let (ended, report) = run(&project, &["--failed"]);
    ended.expect(0);
    assert_eq!(verdicts(&report), [("breaks", "passed", "")]);
    run(&project, &["--failed"]).0.expect(4);
}

#[test]
fn what_makes_no_sense_is_refused() {
    for args in [
        &["--retries", "11"][..],
        &["--repeat", "0"],
        &["--max-failures", "0"],
        &["--fail-fast", "--max-failures", "2"],
        &["--repeat", "2", "--retries", "1"],
        &["--deadline", "20"],
        &["--deadline", "0s"],
        &["--flaky", "perhaps"],
    ] {
        project(&["works"]).fake(args).expect(2);
    }
}

#[test]
fn reports_get_as_much_of_the_output_as_is_wanted() {
    let script = r#"{"images": ["img:1"], "runs": [
        {"when": "floods", "stdout": "0123456789\n", "repeat": 1000, "exit": 1}]}"#;
    let project = Project::scripted("image: img:1\nchecks:\n  - run: floods\n", script);
    for (limit, cut) in [
        (&[][..], false),
        (&["--output-limit", "110"], true),
        (&["--output-limit", "1MiB"], false),
    ] {
        project
            .fake(&[&["--junit", "junit.xml"], limit].concat())
            .expect(1);
        let xml = std::fs::read_to_string(project.path("junit.xml")).unwrap();
        let out = xml.split("<system-out>").nth(1).unwrap();
        let lines = out.matches("0123456789").count();
        assert_eq!(lines, if cut { 20 } else { 1000 });
        assert_eq!(out.contains("10780"), cut, "{out}");
    }
    project.fake(&["--output-limit", "2MiB"]).expect(2);
}
