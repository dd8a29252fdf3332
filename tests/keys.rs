//! Every key of the spec language: a spec that passes, one that fails and one that is malformed,
//! on a real engine. The tables are the pages in tests/keys/; what people see of them is kept as
//! snapshots.
//!
//! A section `## KEY` has fenced blocks `yaml passes`, `yaml fails` and `yaml malformed`, each a list
//! of checks, or a whole spec when it begins at a key of one. There may be several of a kind. Each
//! check of a malformed block must be refused, by the JSON Schema too unless the page says
//! `Only seatrial tells: WHY.` before the block. A section may say `Never fails: WHY.` in place of a
//! block that fails. A block `yaml file PATH` is a file that all specs of the page find in their
//! project, beside those of `fixtures/`. A page may begin with a block `dockerfile`: its checks run on
//! that image then, and not on the usual one.

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::Value;
use support::Project;
use support::images::Made;

const IMAGE: &str = "debian:bookworm-slim";

/// One key of a page.
#[derive(Debug, Default)]
struct Section {
    key: String,
    passes: Vec<String>,
    fails: Vec<String>,
    malformed: Vec<String>,
    /// Which of the malformed the schema can't refuse.
    only_seatrial: BTreeSet<usize>,
    never_fails: bool,
}

/// A page.
#[derive(Debug, Default)]
struct Page {
    sections: Vec<Section>,
    /// Paths and contents.
    files: Vec<(String, String)>,
    /// Of the image that its checks run on, if it is not [`IMAGE`].
    dockerfile: Option<String>,
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

fn read(page: &str) -> Page {
    let text = std::fs::read_to_string(folder().join(format!("{page}.md"))).unwrap();
    let mut read = Page::default();
    let mut block: Option<(&str, String)> = None;
    let mut only_seatrial = false;
    for line in text.lines() {
        if let Some((kind, text)) = &mut block {
            if line != "```" {
                text.push_str(line);
                text.push('\n');
                continue;
            }
            let text = std::mem::take(text);
            if *kind == "dockerfile" {
                read.dockerfile = Some(text);
                block = None;
                continue;
            }
            let section = read.sections.last_mut().expect("a block belongs to a key");
            match (*kind, kind.strip_prefix("file ")) {
                ("passes", _) => section.passes.push(text),
                ("fails", _) => section.fails.push(text),
                ("malformed", _) => {
                    if std::mem::take(&mut only_seatrial) {
                        section.only_seatrial.insert(section.malformed.len());
                    }
                    section.malformed.push(text);
                }
                (_, Some(path)) => read.files.push((path.to_owned(), text)),
                (other, _) => panic!("{page}: what is `{other}`?"),
            }
            block = None;
        } else if let Some(key) = line.strip_prefix("## ") {
            read.sections.push(Section {
                key: key.to_owned(),
                ..Section::default()
            });
        } else if let Some(kind) = line.strip_prefix("```yaml ") {
            block = Some((kind, String::new()));
        } else if line == "```dockerfile" {
            block = Some(("dockerfile", String::new()));
        } else if line.starts_with("Never fails: ") {
            read.sections.last_mut().expect("a key").never_fails = true;
        } else if line.starts_with("Only seatrial tells: ") {
            only_seatrial = true;
        }
    }
    assert!(block.is_none(), "{page}: a block is never closed");
    for section in &read.sections {
        let key = &section.key;
        assert!(!section.passes.is_empty(), "{page}: {key} never passes");
        assert!(
            !section.malformed.is_empty(),
            "{page}: {key} is never malformed"
        );
        assert!(
            section.fails.is_empty() == section.never_fails,
            "{page}: {key} needs a block that fails, or the reason why it can't"
        );
    }
    read
}

/// A block as the spec that it stands for.
fn spec_of(text: &str, image: &str) -> String {
    if text.starts_with("- ") || text.starts_with('#') {
        format!("image: {image}\nchecks:\n{text}")
    } else {
        text.to_owned()
    }
}

/// The lines at which the entries of a block's `checks` begin, of a list; of a whole spec all of it.
fn entries(spec: &str) -> Vec<std::ops::Range<usize>> {
    let lines = spec.lines().count() + 1;
    let starts: Vec<usize> = (1..)
        .zip(spec.lines())
        .filter(|(_, line)| line.starts_with("- "))
        .map(|(number, _)| number)
        .collect();
    if starts.is_empty() {
        return std::iter::once(1..lines).collect();
    }
    let ends = starts.iter().skip(1).chain([&lines]);
    starts
        .iter()
        .zip(ends)
        .map(|(from, to)| *from..*to)
        .collect()
}

/// The spec with one of its entries only, each line where it was.
fn alone(spec: &str, entry: &std::ops::Range<usize>) -> String {
    let head = spec.lines().position(|line| line.starts_with("- "));
    let head = head.unwrap_or(usize::MAX);
    let kept = |(at, line): (usize, &str)| {
        let kept = at < head || entry.contains(&(at + 1));
        format!("{}\n", if kept { line } else { "" })
    };
    spec.lines().enumerate().map(kept).collect()
}

/// A project with the blocks of a kind as specs, whose paths and texts are given too.
fn project(
    page: &Page,
    image: &str,
    blocks: fn(&Section) -> &[String],
) -> (Project, Vec<(String, String)>) {
    let project = Project::new(&[]);
    let fixtures = folder().join("fixtures");
    for entry in std::fs::read_dir(fixtures).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        project.write(&format!("fixtures/{name}"), &std::fs::read(&path).unwrap());
    }
    for (path, text) in &page.files {
        project.write(path, text.as_bytes());
    }
    let mut specs = Vec::new();
    for section in &page.sections {
        for (number, text) in (1..).zip(blocks(section)) {
            let file = match number {
                1 => format!("test-specs/{}.yaml", section.key),
                _ => format!("test-specs/{}-{number}.yaml", section.key),
            };
            let spec = spec_of(text, image);
            project.write(&file, spec.as_bytes());
            specs.push((file, spec));
        }
    }
    (project, specs)
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

/// Whether a mistake is shown in one of these lines of a file.
fn is_refused(stderr: &str, file: &str, lines: &std::ops::Range<usize>) -> bool {
    lines
        .clone()
        .any(|line| stderr.contains(&format!("--> {file}:{line}:")))
}

/// Without what differs from machine to machine.
fn stable(told: &str, image: &str) -> String {
    let sizes = Regex::new(r"(the (image|largest layer) must be .*, it is) .*").unwrap();
    let steps = Regex::new("made by: .*").unwrap();
    let told = told.replace(
        &format!("{}-linux-gnu", std::env::consts::ARCH),
        "[ARCH]-linux-gnu",
    );
    let told = sizes.replace_all(&told, "$1 [SIZE]");
    let told = steps.replace_all(&told, "made by: [STEP]");
    if image == IMAGE {
        return told.into_owned();
    }
    told.replace(image, "IMAGE")
}

fn hold(name: &str) {
    let page = read(name);
    let dockerfile = page.dockerfile.as_ref();
    let made = dockerfile.map(|dockerfile| Made::build(&format!("keys-{name}"), dockerfile));
    let image = made.as_ref().map_or(IMAGE, |made| &made.0);

    let (passing, specs) = project(&page, image, |section| &section.passes);
    let ended = passing.test(&["--junit", "junit.xml"]);
    ended.expect(0);
    let report = passing.junit();
    assert!(report.agrees().cases.len() >= specs.len());

    let (failing, specs) = project(&page, image, |section| &section.fails);
    if !specs.is_empty() {
        let ended = failing.test(&["--junit", "junit.xml", "--quiet", "--test-threads", "2"]);
        let report = failing.junit();
        let cases = &report.agrees().cases;
        let others: Vec<_> = cases
            .iter()
            .filter(|case| case.verdict != "failure")
            .collect();
        assert!(others.is_empty(), "{others:#?}");
        ended.expect(1);
        insta::assert_snapshot!(
            format!("{name}_fails"),
            stable(&told(&ended.stable()), image)
        );
    }

    let (malformed, specs) = project(&page, image, |section| &section.malformed);
    let ended = malformed.test(&[]);
    ended.expect(78);
    let mut told = ended.stderr.clone();
    let mut allowed = Vec::new();
    for (file, spec) in specs {
        for entry in entries(&spec) {
            if is_refused(&ended.stderr, &file, &entry) {
                continue;
            }
            // Some mistakes show only once there are no others.
            malformed.write(&file, alone(&spec, &entry).as_bytes());
            let ended = malformed.test(&["--spec", &file]);
            // A whole spec may have its mistake in a file that it includes.
            let is_refused = entry.start == 1 || is_refused(&ended.stderr, &file, &entry);
            if ended.code != Some(78) || !is_refused {
                let lines: Vec<&str> = spec.lines().collect();
                let lines = lines[entry.start - 1..entry.end - 1].join("\n");
                allowed.push(format!("{file}: {lines}\n{}", ended.stderr));
            }
            told += "\n";
            told += &ended.stderr;
        }
    }
    assert!(allowed.is_empty(), "allowed: {}", allowed.join("\n"));
    insta::assert_snapshot!(format!("{name}_malformed"), stable(&told, image));
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

pages![
    config, files, image, inspection, run, services, spec, text, tools
];

fn schema() -> Value {
    let output = assert_cmd::Command::cargo_bin("seatrial")
        .unwrap()
        .arg("schema")
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_schema_tells_the_same() {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    // What can't even be read as YAML is not for a schema.
    let mistakes = |spec: &str| -> Option<Vec<String>> {
        let value: Value = serde_saphyr::from_str(spec).ok()?;
        let errors = validator.iter_errors(&value);
        Some(
            errors
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect(),
        )
    };
    let mut wrong = Vec::new();
    for page in pages() {
        for section in read(&page).sections {
            let key = &section.key;
            for text in section.passes.iter().chain(&section.fails) {
                let found = mistakes(&spec_of(text, IMAGE));
                if found.as_ref().is_none_or(|found| !found.is_empty()) {
                    wrong.push(format!("{key} is refused: {found:?}\n{text}"));
                }
            }
            for (number, text) in section.malformed.iter().enumerate() {
                let spec = spec_of(text, IMAGE);
                let refuses =
                    |entry| mistakes(&alone(&spec, &entry)).is_none_or(|all| !all.is_empty());
                let beyond = section.only_seatrial.contains(&number);
                for entry in entries(&spec) {
                    if refuses(entry.clone()) == beyond {
                        let what = if beyond { "refused" } else { "allowed" };
                        wrong.push(format!("{key} is {what}:\n{}", alone(&spec, &entry)));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

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
    let schema = schema();
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
        for section in read(&page).sections {
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
