//! Which checks are run and how their verdicts count: `inherit`, tags, `skip`, `only`, `xfail`, `retries`.

mod support;

use std::fmt::Write as _;

use support::Project;
use support::scripted::{list, project, refused_checks, run};

/// Three images, each of which derives from the one before.
fn family(child: &str) -> Project {
    project(&[
        (
            "test-specs/base.yaml",
            "image: base:1\nchecks:\n  - {name: tool works, run: works}\n  - {name: tool is quick, run: quick}\n  - {run: breaks}\n",
        ),
        (
            "test-specs/mid.yaml",
            "image: mid:1\ninherit: base:1\nchecks:\n  - {run: mid}\n",
        ),
        ("test-specs/child.yaml", child),
    ])
}

#[test]
fn checks_of_ancestors_hold_for_the_child() {
    let project = family("image: child:1\ninherit: [mid:1, base:1]\n");
    let all =
        ["mid", "tool works", "tool is quick", "breaks"].map(|name| format!("child:1::{name}"));
    // By the child's name, by file, and both ways to the grandparent are one.
    assert_eq!(list(&project, &["child:1"]), all);
    assert_eq!(list(&project, &["--spec", "test-specs/child.yaml"]), all);
    let two = [
        "--spec",
        "test-specs/child.yaml",
        "--spec",
        "test-specs/mid.yaml",
    ];
    assert_eq!(list(&project, &two).len(), 4 + 4);
    let (ended, report) = run(
        &project,
        &["--spec", "test-specs/child.yaml", "--test-threads", "1"],
        1,
    );
    assert!(
        report.cases.iter().all(|case| case.suite == "child:1"),
        "{report:#?}"
    );
    insta::assert_snapshot!("inherited_check_fails", ended.stable());
}

#[test]
fn inherited_checks_can_be_left_out() {
    let child = |except: &str| {
        format!(
            "image: child:1\ninherit:\n  - image: mid:1\n    except: {except}\nchecks: [{{run: own}}]\n"
        )
    };
    let table: [(&str, &[&str]); 4] = [
        ("breaks", &["own", "mid", "tool works", "tool is quick"]),
        ("[tool*, mid]", &["own", "breaks"]),
        ("'tool is ?uick'", &["own", "mid", "tool works", "breaks"]),
        ("'*'", &["own"]),
    ];
    for (except, expected) in table {
        let names: Vec<String> = expected
            .iter()
            .map(|name| format!("child:1::{name}"))
            .collect();
        assert_eq!(
            list(&family(&child(except)), &["child:1"]),
            names,
            "{except}"
        );
    }
    let told = ["tool workz", "[zzz, mid]", "'['", "[]"].map(|except| {
        let ended = family(&child(except)).fake(&[]);
        ended.expect(78).stderr.clone()
    });
    insta::assert_snapshot!("mistakes_in_except", told.join("\n"));
}

#[test]
fn mistakes_in_inherit() {
    let table = [
        ("unknown", "image: child:1\ninherit: bsae:1\n"),
        (
            "unknown to the project as well",
            "image: child:1\ninherit: other:1\n",
        ),
        ("circle", "image: base:1\ninherit: mid:1\n"),
        (
            "itself",
            "image: child:1\ninherit: child:1\nchecks: [{run: x}]\n",
        ),
        (
            "same name",
            "image: child:1\ninherit: mid:1\nchecks: [{run: own}, {name: tool works, run: x}]\n",
        ),
        ("nothing", "image: child:1\ninherit: []\n"),
        (
            "wrong keys",
            "image: child:1\ninherit: [{image: mid:1, but: x}]\n",
        ),
    ];
    let mut told = String::new();
    for (name, child) in table {
        writeln!(
            told,
            "# {name}\n{}",
            family(child).fake(&[]).expect(78).stderr
        )
        .unwrap();
    }
    insta::assert_snapshot!("mistakes_in_inherit", told);
}

#[test]
fn a_base_is_inherited_with_all_of_its_specs_or_not_at_all() {
    let project = family("image: child:1\ninherit: base:1\n");
    project.write(
        "test-specs/base2.yaml",
        b"image: base:1\nchecks: [{run: more}]\n",
    );
    let asked = [
        "--spec",
        "test-specs/child.yaml",
        "--spec",
        "test-specs/base2.yaml",
    ];
    let names = [
        "child:1::more",
        "child:1::tool works",
        "child:1::tool is quick",
        "child:1::breaks",
        "base:1::more",
    ];
    let mut found = list(&project, &asked);
    found.sort();
    let mut expected = names.map(str::to_owned);
    expected.sort();
    assert_eq!(found, expected);
    // What can't be read may hold what is to be inherited.
    project.write(
        "test-specs/base2.yaml",
        b"image: base:1\nchecks: [{rum: more}]\n",
    );
    project
        .fake(&asked[..2])
        .expect(78)
        .says(&["test-specs/base2.yaml:2:11", "unknown key `rum`"]);
    // Also files of the host that an inherited check needs.
    project.write(
        "test-specs/base2.yaml",
        b"image: base:1\nchecks: [{run: x, mounts: {nowhere: /x}}]\n",
    );
    project
        .fake(&asked[..2])
        .expect(78)
        .says(&["there is no file nowhere"]);
}

#[test]
fn the_same_words_of_two_bases_can_say_different_things() {
    let both = |run: &str| {
        project(&[
            (
                "test-specs/bases.yaml",
                &format!("images: [base:1, mid:1]\nchecks:\n  - {{name: n, run: '{run}'}}\n"),
            ),
            (
                "test-specs/child.yaml",
                "image: child:1\ninherit: [base:1, mid:1]\n",
            ),
        ])
    };
    assert_eq!(list(&both("x"), &["child:1"]), ["child:1::n"]);
    both("echo ${{ image.name }}")
        .fake(&[])
        .expect(78)
        .says(&["duplicate check name `n`"]);
}

const TAGGED: &str = "image: img:1\ndefaults: {tags: all}\nchecks:\n  - {run: a, tags: fast}\n  \
                      - {run: b, tags: [slow, net/x]}\n  - {run: c}\n  - {run: d, skip: waits for a fix}\n";

#[test]
fn tags_select() {
    let project = project(&[("test-specs/a.yaml", TAGGED)]);
    let table: [(&[&str], &str); 6] = [
        (&["--tag", "all"], "abcd"),
        (&["--tag", "fast", "--tag", "slow"], "ab"),
        (&["--skip-tag", "slow"], "acd"),
        (
            &["--tag", "all", "--skip-tag", "fast", "--skip-tag", "net/x"],
            "cd",
        ),
        (&["--tag", "slow", "img:1"], "b"),
        (&["--tag", "nobody"], ""),
    ];
    for (args, expected) in table {
        let names: Vec<String> = expected
            .chars()
            .map(|name| format!("img:1::{name}"))
            .collect();
        assert_eq!(list(&project, args), names, "{args:?}");
    }
    let ended = project.fake(&["--tag", "nobody", "--skip-tag", "slow"]);
    ended
        .expect(4)
        .says(&["no check is selected with --tag nobody --skip-tag slow"]);
    let options = [
        "tags: []",
        "tags: ['a b']",
        "tags: ['']",
        "skip: ",
        "skip: true",
        "skip: ''",
        "xfail: false",
        "skip: a, xfail: b",
        "only: {engine: dokcer}",
        "only: {platform: amd64}",
        "only: {}",
        "retries: 11",
        "retries: -1",
    ];
    let told = options.map(|option| refused_checks(&format!("  - {{run: x, {option}}}\n")));
    insta::assert_snapshot!("mistakes_in_options", told.join("\n"));
}

#[test]
fn skipped_checks_run_when_asked_for() {
    let project = project(&[("test-specs/a.yaml", TAGGED)]);
    let (ended, report) = run(&project, &[], 0);
    ended.says(&["waits for a fix"]);
    assert_eq!(report.case("d").verdict, "skipped");
    let (_, report) = run(&project, &["--include-ignored"], 0);
    assert_eq!(report.count("passed"), 4);
    let (_, report) = run(&project, &["--ignored"], 0);
    assert_eq!(
        (report.tests, report.case("d").verdict.as_str()),
        (1, "passed")
    );
}

#[test]
fn known_failures_retries_and_places_to_run_at() {
    let text = "image: img:1\nchecks:\n  - {run: breaks, xfail: 'bug #1'}\n  - {run: works, xfail: was broken}\n  \
                - {run: lost, xfail: y}\n  - {name: twice, run: breaks, retries: 2}\n  - {name: lost twice, run: lost, retries: 1}\n  \
                - {name: elsewhere, run: breaks, only: {engine: [podman, embedded]}}\n  \
                - {name: other platform, run: x, only: {platform: linux/s390x}}\n  \
                - {name: gone, run: missing, exit: nonzero}\n  - {name: gone as expected, run: missing, exit: [1, 127]}\n  \
                - {name: hanging, run: hangs, timeout: 200ms, xfail: slow}\n";
    let project = project(&[("test-specs/a.yaml", text)]);
    let (ended, report) = run(&project, &["--test-threads", "1"], 1);
    let verdicts = [
        "breaks",
        "works",
        "lost",
        "twice",
        "lost twice",
        "elsewhere",
        "other platform",
        "gone",
        "gone as expected",
        "hanging",
    ]
    .map(|name| (name, report.case(name).verdict.as_str()));
    assert_eq!(
        verdicts,
        [
            ("breaks", "skipped"),
            ("works", "failure"),
            ("lost", "error"),
            ("twice", "failure"),
            ("lost twice", "error"),
            ("elsewhere", "skipped"),
            ("other platform", "skipped"),
            ("gone", "failure"),
            ("gone as expected", "passed"),
            ("hanging", "skipped"),
        ]
    );
    insta::assert_snapshot!("known_failures_and_retries", ended.stable());
}

#[test]
fn what_derives_from_an_image_that_is_built_is_tested_too() {
    let spec = |image: &str| format!("image: {image}\nchecks: [{{run: 'true', exit: 0}}]\n");
    let project = Project::new(&[
        (
            "seatrial.yaml",
            "images:\n  leaf: {dockerfile: Dockerfile, args: {BASE: '${{ image.middle }}'}}\n  \
             middle: {dockerfile: Dockerfile, args: {BASE: '${{ image.base }}'}}\n  \
             base: {dockerfile: Dockerfile}\n  other: {dockerfile: Dockerfile}\n",
        ),
        ("Dockerfile", "ARG BASE\nFROM $BASE\n"),
        ("test-specs/leaf.yaml", &spec("leaf")),
        ("test-specs/middle.yaml", &spec("middle")),
        ("test-specs/base.yaml", &spec("base")),
        ("test-specs/other.yaml", &spec("other")),
    ]);
    let table: [(&[&str], &[&str]); 5] = [
        (&["base"], &["base"]),
        (&["base", "--build"], &["base", "leaf", "middle"]),
        (&["middle", "--build"], &["leaf", "middle"]),
        (&["base", "--build", "--no-derived"], &["base"]),
        (&["base::true", "--exact", "--build"], &["base"]),
    ];
    for (args, expected) in table {
        let ended = project.test(&[args, &["--list"]].concat());
        ended.expect(0);
        let names = ended
            .stdout
            .lines()
            .filter_map(|line| line.split_once("::"));
        let mut names: Vec<&str> = names.map(|(image, _)| image).collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{args:?}");
    }
}
