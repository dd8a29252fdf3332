//! Where git can't tell, and what `test` and `build` do with what it tells.

use std::fs;

use serde_json::json;

use crate::repository::{affected, commit, family, git, git_in, init, list};
use crate::support::scripted::SCRIPT;
use crate::support::{Ended, Project};

#[test]
fn what_git_can_not_tell_is_an_error() {
    let repository = family();
    git(&repository, &["checkout", "--quiet", "--orphan", "alone"]);
    commit(&repository);
    for (args, code, said) in [
        (
            ["--changed", "nowhere"],
            2,
            "error: git knows no commit `nowhere`, or it has not been fetched",
        ),
        (
            ["--changed", "main..nowhere"],
            2,
            "git knows no commit `nowhere`",
        ),
        (
            ["--changed", "main..HEAD"],
            2,
            "error: `main` and `HEAD` have no commit in common",
        ),
        (
            ["--changed", "main"],
            2,
            "error: `main` and `HEAD` have no commit in common",
        ),
        (
            ["--changed", "..HEAD"],
            2,
            "`..HEAD` is neither BASE..HEAD nor BASE",
        ),
        (
            ["--changed=--output=x", "--json"],
            2,
            "`--output=x` is neither BASE..HEAD nor BASE",
        ),
        (
            ["--changed=-x..HEAD", "--json"],
            2,
            "`-x..HEAD` is neither BASE..HEAD nor BASE",
        ),
        (
            [
                "--changed",
                "0000000000000000000000000000000000000000..HEAD",
            ],
            2,
            "that stands for no commit",
        ),
    ] {
        let ended = affected(&repository, &args);
        ended.expect(code).says(&[said]);
        assert_eq!(ended.stdout, "", "{args:?}");
    }
    assert!(!repository.path("x").exists());
}

#[test]
fn a_clone_with_a_part_of_the_history_names_the_way_out() {
    let repository = family();
    let folder = tempfile::tempdir().unwrap();
    git(&repository, &["checkout", "--quiet", "-b", "work"]);
    commit(&repository);
    git(&repository, &["checkout", "--quiet", "main"]);
    commit(&repository);
    let from = format!("file://{}", repository.root().display());
    let to = folder.path().to_str().unwrap();
    let clone = [
        "clone",
        "--quiet",
        "--depth=1",
        "--no-single-branch",
        &from,
        to,
    ];
    git_in(&folder.path().to_owned(), &clone);
    let mut command = repository.seatrial(&["affected", "--changed", "origin/work..HEAD"]);
    let ended = Ended::of(command.current_dir(folder.path()));
    ended
        .expect(2)
        .says(&["have no commit in common", "fetch-depth: 0"]);
    let mut command = repository.seatrial(&["affected", "--changed", "HEAD~1"]);
    let ended = Ended::of(command.current_dir(folder.path()));
    ended
        .expect(2)
        .says(&["git knows no commit `HEAD~1`", "fetch-depth: 0"]);
}

#[test]
fn a_project_without_a_repository_is_an_error() {
    let repository = family();
    fs::remove_dir_all(repository.path(".git")).unwrap();
    affected(&repository, &[])
        .expect(2)
        .says(&["is in no work tree of git", "not a git repository"]);
    // A repository without a commit.
    git(&repository, &["init", "--quiet"]);
    affected(&repository, &[])
        .expect(2)
        .says(&["git knows no commit `HEAD`"]);
    let mut command = repository.seatrial(&["affected"]);
    let ended = Ended::of(command.env("PATH", "/nowhere"));
    ended.expect(3).says(&["the program git is not there"]);
}

#[test]
fn a_project_deep_in_its_repository_and_a_hook_are_understood() {
    let repository = Project::new(&[
        (
            "deep/images/seatrial.yaml",
            "images:\n  a: {dockerfile: a/Dockerfile}\n  b: {dockerfile: b/Dockerfile, context: .., files: [b/**]}\n  c: {dockerfile: c/Dockerfile, context: ../shared}\n",
        ),
        ("deep/images/a/Dockerfile", "FROM x\n"),
        ("deep/images/b/Dockerfile", "FROM x\n"),
        ("deep/images/c/Dockerfile", "FROM x\n"),
        ("deep/shared/x", "x\n"),
        ("a/Dockerfile", "FROM x\n"),
    ]);
    init(&repository);
    let list = |envs: &[(&str, &str)], folder: &str| {
        let mut command = repository.seatrial(&["affected", "--json", "--project"]);
        command.arg(repository.path("deep/images/seatrial.yaml"));
        let ended = Ended::of(
            command
                .current_dir(repository.path(folder))
                .envs(envs.to_vec()),
        );
        ended.expect(0);
        ended.stdout
    };
    // A file outside, with the same name as one inside.
    repository.write("a/Dockerfile", b"FROM y\n");
    assert_eq!(list(&[], "."), "[]\n");
    repository.write("deep/images/a/new", b"x");
    repository.write("deep/shared/x", b"y");
    let both = "[{\"name\":\"a\",\"action\":\"build\",\"because\":\"a ← a/new\"},";
    for (envs, folder) in [
        (&[][..], "deep"),
        (&[("GIT_DIR", ".git")], "."),
        (&[("GIT_DIR", ".git"), ("GIT_WORK_TREE", ".")], "."),
    ] {
        let found = list(envs, folder);
        assert!(
            found.starts_with(both) && found.contains("\"c\"") && !found.contains("\"b\""),
            "{found}"
        );
    }
    // What people set for themselves changes nothing.
    for (key, value) in [
        ("diff.relative", "true"),
        ("diff.external", "false"),
        ("diff.noprefix", "true"),
        ("core.pager", "false"),
        ("status.showUntrackedFiles", "no"),
        ("diff.ignoreSubmodules", "all"),
    ] {
        git(&repository, &["config", key, value]);
    }
    assert!(
        list(
            &[("GIT_EXTERNAL_DIFF", "false"), ("GIT_PAGER", "false")],
            "deep/images"
        )
        .starts_with(both)
    );
}

#[test]
fn a_repository_in_the_repository_counts_as_a_whole() {
    let repository = family();
    let other = Project::new(&[("x", "x\n")]);
    init(&other);
    let from = other.root().to_str().unwrap();
    git(
        &repository,
        &["submodule", "--quiet", "add", from, "src/svtk/sub"],
    );
    assert!(list(&repository, "HEAD").contains(&"build sv-pipeline".to_owned()));
    commit(&repository);
    assert_eq!(list(&repository, "HEAD"), [""; 0]);
    fs::remove_file(repository.path("src/svtk/sub/x")).unwrap();
    assert!(list(&repository, "HEAD").contains(&"build sv-pipeline".to_owned()));
    // One that git does not know yet.
    let inner = repository.path("src/vapor/inner");
    git_in(
        &repository.root().to_owned(),
        &["clone", "--quiet", from, inner.to_str().unwrap()],
    );
    assert!(list(&repository, "HEAD").contains(&"build vapor".to_owned()));
}

#[test]
fn a_context_counts_as_a_whole_but_for_what_is_not_sent() {
    let repository = Project::new(&[
        (
            "seatrial.yaml",
            "images:\n  a: {dockerfile: a/Dockerfile}\n  b: {dockerfile: b/Dockerfile, context: .}\n",
        ),
        ("a/Dockerfile", "FROM x\n"),
        ("b/Dockerfile", "FROM x\n"),
        ("b/Dockerfile.dockerignore", "*\n!src\n"),
        ("src/x", "x\n"),
        ("docs/x", "x\n"),
    ]);
    init(&repository);
    for (path, expected) in [
        ("a/any/file", &["build a"][..]),
        ("docs/x", &[]),
        ("src/deep/x", &["build b"]),
        ("a/.dockerignore", &["build a"]),
        // Not in use, but it may have been.
        (".dockerignore", &["build b"]),
        ("b/Dockerfile.dockerignore", &["build b"]),
    ] {
        repository.write(path, b"changed\n");
        assert_eq!(list(&repository, "HEAD"), expected, "{path}");
        git(&repository, &["checkout", "--quiet", "."]);
        git(&repository, &["clean", "-dfxq"]);
    }
}

/// Images that the fake engine has.
fn scripted() -> Project {
    let repository = Project::new(&[
        ("script.json", SCRIPT),
        (".gitignore", "junit.xml\nr.*\n"),
        (
            "seatrial.yaml",
            "images:\n  base: {dockerfile: base/Dockerfile, reference: 'base:1'}\n\
             \x20 mid: {dockerfile: mid/Dockerfile, reference: 'mid:1', args: {B: '${{ image.base }}'}}\n\
             \x20 other: {dockerfile: other/Dockerfile, reference: 'other:1'}\n",
        ),
        ("base/Dockerfile", "FROM x\n"),
        ("mid/Dockerfile", "ARG B\nFROM $B\n"),
        ("other/Dockerfile", "FROM x\n"),
        (
            "test-specs/base.yaml",
            "image: base\nchecks: [{run: one}]\n",
        ),
        (
            "test-specs/mid.yaml",
            "image: mid\nchecks: [{run: two}, {run: three}]\n",
        ),
    ]);
    init(&repository);
    repository
}

#[test]
fn only_affected_images_are_tested() {
    let repository = scripted();
    let list = |args: &[&str]| {
        let ended = repository.fake(&[&["--list", "--changed", "HEAD"], args].concat());
        let names = ended.expect(0).stdout.lines();
        let names = names.filter_map(|line| line.strip_suffix(": test"));
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    repository.write("mid/x", b"x");
    assert_eq!(list(&[]), ["mid::two", "mid::three"]);
    assert_eq!(list(&["three"]), ["mid::three"]);
    assert_eq!(list(&["--spec", "test-specs/base.yaml"]), [""; 0]);
    let ended = repository.fake(&["--changed", "HEAD", "--junit", "junit.xml"]);
    ended.expect(0);
    assert_eq!(repository.junit().tests, 2);
    // A filter that selects nothing is a mistake all the same.
    repository.fake(&["--changed", "HEAD", "base"]).expect(4);
    repository.write("base/x", b"x");
    assert_eq!(list(&[]), ["base::one", "mid::two", "mid::three"]);
    fs::remove_dir_all(repository.path("mid")).unwrap();
    repository.write("mid/Dockerfile", b"ARG B\nFROM $B\n");
    fs::remove_file(repository.path("base/x")).unwrap();
    // An image that is affected and has no checks was not tested: that is no success.
    repository.write("other/x", b"x");
    repository
        .fake(&["--changed", "HEAD"])
        .expect(4)
        .says(&["no check is selected with --changed HEAD"]);
}

#[test]
fn that_nothing_is_affected_is_a_decision() {
    let repository = scripted();
    repository.write("README.md", b"x");
    let said = "no image is affected by what changed since HEAD (1 file changed)\n";
    let reports = [
        "--changed",
        "HEAD",
        "--junit",
        "junit.xml",
        "--json",
        "r.json",
        "--html",
        "r.html",
        "--tap",
        "r.tap",
        "--markdown",
        "r.md",
        "--json-lines",
        "r.jsonl",
    ];
    let ended = repository.fake(&reports);
    assert_eq!(ended.expect(0).stdout, said);
    // An empty file would vanish in some readers, and be a mistake to others.
    let report = repository.junit();
    assert_eq!(
        (report.agrees().tests, report.count("skipped")),
        (1, 1),
        "{report:?}"
    );
    assert_eq!(format!("{}\n", report.cases[0].message), said);
    let read = |path: &str| fs::read_to_string(repository.path(path)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&read("r.json")).unwrap();
    assert_eq!(
        (&json["checks"], &json["counts"]["errors"]),
        (&json!([]), &json!(0)),
        "{json}"
    );
    let reason = &json["selection"]["unaffected"];
    assert_eq!(format!("{}\n", reason.as_str().unwrap()), said);
    assert_eq!(read("r.tap"), format!("TAP version 14\n1..0 # SKIP {said}"));
    assert!(read("r.html").contains("Nothing had to be tested"));
    assert!(read("r.md").starts_with("## ✅ "), "{}", read("r.md"));
    // The same when it is read again.
    let merged = Ended::of(&mut repository.seatrial(&["merge", "r.json", "--tap", "-"]));
    assert_eq!(merged.expect(0).stdout, read("r.tap"));
    merged.says(&["nothing had to be tested: no image is affected"]);
    let ended = repository.fake(&["--changed", "HEAD", "--junit", "-"]);
    ended.expect(0);
    assert_eq!(ended.stderr, said);
    let ended = repository.fake(&["--changed", "HEAD", "--list"]);
    assert_eq!(
        (ended.expect(0).stdout.as_str(), ended.stderr.as_str()),
        ("", said)
    );
    let ended = Ended::of(&mut repository.seatrial(&["build", "--changed", "HEAD"]));
    assert_eq!(ended.expect(0).stdout, said);
    Ended::of(&mut repository.seatrial(&["build", "--changed", "HEAD", "mid"])).expect(2);
    // Without a project file nobody knows what images are made of.
    fs::remove_file(repository.path("seatrial.yaml")).unwrap();
    repository.write(
        "test-specs/base.yaml",
        b"image: base:1\nchecks: [{run: one}]\n",
    );
    repository.write(
        "test-specs/mid.yaml",
        b"image: mid:1\nchecks: [{run: one}]\n",
    );
    repository
        .fake(&["--changed", "HEAD"])
        .expect(2)
        .says(&["--changed needs a project file"]);
}

#[test]
fn a_spec_with_mistakes_is_no_reason_to_leave_it_out() {
    let repository = scripted();
    repository.write("test-specs/mid.yaml", b"image: mid\nchecks: []\n");
    affected(&repository, &[])
        .expect(78)
        .says(&["a spec without a check proves nothing"]);
    // To build needs no specs.
    repository.write("other/x", b"x");
    let mut command = repository.seatrial(&["build", "--changed", "HEAD"]);
    let ended = Ended::of(command.env("DOCKER_HOST", "unix:///nowhere"));
    ended.expect(3);
}
