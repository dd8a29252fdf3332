//! Where a project publishes its images.

use std::fs::{self, File};
use std::os::unix::fs::symlink;

use super::Project;
use crate::source::Source;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("inputs")).unwrap();
    for path in ["Dockerfile", "inputs/gcr.json", "inputs/acr.json"] {
        File::create(folder.path().join(path)).unwrap();
    }
    folder
}

fn parse(registries: &str, folder: &tempfile::TempDir) -> Result<Project, String> {
    let text = format!(
        "images:\n  sv-base: {{dockerfile: Dockerfile}}\n  sv_base: {{dockerfile: Dockerfile, \
         reference: other}}\n  wham: {{dockerfile: Dockerfile}}\nregistries:\n{registries}"
    );
    let source = Source::new("seatrial.yaml", text);
    Project::parse(&source, folder.path()).map_err(|mistakes| mistakes.to_string())
}

#[test]
fn keys_of_lists_are_made_of_names() {
    let folder = folder();
    let project = parse(
        "  gcr:
    prefix: us.gcr.io/project/dir
    list: inputs/gcr.json
    list_keys: {sv_base: [old_docker, older_docker]}
  acr: {prefix: 'localhost:5000', list: ./inputs/acr.json, list_key: 'the {name}'}
  bare: {prefix: quay.io/x}
",
        &folder,
    );
    let project = project.unwrap();
    let [gcr, acr, bare] = project.registries.as_slice() else {
        panic!();
    };
    assert_eq!(gcr.repository("wham"), "us.gcr.io/project/dir/wham");
    assert_eq!(acr.repository("a/b"), "localhost:5000/a/b");
    assert!(bare.list.is_none());
    let keys =
        |registry: &super::Registry, image: &str| registry.list.as_ref().unwrap().keys(image);
    assert_eq!(keys(gcr, "sv-base"), ["sv_base_docker"]);
    assert_eq!(keys(gcr, "sv_base"), ["old_docker", "older_docker"]);
    assert_eq!(keys(acr, "sv-base"), ["the sv-base"]);
}

#[test]
fn every_mistake_is_shown_at_its_place() {
    let folder = folder();
    symlink("/etc/passwd", folder.path().join("out.json")).unwrap();
    insta::assert_snapshot!(
        parse(
            "  a: {prefix: gcr.io/x, list: inputs/gcr.json}
  b: {prefix: gcr.io/x, list: inputs/acr.json, list_keys: {sv-base: wham_docker, wam: w, sv_base: [x, x]}}
  c: {prefix: 'https://gcr.io/x', list: ../dockers.json, list_key: '{image}'}
  d: {prefix: gcr.io/x/, list: /etc/passwd, list_key: docker}
  e: {prefix: team/x, list: out.json}
  f: {prefix: 'gcr.io/X:1', list: inputs}
  g: {prefix: gcr.io/y, list_key: '{name}'}
  h: {prefix: gcr.io/z, list: inputs/none.json, list_keys: {sv_base: s}}
  i: {prefix: gcr.io/w, list: inputs/acr.json, list_keys: {sv_base: s}}
",
            &folder
        )
        .unwrap_err()
    );
}

#[test]
fn keys_that_are_not_known_are_shown() {
    let folder = folder();
    insta::assert_snapshot!(
        parse(
            "  a: {prefix: gcr.io/x, list: inputs/gcr.json, list-key: x}\n  b: {list: x.json}\n",
            &folder
        )
        .unwrap_err()
    );
}
