//! Every key of the spec language: a spec that passes, one that fails and one that is malformed,
//! on a real engine. The tables are the pages in tests/keys/; what people see of them is kept as
//! snapshots.
//!
//! A section `## KEY` has fenced blocks `yaml passes`, `yaml fails` and `yaml malformed`, each a list
//! of checks, or a whole spec when it begins with an `image`. A section may say `Never fails: WHY.`
//! in place of a block that fails.

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::Project;

const IMAGE: &str = "debian:bookworm-slim";

/// One key of a page.
#[derive(Debug, Default)]
struct Section {
    key: String,
    passes: Option<String>,
    fails: Option<String>,
    malformed: Option<String>,
    never_fails: bool,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys")
}

fn pages() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".md").map(ToOwned::to_owned))
        .collect();
    names.sort();
    names
}

fn sections(page: &str) -> Vec<Section> {
    let text = std::fs::read_to_string(folder().join(format!("{page}.md"))).unwrap();
    let mut sections: Vec<Section> = Vec::new();
    let mut block: Option<(&str, String)> = None;
    for line in text.lines() {
        if let Some((kind, text)) = &mut block {
            if line != "```" {
                text.push_str(line);
                text.push('\n');
                continue;
            }
            let section = sections.last_mut().expect("a block belongs to a key");
            let place = match *kind {
                "passes" => &mut section.passes,
                "fails" => &mut section.fails,
                "malformed" => &mut section.malformed,
                other => panic!("{page}: what is `{other}`?"),
            };
            assert!(
                place.is_none(),
                "{page}: {} has two blocks of a kind",
                section.key
            );
            *place = Some(std::mem::take(text));
            block = None;
        } else if let Some(key) = line.strip_prefix("## ") {
            sections.push(Section {
                key: key.to_owned(),
                ..Section::default()
            });
        } else if let Some(kind) = line.strip_prefix("```yaml ") {
            block = Some((kind, String::new()));
        } else if line.starts_with("Never fails: ") {
            sections.last_mut().expect("a key").never_fails = true;
        }
    }
    assert!(block.is_none(), "{page}: a block is never closed");
    for section in &sections {
        let key = &section.key;
        assert!(section.passes.is_some(), "{page}: {key} never passes");
        assert!(
            section.malformed.is_some(),
            "{page}: {key} is never malformed"
        );
        assert!(
            section.fails.is_some() != section.never_fails,
            "{page}: {key} needs a block that fails, or the reason why it can't"
        );
    }
    sections
}

/// A project with a spec for each section that has one of this kind.
fn project(page: &str, block: impl Fn(&Section) -> &Option<String>) -> (Project, Vec<String>) {
    let project = Project::new(&[]);
    let fixtures = folder().join("fixtures");
    for entry in std::fs::read_dir(fixtures).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        project.write(&format!("fixtures/{name}"), &std::fs::read(&path).unwrap());
    }
    let mut files = Vec::new();
    for section in sections(page) {
        let Some(text) = block(&section) else {
            continue;
        };
        let spec = if text.starts_with("image") || text.starts_with("include") {
            text.clone()
        } else {
            format!("image: {IMAGE}\nchecks:\n{text}")
        };
        let file = format!("test-specs/{}.yaml", section.key);
        project.write(&file, spec.as_bytes());
        files.push(file);
    }
    (project, files)
}

/// What is told of the failures, without the lines that come as checks end.
fn told(stdout: &str) -> String {
    let start = stdout.find("\n\n").map_or(0, |header| header + 2);
    let rest = &stdout[start..];
    let failures = rest
        .find("\n\n")
        .map_or(rest, |progress| &rest[progress + 2..]);
    failures.to_owned()
}

fn hold(page: &str) {
    let (passing, files) = project(page, |section| &section.passes);
    let ended = passing.test(&["--junit", "junit.xml"]);
    ended.expect(0);
    let report = passing.junit();
    assert!(report.agrees().cases.len() >= files.len());

    let (failing, files) = project(page, |section| &section.fails);
    if !files.is_empty() {
        let ended = failing.test(&["--junit", "junit.xml", "--quiet", "--test-threads", "2"]);
        ended.expect(1);
        let report = failing.junit();
        for case in &report.agrees().cases {
            assert_eq!(case.verdict, "failure", "{case:?}");
        }
        insta::assert_snapshot!(format!("{page}_fails"), told(&ended.stable()));
    }

    let (malformed, files) = project(page, |section| &section.malformed);
    let ended = malformed.test(&[]);
    ended.expect(78);
    for file in files {
        assert!(
            ended.stderr.contains(&format!("--> {file}:")),
            "nothing is wrong with {file}:\n{}",
            ended.stderr
        );
    }
    insta::assert_snapshot!(format!("{page}_malformed"), ended.stderr);
}

macro_rules! pages {
    ($($page:ident),* $(,)?) => {
        $(#[test] fn $page() { hold(stringify!($page)); })*

        #[test]
        fn every_page_is_run() {
            assert_eq!(pages(), [$(stringify!($page)),*]);
        }
    };
}

pages![run];

/// All keys of the schema, `PART.KEY`.
fn keys() -> BTreeSet<String> {
    fn collect(part: &str, schema: &Value, found: &mut BTreeSet<String>) {
        match schema {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match (name.as_str(), value) {
                        ("properties", Value::Object(properties)) => {
                            for (key, value) in properties {
                                found.insert(format!("{part}.{key}"));
                                collect(part, value, found);
                            }
                        }
                        ("$defs" | "examples", _) => {}
                        _ => collect(part, value, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| collect(part, item, found)),
            _ => {}
        }
    }
    let output = assert_cmd::Command::cargo_bin("seatrial")
        .unwrap()
        .arg("schema")
        .output()
        .unwrap();
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let of_any: BTreeSet<String> = [
        "name", "each", "tags", "skip", "only", "retries", "xfail", "timeout",
    ]
    .map(str::to_owned)
    .into();
    let settings = &names(&schema["properties"]["defaults"]["properties"]) - &of_any;
    let kinds: BTreeSet<&str> = schema["properties"]["checks"]["items"]["anyOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| kind["$ref"].as_str().unwrap().rsplit('/').next().unwrap())
        .collect();
    let mut found = BTreeSet::new();
    for key in names(&schema["properties"]) {
        found.insert(format!("spec.{key}"));
    }
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        let mut own = BTreeSet::new();
        collect(name, definition, &mut own);
        for path in own {
            let key = path.rsplit('.').next().unwrap();
            let is_kind = kinds.contains(name.as_str());
            found.insert(match name.as_str() {
                _ if is_kind && of_any.contains(key) => format!("check.{key}"),
                _ if is_kind && settings.contains(key) => format!("settings.{key}"),
                // The same type, in a check of one file and in the map of several.
                "FileExpectation" => format!("file.{key}"),
                _ => path,
            });
        }
    }
    found
}

#[test]
fn every_key_of_the_schema_has_a_section() {
    let mut covered = BTreeSet::new();
    for page in pages() {
        for section in sections(&page) {
            assert!(
                covered.insert(section.key.clone()),
                "{} stands twice",
                section.key
            );
        }
    }
    let keys = keys();
    let missing: Vec<_> = keys.difference(&covered).collect();
    let unknown: Vec<_> = covered.difference(&keys).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "missing: {missing:#?}\nunknown: {unknown:#?}"
    );
}
