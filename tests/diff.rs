//! `seatrial diff`, on images of a real engine.

mod support;

use serde_json::Value;
use support::images::{Archive, Made};
use support::{Ended, Project};

const STATUS: &str = "Package: samtools\nStatus: install ok installed\nVersion: 1.16\n\n\
                      Package: old-tool\nStatus: install ok installed\nVersion: 3\n\n\
                      Package: same\nStatus: install ok installed\nVersion: 1\n";
const SITE: &str = "usr/lib/python3/dist-packages";

fn metadata(archive: &mut Archive, name: &str, version: &str) {
    let path = format!("{SITE}/{name}-{version}.dist-info/METADATA");
    let text = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
    archive.file(&path, 0o644, (0, 0), text.as_bytes());
}

/// An image of files, and one with a configuration on top of it.
struct Image {
    _files: Made,
    made: Made,
}

impl Image {
    fn new(name: &str, files: Archive, config: &str) -> Self {
        let files = Made::import(&format!("{name}-files"), &files.finish());
        let made = Made::build(name, &format!("FROM {}\n{config}", files.0));
        Self {
            _files: files,
            made,
        }
    }

    /// `name` is that of the test: they run at once.
    fn old(name: &str) -> Self {
        let mut files = Archive::new();
        files.file("var/lib/dpkg/status", 0o644, (0, 0), STATUS.as_bytes());
        metadata(&mut files, "numpy", "1.24.0");
        files.file("etc/same", 0o644, (0, 0), b"same");
        files.file("etc/mode", 0o644, (0, 0), b"mode");
        files.file("etc/owner", 0o644, (0, 0), b"owner");
        files.file("etc/alike", 0o644, (0, 0), b"abc");
        files.file("etc/gone", 0o644, (0, 0), b"gone");
        files.link(tar::EntryType::Symlink, "etc/link", "same");
        let config = "ENV PATH=/usr/bin GONE=1\nLABEL version=1\nCMD [\"old\"]\n";
        Self::new(&format!("diff-old-{name}"), files, config)
    }

    fn new_one(name: &str) -> Self {
        let status = STATUS
            .replace("1.16", "1.17")
            .replace("old-tool", "new-tool");
        let mut files = Archive::new();
        files.file("var/lib/dpkg/status", 0o644, (0, 0), status.as_bytes());
        metadata(&mut files, "numpy", "1.26.1");
        files.file("etc/same", 0o644, (0, 0), b"same");
        files.file("etc/mode", 0o4755, (0, 0), b"mode");
        files.file("etc/owner", 0o644, (7, 8), b"owner");
        files.file("etc/alike", 0o644, (0, 0), b"abd");
        files.file("opt/tool/bin/tool", 0o755, (0, 0), &[7; 2_000_000]);
        files.file(
            "opt/tool/::error \u{1b}[2Jx\u{202e}",
            0o644,
            (0, 0),
            b"evil",
        );
        files.link(tar::EntryType::Symlink, "etc/link", "alike");
        let config = "ENV PATH=/opt/tool/bin:/usr/bin\nLABEL version=2\nCMD [\"new\", \"-x\"]\n\
                      EXPOSE 80\nUSER 1000\nHEALTHCHECK --interval=5s CMD [\"true\"]\n";
        Self::new(&format!("diff-new-{name}"), files, config)
    }
}

fn diff(project: &Project, args: &[&str]) -> Ended {
    Ended::of(project.seatrial(&["diff"]).args(args))
}

/// What does not differ from run to run.
fn stable(text: &str, old: &Image, new: &Image) -> String {
    let text = text.replace(&old.made.0, "OLD").replace(&new.made.0, "NEW");
    let ids = regex::Regex::new("sha256:[0-9a-f]{64}").unwrap();
    ids.replace_all(&text, "ID").into_owned()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn what_differs_is_told_alike_on_every_engine() {
    let (old, new) = (Image::old("told"), Image::new_one("told"));
    let project = Project::new(&[]);
    let mut told = Vec::new();
    for engine in ["docker", "embedded"] {
        let both = ["--engine", engine, &old.made.0, &new.made.0];
        let text = diff(&project, &both);
        text.expect(1);
        let all = diff(&project, &[&both[..], &["--files"]].concat());
        let json = diff(&project, &[&both[..], &["--json"]].concat());
        json.expect(1);
        assert!(!json.stdout.chars().any(|c| c.is_control() && c != '\n'));
        let shown = [&text.stdout, &all.stdout, &json.stdout];
        told.push(shown.map(|text| stable(text, &old, &new)));
        let schema = parsed(&Ended::of(&mut project.seatrial(&["schema", "diff"])).stdout);
        jsonschema::validate(&schema, &parsed(&json.stdout)).unwrap();
    }
    assert_eq!(told[0], told[1]);
    let [text, all, json] = &told[0];
    insta::assert_snapshot!("diff_text", text);
    insta::assert_snapshot!("diff_all_files", all);
    insta::assert_snapshot!("diff_json", json);

    let mirror = diff(
        &project,
        &["--engine", "embedded", "--json", &new.made.0, &old.made.0],
    );
    let (there, back) = (parsed(json), parsed(&stable(&mirror.stdout, &old, &new)));
    for list in ["packages", "config", "files"] {
        let mut there = there[list].as_array().unwrap().clone();
        for change in &mut there {
            let old = change["old"].take();
            change["old"] = change["new"].take();
            change["new"] = old;
            let become_of = match change["change"].as_str() {
                Some("added") => Some("removed"),
                Some("removed") => Some("added"),
                _ => None,
            };
            if let Some(word) = become_of {
                change["change"] = word.into();
            }
        }
        assert_eq!(Value::from(there), back[list], "{list}");
    }
}

#[test]
fn an_image_does_not_differ_from_itself() {
    let old = Image::old("itself");
    let project = Project::new(&[]);
    let same = diff(&project, &[&old.made.0, &old.made.0]);
    same.expect(0).says(&["nothing differs"]);
    // Another image with the same in it: other times are no difference.
    let again = Made::build(
        "diff-again",
        &format!("FROM {}\nENV X=1\nENV X=\n", old.made.0),
    );
    let found = diff(&project, &["--json", &old.made.0, &again.0]);
    found.expect(1);
    let found = parsed(&found.stdout);
    assert_eq!(found["files"], Value::Array(Vec::new()));
    assert_eq!(found["packages"], Value::Array(Vec::new()));
    assert_eq!(found["config"][0]["field"], "env.X");
}

#[test]
fn what_upper_layers_hide_is_gone_and_times_are_no_difference() {
    let base = "debian:bookworm-slim";
    let made = Made::build(
        "diff-hides",
        "FROM debian:bookworm-slim\nRUN rm /etc/issue && touch /etc/profile && \
         rm -r /etc/apt && mkdir /etc/apt && echo x > /etc/apt/new\n",
    );
    let project = Project::new(&[]);
    for engine in ["docker", "embedded", "auto"] {
        let found = diff(&project, &["--engine", engine, "--json", base, &made.0]);
        found.expect(1);
        let found = parsed(&found.stdout);
        let files = found["files"].as_array().unwrap().iter();
        let told = files.map(|it| {
            let word = it["change"].as_str().unwrap();
            format!("{word} {}", it["path"].as_str().unwrap())
        });
        let told: Vec<String> = told
            .filter(|it| !it.starts_with("removed /etc/apt/"))
            .collect();
        assert_eq!(
            told,
            ["added /etc/apt/new", "removed /etc/issue"],
            "{engine}"
        );
    }
}

#[test]
fn names_of_the_project_are_understood_and_what_is_not_there_is_an_error() {
    let old = Image::old("names");
    let file = format!(
        "images:\n  one:\n    dockerfile: Dockerfile\n    reference: {}\n",
        old.made.0
    );
    let project = Project::new(&[("seatrial.yaml", &file), ("Dockerfile", "FROM scratch\n")]);
    diff(&project, &["one", &old.made.0]).expect(0);
    let lost = diff(&project, &["one", "seatrial-test-not-there:1"]);
    lost.expect(3)
        .says(&["no image `seatrial-test-not-there:1`"]);
    diff(&project, &["one"]).expect(2);
}
