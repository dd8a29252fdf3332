//! The JSON Schemas: what is committed is what the types say, and an independent validator reads
//! every spec of this repository as seatrial does.

mod support;

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn generated(files: &str) -> Value {
    let output = Command::cargo_bin("seatrial")
        .unwrap()
        .args(["schema", files])
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    serde_json::from_slice(&output).unwrap()
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// YAML as any editor's validator reads it.
fn value(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap()
}

#[track_caller]
fn mistakes(schema: &Value, yaml: &str) -> Vec<String> {
    let validator = jsonschema::draft202012::new(schema).unwrap();
    let value = value(yaml);
    let errors = validator.iter_errors(&value);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// All files below a folder with one of these endings.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml")
        {
            found.push(path);
        }
    }
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    for (files, path) in [
        ("spec", "docs/spec.schema.json"),
        ("project", "docs/project.schema.json"),
        ("report", "docs/report.schema.json"),
        ("report-lines", "docs/report-lines.schema.json"),
        ("diff", "docs/diff.schema.json"),
    ] {
        let committed: Value = serde_json::from_str(&read(path)).unwrap();
        assert_eq!(
            generated(files),
            committed,
            "run `cargo run -- schema {files} > {path}` and look at what changed"
        );
    }
}

#[test]
fn the_schemas_are_schemas() {
    for files in ["spec", "project", "report", "report-lines", "diff"] {
        let schema = generated(files);
        assert!(jsonschema::meta::is_valid(&schema));
        jsonschema::draft202012::new(&schema).unwrap();
    }
}

#[test]
fn every_spec_of_the_repository_is_valid() {
    let schema = generated("spec");
    let mut paths = Vec::new();
    files(&root().join("test-specs"), &mut paths);
    assert!(!paths.is_empty());
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            mistakes(&schema, &text),
            Vec::<String>::new(),
            "{}",
            path.display()
        );
    }
    assert_eq!(
        mistakes(&generated("project"), &read("seatrial.yaml")),
        Vec::<String>::new()
    );
}

#[test]
fn every_example_of_the_documentation_is_valid() {
    let (spec, project) = (generated("spec"), generated("project"));
    for page in support::examples::PAGES {
        for example in support::examples::examples_of_page(&read(page)) {
            for (path, text) in &example.files {
                let schema = match path.as_deref() {
                    Some("seatrial.yaml") => &project,
                    Some(path) if path.ends_with("Dockerfile") => continue,
                    _ => &spec,
                };
                let place = format!("{page}:{} {path:?}", example.line);
                assert_eq!(mistakes(schema, text), Vec::<String>::new(), "{place}");
            }
        }
    }
}

#[test]
fn every_key_is_described() {
    fn undescribed(place: &str, schema: &Value, found: &mut Vec<String>) {
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                let said = property.get("description").and_then(Value::as_str);
                if said.is_none_or(str::is_empty) {
                    found.push(format!("{place}.{name}"));
                }
            }
        }
        if let Some(definitions) = schema.get("$defs").and_then(Value::as_object) {
            for (name, definition) in definitions {
                undescribed(name, definition, found);
            }
        }
    }
    for files in ["spec", "project", "report", "report-lines", "diff"] {
        let mut found = Vec::new();
        undescribed(files, &generated(files), &mut found);
        assert_eq!(found, Vec::<String>::new());
    }
}

#[test]
fn what_seatrial_refuses_for_its_form_the_schema_refuses() {
    let schema = generated("spec");
    let table = [
        "image: a\nchecks: []\n",
        "image: a\ncheks: [{run: x}]\n",
        "image: a\nchecks: [{rum: x}]\n",
        "image: a\nchecks: [{run: x, stduot: y}]\n",
        "image: a\nchecks: [{run: x, exit: abc}]\n",
        "image: a\nchecks: [{run: x, exit: 256}]\n",
        "image: a\nchecks: [{run: x, timeout: 20}]\n",
        "image: a\nchecks: [{run: x, network: all}]\n",
        "image: a\nchecks: [{run: x, stdout: {contain: y}}]\n",
        "image: a\nchecks: [{run: x, stdout: {lines: {cuont: 1}}}]\n",
        "image: a\nchecks: [{run: x, stdout: {sha256: abc}}]\n",
        "image: a\nchecks: [{file: /x, mode: rwx}]\n",
        "image: a\nchecks: [{file: /x, size: {most: 1}}]\n",
        "image: a\nchecks: [{name: x}]\n",
        "image: a\ndefaults: {timeout: 1}\nchecks: [{run: x}]\n",
        "image: a\n",
    ];
    for spec in table {
        assert_ne!(mistakes(&schema, spec), Vec::<String>::new(), "{spec}");
    }
}
