//! `seatrial test` from verdicts to exit codes and reports, with an engine that does as it is told.

mod support;

use support::{Ended, Project, Report};

const SCRIPT: &str = r#"{
  "images": ["img:1"],
  "runs": [
    {"when": "works", "stdout": "hello\n"},
    {"when": "breaks", "exit": 1, "stderr": "broken\n"},
    {"when": "engine", "error": "no space left on device"},
    {"when": "panics", "panic": "index out of bounds"},
    {"when": "eats", "exit": 137, "out_of_memory": true},
    {"when": "dawdles", "takes": 60000, "stdout": "hello\n"},
    {"when": "floods", "stdout": "0123456789abcde\n", "repeat": 200000}
  ]
}"#;

/// Runs one check for each command and reads the report.
fn run(commands: &[&str]) -> (Ended, Report) {
    let mut spec = "image: img:1\nchecks:\n".to_owned();
    for command in commands {
        spec += &format!("  - run: {command}\n");
    }
    run_spec(&spec, SCRIPT)
}

fn run_spec(spec: &str, script: &str) -> (Ended, Report) {
    let project = Project::scripted(spec, script);
    let ended = project.fake(&["--junit", "junit.xml"]);
    let report = project.junit();
    report.agrees();
    (ended, report)
}

/// Passed, failed, errors.
type Counts = (usize, usize, usize);

/// The summary of the console.
fn counts(ended: &Ended) -> Counts {
    let words = [r"(\d+) passed", r"(\d+) failed", r"(\d+) errors?\b"];
    let lines: Vec<&str> = ended.stdout.lines().collect();
    let summary = lines
        .iter()
        .rev()
        .find(|line| line.contains(" in "))
        .unwrap();
    let [passed, failed, errors] = words.map(|word| {
        let found = regex::Regex::new(word).unwrap().captures(summary);
        found.map_or(0, |found| found[1].parse().unwrap())
    });
    (passed, failed, errors)
}

#[test]
fn exit_codes_and_counts() {
    let table: [(&[&str], i32, Counts); 8] = [
        (&["works"], 0, (1, 0, 0)),
        (&["works 1", "works 2", "works 3"], 0, (3, 0, 0)),
        (&["breaks"], 1, (0, 1, 0)),
        (&["works", "breaks"], 1, (1, 1, 0)),
        (&["engine"], 3, (0, 0, 1)),
        (&["works", "engine"], 3, (1, 0, 1)),
        // Something is known to be wrong with the image, whatever else is not known.
        (&["breaks", "engine"], 1, (0, 1, 1)),
        (
            &["engine", "works", "panics", "breaks", "eats"],
            1,
            (1, 2, 2),
        ),
    ];
    for (commands, code, expected) in table {
        let (ended, report) = run(commands);
        ended.expect(code);
        assert_eq!(counts(&ended), expected, "{commands:?}\n{}", ended.stdout);
        let told = (report.count("passed"), report.failures, report.errors);
        assert_eq!(told, expected, "{commands:?}");
    }
}

#[test]
fn a_failing_run_on_the_console() {
    let spec = r#"
image: img:1
checks:
  - name: greets
    run: works
    stdout: hello
  - name: greets the world
    run: works
    stdout: hello world
  - name: the tool runs
    run: breaks
    stderr: {contains: fine}
  - name: needs the engine
    run: engine
  - name: has a file
    file: /etc/tool.conf
    content: {contains: answer}
  - name: has no file
    file: /etc/other.conf
"#;
    let script = SCRIPT.replace(
        r#""images""#,
        r#""files": {"/etc/tool.conf": "question = 6 * 9\n"}, "images""#,
    );
    let project = Project::scripted(spec, &script);
    let ended = project.fake(&["--test-threads", "1"]);
    ended.expect(1);
    insta::assert_snapshot!("failing_run", ended.stable());
    assert_eq!(ended.stderr, "");
}

#[test]
fn an_engine_that_fails_is_an_error_with_its_words() {
    let (ended, report) = run(&["engine", "works"]);
    ended.expect(3).says(&["no space left on device"]);
    let case = report.case("engine");
    assert_eq!(
        (case.verdict.as_str(), case.kind.as_str()),
        ("error", "seatrial.engine")
    );
    assert!(case.message.contains("no space left on device"), "{case:?}");
}

#[test]
fn a_panic_is_an_error_and_the_others_still_run() {
    for threads in ["1", "4"] {
        let spec = "image: img:1\nchecks:\n  - run: works 1\n  - run: panics\n  - run: works 2\n";
        let project = Project::scripted(spec, SCRIPT);
        let ended = project.fake(&["--junit", "junit.xml", "--test-threads", threads]);
        ended.expect(3).says(&["index out of bounds"]);
        let report = project.junit();
        assert_eq!(report.agrees().count("passed"), 2);
        let case = report.case("panics");
        assert_eq!(
            (case.verdict.as_str(), case.kind.as_str()),
            ("error", "seatrial.internal")
        );
    }
}

#[test]
fn out_of_memory_is_a_failure_even_when_its_exit_code_is_expected() {
    for check in ["run: eats", "{run: eats, exit: 137}"] {
        let (ended, report) = run_spec(&format!("image: img:1\nchecks:\n  - {check}\n"), SCRIPT);
        ended.expect(1).says(&["ran out of memory"]);
        assert_eq!(report.case("eats").verdict, "failure");
    }
}

#[test]
fn a_command_that_takes_too_long_is_a_failure_whatever_it_wrote() {
    let spec = "image: img:1\nchecks:\n  - {run: dawdles, timeout: 50ms, stdout: hello}\n";
    let (ended, report) = run_spec(spec, SCRIPT);
    ended
        .expect(1)
        .says(&["did not end within 50ms and was killed"]);
    let case = report.case("dawdles");
    assert_eq!(
        (case.verdict.as_str(), case.kind.as_str()),
        ("failure", "seatrial.timeout")
    );
}

/// 200,000 lines of `0123456789abcde`, of which only the first and the last MiB are kept.
fn floods(expectation: &str) -> (Ended, Report) {
    let spec = format!("image: img:1\nchecks:\n  - {{run: floods, stdout: {{{expectation}}}}}\n");
    run_spec(&spec, SCRIPT)
}

#[test]
fn output_is_judged_as_it_flows() {
    let digest = "90bb93b9b7da57d1b6ae8ce3e0a1a0df3a6aa8ebaa6e8ff8a3cf0e5d0d6ee4a4";
    for (expectation, code) in [
        ("contains: abcde", 0),
        ("contains: absent", 1),
        ("not_contains: abcde", 1),
        ("not_contains: absent", 0),
        ("matches: '^0123'", 0),
        ("matches: absent", 1),
        ("matches: '^0.*e$'", 0),
        ("not_matches: '^1'", 0),
        ("not_matches: '^0'", 1),
        ("lines: 200000", 0),
        ("lines: {max: 199999}", 1),
        ("lines: {first: 0123456789abcde, last: 0123456789abcde}", 0),
        ("equals: short", 1),
        ("empty: true", 1),
        ("empty: false", 0),
        (&format!("sha256: {digest}"), 1),
    ] {
        floods(expectation).0.expect(code);
    }
    let (ended, _) = floods(&format!("sha256: {digest}"));
    let found = ended.stdout.split("it is ").nth(1).unwrap();
    let found = found.split_whitespace().next().unwrap();
    floods(&format!("sha256: {found}")).0.expect(0);
}

#[test]
fn output_that_was_not_seen_decides_nothing() {
    for expectation in [
        // A match over more than what is kept in view can't be excluded.
        "matches: '(?s)0.*absent'",
        "not_matches: '(?s)0.*absent'",
        "lines: {each: {matches: '^0'}}",
        "json: '.'",
    ] {
        let (ended, report) = floods(expectation);
        ended.expect(3);
        let case = report.case("floods");
        assert_eq!(case.verdict, "error", "{expectation}");
        assert_eq!(case.kind, "seatrial.output-limit");
    }
}

#[test]
fn containers_left_behind_are_not_passed_over() {
    for (command, code) in [("works", 3), ("breaks", 1)] {
        let script = SCRIPT.replace(r#""images""#, r#""left_behind": 2, "images""#);
        let (ended, _) = run_spec(
            &format!("image: img:1\nchecks:\n  - run: {command}\n"),
            &script,
        );
        ended
            .expect(code)
            .says(&["2 container(s) of this run could not be removed"]);
        assert!(
            ended.stderr.contains("could not be removed"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn an_image_that_is_not_there_makes_errors_of_its_checks_only() {
    let project = Project::new(&[
        ("script.json", SCRIPT),
        (
            "test-specs/a.yaml",
            "image: img:1\nchecks:\n  - run: works\n",
        ),
        (
            "test-specs/b.yaml",
            "image: gone:1\nchecks:\n  - run: works 1\n  - file: /etc\n",
        ),
    ]);
    let ended = project.fake(&["--junit", "junit.xml"]);
    ended
        .expect(3)
        .says(&["gone:1", "`docker pull gone:1` may fetch it"]);
    let report = project.junit();
    assert_eq!((report.agrees().count("passed"), report.errors), (1, 2));
    assert_eq!(report.case("works 1").kind, "seatrial.image");
}

#[test]
fn a_script_that_is_not_there_is_an_engine_that_is_not_there() {
    let project = Project::new(&[(
        "test-specs/a.yaml",
        "image: img:1\nchecks:\n  - run: works\n  - file: /etc\n",
    )]);
    let ended = project.fake(&["--junit", "junit.xml"]);
    ended.expect(3).says(&["script.json"]);
    assert_eq!(project.junit().agrees().errors, 2);
}

#[test]
fn an_interrupted_run_reports_every_check() {
    let spec = "image: img:1\nchecks:\n  - {run: dawdles 1, timeout: 60s}\n  - {run: dawdles 2, timeout: 60s}\n  - run: works\n";
    let project = Project::scripted(spec, SCRIPT);
    let started = std::time::Instant::now();
    let arguments = [
        "--engine",
        "fake:script.json",
        "--junit",
        "junit.xml",
        "--test-threads",
        "1",
    ];
    let ended = project.interrupt(&arguments, |header, _| {
        assert!(header.contains("3 checks"), "{header}");
    });
    ended.expect(130).says(&["stopped by SIGINT"]);
    assert!(started.elapsed().as_secs() < 30);
    let report = project.junit();
    assert_eq!((report.agrees().tests, report.errors), (3, 3));
    for case in &report.cases {
        assert_eq!(case.kind, "seatrial.interrupted", "{case:?}");
    }
    assert_eq!(counts(&ended), (0, 0, 3));
}

#[test]
fn a_killed_run_leaves_a_report_that_says_so() {
    let spec = "image: img:1\nchecks:\n  - {run: dawdles, timeout: 60s}\n";
    let project = Project::scripted(spec, SCRIPT);
    let mut child = project
        .command(&["--engine", "fake:script.json", "--junit", "junit.xml"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut first).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let report = project.junit();
    assert_eq!(report.agrees().errors, 1);
    assert_eq!(report.cases[0].kind, "seatrial.unfinished");
}

const TWO_IMAGES: [(&str, &str); 3] = [
    (
        "script.json",
        r#"{"images": ["sv-base:latest", "sv-base-mini:latest"], "runs": [{"when": "works", "stdout": "hello\n"}, {"when": "breaks", "exit": 1}]}"#,
    ),
    (
        "test-specs/base.yaml",
        "image: sv-base:latest\nchecks:\n  - run: works\n  - run: works too\n",
    ),
    (
        "test-specs/mini.yaml",
        "image: sv-base-mini:latest\nchecks:\n  - run: works\n",
    ),
];

/// The same with names of a project file, one of which is a part of the other.
fn catalogue() -> Project {
    let project = Project::new(&TWO_IMAGES);
    project.write("Dockerfile", b"FROM scratch\n");
    project.write(
        "seatrial.yaml",
        b"images:\n  sv-base: {dockerfile: Dockerfile}\n  sv-base-mini: {dockerfile: Dockerfile}\n",
    );
    project.write(
        "test-specs/base.yaml",
        b"image: sv-base\nchecks:\n  - run: works\n  - run: works too\n",
    );
    project.write(
        "test-specs/mini.yaml",
        b"image: sv-base-mini\nchecks:\n  - run: works\n",
    );
    project
}

#[test]
fn the_name_of_an_image_selects_this_image_only() {
    for (filter, images, tests) in [
        ("sv-base", &["sv-base"][..], 2),
        ("sv-base-mini", &["sv-base-mini"], 1),
        ("sv-bas", &["sv-base", "sv-base-mini"], 3),
        ("works too", &["sv-base"], 1),
    ] {
        let project = catalogue();
        project.fake(&[filter, "--junit", "junit.xml"]).expect(0);
        let report = project.junit();
        let mut suites: Vec<&str> = report
            .cases
            .iter()
            .map(|case| case.suite.as_str())
            .collect();
        suites.dedup();
        assert_eq!(
            (suites.as_slice(), report.agrees().tests),
            (images, tests),
            "{filter}"
        );
    }
}

#[test]
fn terse_listing() {
    let project = catalogue();
    // An engine is not needed to list.
    std::fs::remove_file(project.path("script.json")).unwrap();
    let ended = project.fake(&["--list", "--format", "terse"]);
    ended.expect(0);
    assert_eq!(
        ended.stdout,
        "sv-base::works: test\nsv-base::works too: test\nsv-base-mini::works: test\n"
    );
    let ended = project.fake(&["--list", "--format", "terse", "sv-base"]);
    assert_eq!(
        ended.expect(0).stdout,
        "sv-base::works: test\nsv-base::works too: test\n"
    );
    // As nextest asks.
    let ended = project.fake(&["--list", "--format", "terse", "--ignored"]);
    assert_eq!(ended.expect(0).stdout, "");
}

#[test]
fn one_check_by_its_whole_name() {
    let project = catalogue();
    // As nextest runs each.
    let arguments = [
        "sv-base::works",
        "--exact",
        "--nocapture",
        "--junit",
        "junit.xml",
    ];
    project.fake(&arguments).expect(0);
    let report = project.junit();
    assert_eq!(report.agrees().tests, 1);
    assert_eq!(
        (
            report.cases[0].suite.as_str(),
            report.cases[0].name.as_str()
        ),
        ("sv-base", "works")
    );
    project.fake(&["sv-base", "--exact"]).expect(4);
}

#[test]
fn formats_of_libtest_keep_the_standard_output_to_themselves() {
    let project = Project::scripted(
        "image: img:1\nchecks:\n  - run: works\n  - run: breaks\n",
        SCRIPT,
    );
    let ended = project.fake(&["--format", "json", "-Zunstable-options"]);
    ended.expect(1);
    for line in ended.stdout.lines() {
        assert!(line.starts_with('{') && line.ends_with('}'), "{line}");
    }
    assert!(
        ended.stderr.contains("expected exit code 0, got 1"),
        "{}",
        ended.stderr
    );
}

#[test]
fn the_command_of_the_summary_selects_the_check() {
    let project = Project::scripted(
        "image: img:1\nchecks:\n  - {name: \"it's two\", run: breaks}\n  - run: breaks\n",
        SCRIPT,
    );
    let ended = project.fake(&[]);
    let line = ended
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("run one check again: seatrial "))
        .unwrap();
    let mut words = shlex::split(line).unwrap();
    assert_eq!(words.remove(0), "test");
    words.extend(["--junit".into(), "junit.xml".into()]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    project.fake(&words).expect(1);
    assert_eq!(project.junit().agrees().cases[0].name, "it's two");
    assert_eq!(project.junit().tests, 1);
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_anything_runs() {
    let project = Project::scripted("image: img:1\nchecks:\n  - run: works\n", SCRIPT);
    project.write("file", b"");
    let ended = project.fake(&["--junit", "file/junit.xml"]);
    ended.expect(3).says(&["file/junit.xml"]);
    assert_eq!(ended.stdout, "");
}
