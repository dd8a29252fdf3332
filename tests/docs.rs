//! The documentation is true: each complete example in it passes, and its tables have the keys
//! that there are.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use assert_cmd::Command;
use regex::Regex;
use serde_json::Value;
use support::Project;
use support::examples::{Example, PAGES, examples_of_page};
use support::images::Made;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

#[test]
fn every_complete_example_of_the_documentation_passes() {
    for page in PAGES {
        let examples = examples_of_page(&read(page));
        assert!(!examples.is_empty(), "{page} has no complete example");
        for example in examples {
            println!("{page}:{}", example.line);
            match example.files.as_slice() {
                [(None, spec)] => passes(page, example.line, spec),
                _ => passes_together(&example),
            }
        }
    }
}

/// A spec alone, beside the fixtures of this repository.
fn passes(page: &str, line: usize, spec: &str) {
    let folder = tempfile::tempdir().unwrap();
    let name = format!("{}-line-{line}.yaml", page.replace('/', "-"));
    let file = folder.path().join(name);
    let mut writer = std::fs::File::create_new(&file).unwrap();
    writer.write_all(spec.as_bytes()).unwrap();
    Command::cargo_bin("seatrial")
        .unwrap()
        .current_dir(root())
        .env("SEATRIAL_FRESH", "1")
        .args(["test", "--spec"])
        .arg(&file)
        .assert()
        .success();
}

/// Files that make a project. Its images are built first, and removed in the end.
fn passes_together(example: &Example) {
    let files = example.files.iter();
    let files: Vec<(&str, &str)> = files
        .map(|(path, text)| (path.as_deref().unwrap(), text.as_str()))
        .collect();
    let catalogue = files.iter().find(|(path, _)| *path == "seatrial.yaml");
    let images = catalogue.map_or_else(Vec::new, |(_, text)| {
        let name = Regex::new(r"(?m)^  (example/[a-z-]+):$").unwrap();
        let names = name.captures_iter(text);
        names
            .map(|name| Made(format!("{}:latest", &name[1])))
            .collect()
    });
    let project = Project::new(&files);
    let build: &[&str] = if images.is_empty() { &[] } else { &["--build"] };
    project.test(build).expect(0);
}

/// The names of all keys in a schema.
fn keys(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.get("properties") {
                found.extend(properties.keys().cloned());
            }
            map.values().for_each(|value| keys(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
        _ => {}
    }
}

/// The names in code style in the first column of the tables that are about keys.
fn rows_about_keys(page: &str) -> BTreeSet<String> {
    let code = Regex::new("`([a-z][a-z0-9_]*)`").unwrap();
    let mut found = BTreeSet::new();
    let mut is_about_keys = false;
    let mut before = "";
    for line in page.lines() {
        let first = line.split('|').nth(1).unwrap_or_default();
        if !before.starts_with('|') {
            is_about_keys = first.trim() == "key" || first.trim().starts_with("key of ");
        } else if is_about_keys && line.starts_with('|') {
            found.extend(code.captures_iter(first).map(|name| name[1].to_owned()));
        }
        before = line;
    }
    found
}

/// Where each definition of the schema is documented. The keys of the kinds of checks that are not
/// on their page are those of every check and the settings, on the first one.
const DOCUMENTED: [(&str, &[&str]); 6] = [
    ("docs/specs.md", &["root", "run", "OnlyKeys", "StdinKeys"]),
    ("docs/composition.md", &["InheritEntry"]),
    ("docs/texts.md", &["TextMatchers", "LinesExpectation"]),
    (
        "docs/files-and-config.md",
        &[
            "file",
            "config",
            "size",
            "layers",
            "FileExpectation",
            "ConfigCheck",
            "HealthExpectation",
            "LayerKeys",
            "Matchers",
            "Bounds",
            "Range",
        ],
    ),
    (
        "docs/presets.md",
        &[
            "version",
            "help",
            "imports",
            "libraries",
            "packages",
            "hygiene",
            "VersionEntry",
            "HelpEntry",
            "PackageKeys",
            "HygieneKeys",
        ],
    ),
    (
        "docs/services.md",
        &[
            "service",
            "Service",
            "Ready",
            "ReadyHttp",
            "LogKeys",
            "HttpRequest",
            "Logs",
            "Stop",
        ],
    ),
];

/// The keys of each definition of the schema of specs; `root` has those of the file.
fn definitions() -> BTreeMap<String, BTreeSet<String>> {
    let mut schema: Value = serde_json::from_str(&read("docs/spec.schema.json")).unwrap();
    let Value::Object(mut definitions) = schema["$defs"].take() else {
        panic!("no definitions");
    };
    definitions.insert("root".to_owned(), schema);
    let with_keys = definitions.into_iter().map(|(name, schema)| {
        let mut found = BTreeSet::new();
        keys(&schema, &mut found);
        (name, found)
    });
    with_keys.filter(|(_, keys)| !keys.is_empty()).collect()
}

#[test]
fn the_tables_have_every_key_of_a_spec_and_no_other() {
    let mut definitions = definitions();
    let every_check = rows_about_keys(&read("docs/specs.md"));
    let kinds: BTreeSet<String> = definitions
        .keys()
        .filter(|name| name.starts_with(char::is_lowercase))
        .cloned()
        .collect();
    for (page, about) in DOCUMENTED {
        let rows = rows_about_keys(&read(page));
        // The names of all kinds stand on the first page.
        let mut known = kinds.clone();
        for name in about {
            let keys = definitions.remove(*name);
            let keys = keys.unwrap_or_else(|| panic!("the schema defines no {name}"));
            for key in &keys {
                let is_there =
                    rows.contains(key) || kinds.contains(*name) && every_check.contains(key);
                assert!(is_there, "{page} has no row for `{key}` of {name}");
            }
            known.extend(keys);
        }
        let unknown: Vec<_> = rows.difference(&known).collect();
        assert!(unknown.is_empty(), "{page} has rows for {unknown:?}");
    }
    assert!(
        definitions.is_empty(),
        "documented nowhere: {definitions:?}"
    );
}

#[test]
fn the_tables_have_every_key_of_the_project_file_and_no_other() {
    let schema: Value = serde_json::from_str(&read("docs/project.schema.json")).unwrap();
    let mut known = BTreeSet::new();
    keys(&schema, &mut known);
    assert_eq!(rows_about_keys(&read("docs/project-file.md")), known);
}

#[test]
fn links_between_pages_lead_somewhere() {
    let link = Regex::new(r"\]\(([^)#:\s]*)(?:#([^)\s]*))?\)").unwrap();
    let mut pages: Vec<String> = PAGES.map(str::to_owned).into();
    for more in ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md"] {
        pages.push(more.to_owned());
    }
    for folder in ["docs", "docs/decisions"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                pages.push(format!("{folder}/{name}"));
            }
        }
    }
    for page in pages {
        let text = without_code(&read(&page));
        for found in link.captures_iter(&text) {
            let target = match &found[1] {
                "" => root().join(&page),
                path => root().join(&page).parent().unwrap().join(path),
            };
            assert!(target.exists(), "{page}: {}", &found[0]);
            if let Some(anchor) = found.get(2) {
                let target = std::fs::read_to_string(target).unwrap();
                let headings = target.lines().filter(|line| line.starts_with('#'));
                let known = headings
                    .map(anchor_of)
                    .any(|known| known == anchor.as_str());
                assert!(known, "{page}: {}", &found[0]);
            }
        }
    }
}

/// A page without its blocks and pieces of code.
fn without_code(page: &str) -> String {
    let blocks = Regex::new(r"(?ms)^```.*?^```$").unwrap();
    let pieces = Regex::new("`[^`\n]*`").unwrap();
    let text = blocks.replace_all(page, "");
    pieces.replace_all(&text, "").into_owned()
}

/// The anchor that GitHub gives a heading.
fn anchor_of(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().replace(' ', "-")
}
