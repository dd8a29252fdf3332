//! `seatrial import dockerfiles`: what it writes can be read, and says what was in the Dockerfiles.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use seatrial::project::Project as Catalogue;
use support::family::{FAMILY, files};
use support::{Ended, Project};

fn import(project: &Project, args: &[&str]) -> Ended {
    Ended::of(&mut project.seatrial(&[&["import", "dockerfiles"], args].concat()))
}

fn family() -> Project {
    let project = Project::new(&[]);
    for (path, text) in files() {
        project.write(&path, text.as_bytes());
    }
    project
}

#[test]
fn a_family_becomes_a_catalogue_with_the_same_graph() {
    let project = family();
    // Whatever git keeps is none of it.
    project.write(".git/Dockerfile", b"FROM x\n");
    let ended = import(&project, &[]);
    ended.expect(0);
    assert!(
        ended
            .stdout
            .starts_with("wrote seatrial.yaml with 21 images; "),
        "{}",
        ended.stdout
    );
    let file = project.path("seatrial.yaml");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o600, 0o600);
    let catalogue = Catalogue::load(&file).unwrap();
    assert_eq!(catalogue.images.len(), FAMILY.len());
    let set = |names: &mut dyn Iterator<Item = String>| names.collect::<BTreeSet<_>>();
    for member in &FAMILY {
        let image = catalogue.image(member.name).unwrap();
        let parents = set(&mut image
            .parents
            .iter()
            .map(|at| catalogue.images[*at].name.value.clone()));
        let bases = set(&mut member.bases.iter().map(|(_, base)| (*base).to_owned()));
        assert_eq!(parents, bases, "{}", member.name);
        let args = set(&mut image.args.iter().map(|(name, _)| name.clone()));
        let named = set(&mut member.bases.iter().map(|(arg, _)| (*arg).to_owned()));
        assert_eq!(args, named, "{}", member.name);
        // From the top, if anything is copied from there.
        let own = project.path(&format!("dockerfiles/{}", member.name));
        let root = catalogue.root.clone();
        let context = if member.copies.is_empty() { own } else { root };
        assert_eq!(image.context, context, "{}", member.name);
        // Each file that it copies is one of those that it depends on.
        let dockerfile = format!("dockerfiles/{}/Dockerfile", member.name);
        for path in [dockerfile.as_str()].iter().chain(member.copies) {
            let path = path.replace("*.R", "run.R");
            let path = if project.path(&path).is_dir() {
                format!("{path}/deep/run.py")
            } else {
                path
            };
            assert!(
                image.files.is_match(Path::new(&path)),
                "{}: {path}",
                member.name
            );
        }
        assert!(
            !image.files.is_match(Path::new("wdl/Main.wdl")),
            "{}",
            member.name
        );
    }
    insta::assert_snapshot!("family", fs::read_to_string(&file).unwrap());
}

#[test]
fn what_can_not_be_told_is_said() {
    let project = Project::new(&[
        ("Dockerfile", "FROM debian\nCOPY . /app\n"),
        (
            "images/base/Dockerfile",
            "ARG IMAGE\nFROM ${IMAGE}\nCOPY --chown=1 run.sh /\nADD https://x/y /y\n",
        ),
        ("images/base/run.sh", "x"),
        (
            "images/tool/Dockerfile",
            "ARG BASE_IMAGE VERSION=1\nFROM ${BASE_IMAGE}\nCOPY [\"a [b].txt\", \"made/later\", \"/x/\"]\n",
        ),
        ("images/tool/a [b].txt", "x"),
        (
            "images/tool/tool.Dockerfile",
            "FROM base:latest\nCOPY images/tool/*.txt $HOME/x /y/\n",
        ),
        (
            "images/other/base/Dockerfile",
            "FROM debian:12 as base\nFROM base\nCOPY <<EOF /x\nEOF\n",
        ),
        (
            "images/round/one/Dockerfile",
            "ARG TWO_IMAGE=two\nFROM $TWO_IMAGE\n",
        ),
        (
            "images/round/two/Dockerfile",
            "ARG ONE_IMAGE=one\nFROM $ONE_IMAGE\n",
        ),
        ("images/wrong/Dockerfile.j2", "FROM x\n{% if y %}\n"),
        ("images/empty/Dockerfile", ""),
        ("images/hidden/.cache/Dockerfile", "FROM x\n"),
    ]);
    let ended = import(&project, &["-o", "-"]);
    ended.expect(0);
    assert_eq!(ended.stderr, "");
    assert!(!project.path("seatrial.yaml").exists());
    let top = project.root().file_name().unwrap().to_str().unwrap();
    let top: String = top.trim_start_matches('.').to_lowercase();
    insta::assert_snapshot!("what_can_not_be_told", ended.stdout.replace(&top, "TOP"));
    // What is printed can be read.
    project.write("seatrial.yaml", ended.stdout.as_bytes());
    let catalogue = Catalogue::load(&project.path("seatrial.yaml")).unwrap();
    assert_eq!(catalogue.images.len(), 7);
}

#[test]
fn only_the_folder_that_is_named_is_read() {
    let project = family();
    let ended = import(
        &project,
        &["dockerfiles/wham", "--output", "dockerfiles/new.yaml"],
    );
    ended
        .expect(0)
        .says(&["wrote dockerfiles/new.yaml with 1 image"]);
    let text = fs::read_to_string(project.path("dockerfiles/new.yaml")).unwrap();
    // The folder of the file is the top.
    assert!(
        text.contains("\n    dockerfile: wham/Dockerfile\n"),
        "{text}"
    );
}

#[test]
fn nothing_is_written_over() {
    let project = family();
    project.write("seatrial.yaml", b"mine");
    import(&project, &[])
        .expect(2)
        .says(&["seatrial.yaml is there already and is not written over"]);
    std::os::unix::fs::symlink("nowhere", project.path("link.yaml")).unwrap();
    import(&project, &["--output", "link.yaml"]).expect(2);
    assert_eq!(fs::read(project.path("seatrial.yaml")).unwrap(), b"mine");
    assert!(!project.path("nowhere").exists());
    for (args, code, said) in [
        (
            ["wdl", "-o", "new.yaml"],
            2,
            "there is no Dockerfile below wdl",
        ),
        (["nowhere", "-o", "new.yaml"], 2, "can't read nowhere"),
        (
            ["dockerfiles", "-o", "src/new.yaml"],
            2,
            "the folder of the project file",
        ),
        (
            ["dockerfiles", "-o", "nowhere/new.yaml"],
            2,
            "can't read nowhere",
        ),
    ] {
        import(&project, &args).expect(code).says(&[said]);
    }
    let left = fs::read_dir(project.root()).unwrap().count();
    assert_eq!(left, 7, "something was left behind");
}
