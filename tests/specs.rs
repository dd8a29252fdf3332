//! `seatrial test` with specs and arguments that are not right: nothing is run.

mod support;

use support::Project;

/// Would pass whatever it is asked.
const SCRIPT: &str = r#"{"images": ["img:1"], "runs": [{"when": ""}]}"#;

/// The mistakes in these specs, as people see them. Nothing may have been run or written.
#[track_caller]
fn refused(specs: &[(&str, &str)]) -> String {
    let mut files = vec![("script.json", SCRIPT)];
    files.extend(specs);
    let project = Project::new(&files);
    let ended = project.fake(&["--junit", "junit.xml"]);
    ended.expect(78);
    assert_eq!(ended.stdout, "");
    assert!(!project.path("junit.xml").exists());
    ended.stderr
}

#[track_caller]
fn one(spec: &str) -> String {
    refused(&[("test-specs/a.yaml", spec)])
}

#[track_caller]
fn check(check: &str) -> String {
    one(&format!("image: img:1\nchecks:\n{check}"))
}

#[test]
fn unknown_keys() {
    insta::assert_snapshot!(
        "unknown_key_of_a_check",
        check("  - run: 'true'\n    stduot: hello\n")
    );
    insta::assert_snapshot!(
        "unknown_key_of_a_file_check",
        check("  - file: /tmp\n    stdout: hello\n")
    );
    insta::assert_snapshot!(
        "unknown_key_of_a_spec",
        one("image: img:1\ncheks:\n  - run: 'true'\n")
    );
    insta::assert_snapshot!(
        "unknown_matcher",
        check("  - run: 'true'\n    stdout: {contain: x}\n")
    );
}

#[test]
fn duplicates() {
    insta::assert_snapshot!(
        "duplicate_key",
        check("  - run: 'true'\n    exit: 0\n    exit: 1\n")
    );
    insta::assert_snapshot!(
        "duplicate_name",
        check("  - run: 'true'\n    name: twice\n  - run: 'false'\n    name: twice\n")
    );
    insta::assert_snapshot!(
        "duplicate_name_in_two_files",
        refused(&[
            (
                "test-specs/a.yaml",
                "image: img:1\nchecks:\n  - {name: same, run: 'true'}\n"
            ),
            (
                "test-specs/b.yaml",
                "image: img:1\nchecks:\n  - {name: same, run: 'false'}\n"
            ),
        ])
    );
}

#[test]
fn the_same_name_for_two_images_is_right() {
    let project = Project::new(&[
        (
            "script.json",
            r#"{"images": ["img:1", "img:2"], "runs": [{"when": ""}]}"#,
        ),
        (
            "test-specs/a.yaml",
            "image: img:1\nchecks:\n  - {name: same, run: 'true'}\n",
        ),
        (
            "test-specs/b.yaml",
            "image: img:2\nchecks:\n  - {name: same, run: 'true'}\n",
        ),
    ]);
    project.fake(&[]).expect(0);
}

#[test]
fn nothing_to_check() {
    insta::assert_snapshot!("empty_file", one(""));
    insta::assert_snapshot!("only_a_comment", one("# to be written\n"));
    insta::assert_snapshot!("empty_checks", one("image: img:1\nchecks: []\n"));
    insta::assert_snapshot!("null_checks", one("image: img:1\nchecks:\n"));
    insta::assert_snapshot!("no_checks", one("image: img:1\n"));
    insta::assert_snapshot!("no_image", one("checks:\n  - run: 'true'\n"));
    insta::assert_snapshot!(
        "empty_expectation",
        check("  - run: 'true'\n    stdout: {}\n")
    );
}

#[test]
fn wrong_values() {
    insta::assert_snapshot!(
        "bad_regex",
        check("  - run: 'true'\n    stdout: {matches: 'a(b'}\n")
    );
    insta::assert_snapshot!("exit_of_letters", check("  - run: 'true'\n    exit: abc\n"));
    insta::assert_snapshot!("exit_too_large", check("  - run: 'true'\n    exit: 256\n"));
    insta::assert_snapshot!(
        "timeout_without_unit",
        check("  - run: 'true'\n    timeout: 20\n")
    );
    insta::assert_snapshot!(
        "mode_not_octal",
        check("  - file: /tmp\n    mode: rwxr-xr-x\n")
    );
    insta::assert_snapshot!("relative_file", check("  - file: tmp\n"));
    insta::assert_snapshot!("list_instead_of_map", one("- run: 'true'\n"));
    insta::assert_snapshot!("not_yaml", one("image: [img:1\nchecks: {\n"));
}

#[test]
fn files_of_the_host_that_are_not_there() {
    insta::assert_snapshot!(
        "missing_mount_source",
        check("  - run: 'true'\n    mounts: {fixtures/reads.bam: /data/reads.bam}\n")
    );
    insta::assert_snapshot!(
        "missing_stdin_file",
        check("  - run: cat\n    stdin: {file: fixtures/input.txt}\n")
    );
}

#[test]
fn kinds_of_checks() {
    insta::assert_snapshot!("two_kinds", check("  - run: 'true'\n    file: /tmp\n"));
    insta::assert_snapshot!("no_kind", check("  - name: nothing\n    exit: 0\n"));
    insta::assert_snapshot!("mistyped_kind", check("  - rum: 'true'\n"));
}

#[test]
fn every_mistake_of_every_file_is_told_in_one_go() {
    let told = refused(&[
        (
            "test-specs/a.yaml",
            "image: img:1\nchecks:\n  - run: 'true'\n    exit: abc\n  - run: ''\n  - file: tmp\n",
        ),
        (
            "test-specs/b.yaml",
            "image: img:1\nchecks:\n  - {run: x, timeout: 20}\n",
        ),
        (
            "test-specs/good.yaml",
            "image: img:1\nchecks:\n  - run: 'true'\n",
        ),
    ]);
    insta::assert_snapshot!("several_mistakes", told);
}

#[test]
fn a_spec_with_a_mistake_stops_the_run_even_when_it_is_filtered_out() {
    let project = Project::new(&[
        ("script.json", SCRIPT),
        (
            "test-specs/a.yaml",
            "image: img:1\nchecks:\n  - run: 'true'\n",
        ),
        ("test-specs/b.yaml", "image: img:2\nchecks: []\n"),
    ]);
    let ended = project.fake(&["img:1"]);
    ended.expect(78);
    assert_eq!(ended.stdout, "");
}

#[test]
fn no_spec_at_all() {
    let project = Project::new(&[("script.json", SCRIPT)]);
    project.fake(&[]).expect(78).says(&["test-specs"]);
    std::fs::create_dir(project.path("test-specs")).unwrap();
    project
        .fake(&[])
        .expect(78)
        .says(&["no spec (*.yaml, *.yml) under test-specs"]);
    project
        .fake(&["--spec", "elsewhere.yaml"])
        .expect(78)
        .says(&["elsewhere.yaml"]);
}

#[test]
fn a_filter_that_selects_nothing_is_no_success() {
    let project = Project::scripted("image: img:1\nchecks:\n  - run: 'true'\n", SCRIPT);
    let ended = project.fake(&["no such check", "--junit", "junit.xml"]);
    ended
        .expect(4)
        .says(&["no check is selected by `no such check`"]);
    let report = project.junit();
    assert_eq!(report.agrees().tests, 1);
    assert_eq!(report.cases[0].verdict, "error");
    assert_eq!(report.cases[0].kind, "seatrial.empty");
}

#[test]
fn wrong_arguments() {
    let project = Project::scripted("image: img:1\nchecks:\n  - run: 'true'\n", SCRIPT);
    project
        .fake(&["--test-threads", "0"])
        .expect(2)
        .says(&["--test-threads"]);
    project
        .fake(&["--no-such-flag"])
        .expect(2)
        .says(&["--no-such-flag"]);
    project
        .test(&["--engine", "podman"])
        .expect(2)
        .says(&["the engines are: auto, embedded, docker"]);
    project
        .fake(&["--project", "nowhere.yaml"])
        .expect(2)
        .says(&["nowhere.yaml"]);
    project
        .fake(&["--build"])
        .expect(2)
        .says(&["--build needs a project file"]);
}

#[test]
fn mistakes_in_file_checks() {
    insta::assert_snapshot!(check(
        r#"
  - {file: /etc/, exists: true}
  - {file: /a//b}
  - {file: /a/../b}
  - {file: "/a[b"}
  - {file: '/a\'}
  - {file: /a, count: 2}
  - {file: /b, sha256: abc}
  - {file: /c, link_target: d, content: e}
  - {file: /d, link_target: d, type: directory}
  - {file: /e, executable_by: []}
"#
    ));
}

#[test]
fn mistakes_in_config_checks() {
    insta::assert_snapshot!(check(
        r#"
  - config: {env: {A: null, B: {exists: maybe}, C: {exists: false, equals: x}}}
  - config: {not_env: ["[a", ""]}
  - config: {entrypoint: /bin/sh}
  - config: {cmd: {}}
  - config: {exposed_ports: [http, 8000-8010, 53/udp, 70000]}
  - config: {healthcheck: {}}
  - config: {healthcheck: {exists: false, retries: 1}}
  - config: {healthcheck: none}
  - config: {env: {}, labels: {}}
  - config: {}
"#
    ));
}

#[test]
fn mistakes_in_size_and_layers_checks() {
    insta::assert_snapshot!(check(
        r#"
  - size: {}
  - {name: a, size: {max: 10M}}
  - {name: b, size: {min: 2MB, max: 1MB}}
  - {name: c, layers: {}}
  - {name: d, layers: {max: few}}
  - {name: e, layers: {min: 0}}
  - {name: f, layers: 3, size: 10MB}
  - {name: g, layers: {each: 1MB}}
"#
    ));
}
