//! The documentation is true: each complete example in it passes, and its tables have the keys
//! that there are.

mod support;

use std::collections::BTreeSet;
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

#[test]
fn the_tables_have_every_key_and_no_other() {
    for (schema, pages) in [
        ("docs/spec.schema.json", &PAGES[1..]),
        ("docs/project.schema.json", &["docs/project-file.md"]),
    ] {
        let schema: Value = serde_json::from_str(&read(schema)).unwrap();
        let mut known = BTreeSet::new();
        keys(&schema, &mut known);
        let rows = pages.iter().flat_map(|page| rows_about_keys(&read(page)));
        let documented: BTreeSet<String> = rows.collect();
        assert!(known.len() > 5 && documented.len() > 5, "nothing was found");
        let missing: Vec<_> = known.difference(&documented).collect();
        assert!(missing.is_empty(), "in no table of {pages:?}: {missing:?}");
        let unknown: Vec<_> = documented.difference(&known).collect();
        assert!(unknown.is_empty(), "no keys, but in {pages:?}: {unknown:?}");
    }
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
