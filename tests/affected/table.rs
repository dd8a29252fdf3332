//! A change of the family, and what it concerns.

use std::fs;

use crate::repository::{affected, commit, family, git, list};
use crate::support::Project;

type Row = (&'static str, fn(&Project), &'static [&'static str]);

fn touch(path: &'static str) -> impl Fn(&Project) {
    move |repository| repository.write(path, b"changed\n")
}

fn append(repository: &Project, path: &str, text: &str) {
    let old = fs::read_to_string(repository.path(path)).unwrap();
    repository.write(path, format!("{old}{text}").as_bytes());
}

fn replace(repository: &Project, path: &str, from: &str, to: &str) {
    let old = fs::read_to_string(repository.path(path)).unwrap();
    assert!(old.contains(from), "{old}");
    repository.write(path, old.replacen(from, to, 1).as_bytes());
}

/// Everything that derives from sv-base, and itself.
const SV_BASE: [&str; 6] = [
    "build sv-base",
    "build cnmops",
    "build sv-pipeline",
    "build denovo",
    "build melt",
    "build sv-shell",
];

const TABLE: &[Row] = &[
    ("nothing", |_| {}, &[]),
    ("a file of nobody", |it| touch("wdl/Main.wdl")(it), &[]),
    ("a new file of nobody", |it| touch("docs/new.md")(it), &[]),
    (
        "a leaf",
        |it| touch("dockerfiles/wham/whamg")(it),
        &["build wham"],
    ),
    (
        "a new file of a leaf",
        |it| touch("src/stripy/a/b/c.py")(it),
        &["build stripy"],
    ),
    (
        "what two images copy",
        |it| touch("src/str/deep/run.py")(it),
        &["build expansion-hunter", "build str"],
    ),
    (
        "a Dockerfile in the middle",
        |it| append(it, "dockerfiles/sv-base/Dockerfile", "RUN x\n"),
        &SV_BASE,
    ),
    (
        "an environment",
        |it| {
            append(
                it,
                "dockerfiles/sv-pipeline-virtual-env/Dockerfile",
                "RUN x\n",
            );
        },
        &[
            "build sv-pipeline-virtual-env",
            "build sv-pipeline",
            "build denovo",
            "build sv-shell",
        ],
    ),
    (
        "a glob of files, not of others beside them",
        |it| {
            touch("src/denovo/other.R")(it);
            touch("src/denovo/other.py")(it);
            touch("src/denovo/deep/other.R")(it);
        },
        &["build denovo"],
    ),
    (
        "a removed file",
        |it| {
            touch("src/vapor/two.py")(it);
            fs::remove_file(it.path("src/vapor/deep/run.py")).unwrap();
        },
        &["build vapor"],
    ),
    (
        "a renamed file belongs to both",
        |it| {
            fs::rename(
                it.path("src/sv_utils/deep/run.py"),
                it.path("src/WGD/moved.py"),
            )
            .unwrap();
            touch("src/sv_utils/x")(it);
        },
        &["build cnmops", "build sv-utils"],
    ),
    (
        "an ignore file counts for all that are built there",
        |it| append(it, ".dockerignore", "x\n"),
        ALL,
    ),
    (
        "an ignore file of one Dockerfile",
        |it| touch("dockerfiles/manta/Dockerfile.dockerignore")(it),
        &["build manta"],
    ),
    (
        "an odd name",
        |it| touch("dockerfiles/wham/ü \"x\"\n\t.txt")(it),
        &["build wham"],
    ),
    // The project file.
    (
        "an entry",
        |it| replace(it, "seatrial.yaml", "context: .", "context: ./src/.."),
        &["build cnmops"],
    ),
    (
        "a new entry",
        |it| {
            append(
                it,
                "seatrial.yaml",
                "  new: {dockerfile: dockerfiles/wham/Dockerfile}\n",
            );
        },
        &["build new"],
    ),
    (
        "a comment",
        |it| append(it, "seatrial.yaml", "# Nothing.\n"),
        &[],
    ),
    (
        "all of it",
        |it| {
            replace(
                it,
                "seatrial.yaml",
                "images:",
                "specs: ./test-specs\nimages:",
            );
        },
        ALL,
    ),
    // Specs, and what they use.
    (
        "a spec, and who takes its checks over",
        |it| append(it, "test-specs/sv-base-mini.yaml", "# x\n"),
        &["test sv-base-mini", "test sv-base"],
    ),
    (
        "an included file",
        |it| append(it, "shared/tools.yaml", "# x\n"),
        &["test sv-base"],
    ),
    (
        "a mount",
        |it| touch("fixtures/x.txt")(it),
        &["test sv-base"],
    ),
    (
        "a golden file",
        |it| touch("fixtures/golden.txt")(it),
        &["test sv-base"],
    ),
    (
        "a file in a mounted folder",
        |it| touch("fixtures/folder/deep/new.txt")(it),
        &["test wham"],
    ),
    (
        "an input of a check that waits for the image",
        |it| touch("fixtures/in.txt")(it),
        &["test wham"],
    ),
    (
        "a spec of several images",
        |it| append(it, "test-specs/other.yaml", "# x\n"),
        &["test stripy", "test debian:bookworm-slim"],
    ),
    (
        "a new spec",
        |it| {
            it.write(
                "test-specs/new.yaml",
                b"image: vapor\ninherit: sv-base-mini\n",
            );
        },
        &["test vapor"],
    ),
    (
        "a removed spec, of an image with another",
        |it| {
            it.write(
                "test-specs/deep/stripy.yaml",
                b"image: stripy\nchecks: [{run: other}]\n",
            );
            fs::remove_file(it.path("test-specs/manta.yaml")).unwrap();
        },
        &["test stripy"],
    ),
    (
        "building goes before testing",
        |it| {
            touch("src/sv-shell/new.py")(it);
            touch("src/scramble/new.py")(it);
            touch("fixtures/x.txt")(it);
            append(it, "test-specs/manta.yaml", "# x\n");
            touch("dockerfiles/manta/demo.sh")(it);
        },
        &[
            "build manta",
            "build scramble",
            "test sv-base",
            "build sv-shell",
        ],
    ),
];

const ALL: &[&str] = &[
    "build samtools-cloud-virtual-env",
    "build sv-base-mini",
    "build samtools-cloud",
    "build sv-base-virtual-env",
    "build sv-base",
    "build cnmops-virtual-env",
    "build cnmops",
    "build sv-pipeline-virtual-env",
    "build sv-pipeline",
    "build denovo",
    "build expansion-hunter",
    "build manta",
    "build melt",
    "build scramble",
    "build str",
    "build stripy",
    "build sv-shell",
    "build sv-utils-env",
    "build sv-utils",
    "build vapor",
    "build wham",
];

/// Whatever the order of the images.
fn sorted(list: &[impl AsRef<str>]) -> Vec<&str> {
    let mut list: Vec<&str> = list.iter().map(AsRef::as_ref).collect();
    list.sort_unstable();
    list
}

#[test]
fn changes_concern_what_they_should() {
    let repository = family();
    git(&repository, &["branch", "start"]);
    for (what, change, expected) in TABLE {
        change(&repository);
        // As it is here, not even added …
        let here = list(&repository, "start");
        assert_eq!(sorted(&here), sorted(expected), "{what}, here");
        // … and committed, whatever happened on the branch meanwhile.
        git(&repository, &["checkout", "--quiet", "-B", "work"]);
        commit(&repository);
        let committed = list(&repository, "start..work");
        assert_eq!(committed, here, "{what}, committed");
        git(&repository, &["checkout", "--quiet", "--force", "start"]);
        git(&repository, &["clean", "-dfxq"]);
    }
}

#[test]
fn only_what_happened_on_this_side_counts() {
    let repository = family();
    git(&repository, &["checkout", "--quiet", "-b", "work"]);
    touch("src/stripy/new.py")(&repository);
    commit(&repository);
    git(&repository, &["checkout", "--quiet", "main"]);
    touch("src/vapor/new.py")(&repository);
    commit(&repository);
    git(&repository, &["checkout", "--quiet", "work"]);
    for range in ["main..work", "main...work", "main..", "main..HEAD"] {
        assert_eq!(list(&repository, range), ["build stripy"], "{range}");
    }
    assert_eq!(list(&repository, "main"), ["build stripy"]);
    assert_eq!(list(&repository, "work..main"), ["build vapor"]);
    // What is asked about is not what is here, and that is said.
    affected(&repository, &["--changed", "work..main"])
        .expect(0)
        .says(&["note: `main`", "is not what is checked out here"]);
    // What is not committed does not count between commits.
    touch("src/WGD/new.py")(&repository);
    assert_eq!(list(&repository, "main..HEAD"), ["build stripy"]);
    assert_eq!(list(&repository, "main"), ["build cnmops", "build stripy"]);
    // What is added to the index counts as it is in the folder.
    git(&repository, &["add", "--all"]);
    assert_eq!(list(&repository, "HEAD"), ["build cnmops"]);
    let now = affected(&repository, &["--json"]);
    assert!(
        now.expect(0).stdout.contains("\"cnmops\""),
        "{}",
        now.stdout
    );
}

#[test]
fn the_way_to_the_change_is_told() {
    let repository = family();
    append(&repository, "dockerfiles/sv-base/Dockerfile", "RUN x\n");
    touch("src/svtk/new.py")(&repository);
    touch("src/svtk/other.py")(&repository);
    append(&repository, "test-specs/sv-base-mini.yaml", "# x\n");
    let told = affected(&repository, &[]);
    insta::assert_snapshot!(told.expect(0).stdout);
    let nothing = affected(&repository, &["--changed", "HEAD..HEAD"]);
    assert_eq!(
        nothing.expect(0).stdout,
        "no image is affected by HEAD..HEAD (nothing changed)\n"
    );
    assert_eq!(
        affected(&repository, &["--changed", "HEAD..HEAD", "--json"]).stdout,
        "[]\n"
    );
}

#[test]
fn a_project_file_that_was_none_concerns_all() {
    let repository = family();
    let text = fs::read(repository.path("seatrial.yaml")).unwrap();
    for (old, why) in [
        (None, "seatrial.yaml: it is new"),
        (
            Some("images: ["),
            "seatrial.yaml: what it said before can't be read",
        ),
    ] {
        match old {
            None => fs::remove_file(repository.path("seatrial.yaml")).unwrap(),
            Some(old) => repository.write("seatrial.yaml", old.as_bytes()),
        }
        commit(&repository);
        repository.write("seatrial.yaml", &text);
        assert_eq!(list(&repository, "HEAD").len(), 21);
        affected(&repository, &[]).expect(0).says(&[
            &format!("note: all images count as affected by {why}"),
            &format!("build  wham ← {why}"),
        ]);
    }
}
