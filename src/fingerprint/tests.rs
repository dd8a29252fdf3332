//! What changes a fingerprint, and what does not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::fill;
use crate::plan::Plan;
use crate::source::Source;
use crate::spec::{Inputs, load};
use crate::yaml::{Kind, Node, parse};

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::File::create(path)
        .unwrap()
        .write_all(content.as_bytes())
        .unwrap();
}

/// A project with fixtures, whose specs say this.
fn project(spec: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for (name, content) in [
        ("fixtures/hello.txt", "hello\n"),
        ("fixtures/data/a", "1"),
        ("fixtures/data/deep/b", "2"),
        ("shared/more.yaml", "checks: [{name: more, run: echo more}]"),
        ("test-specs/it.yaml", spec),
    ] {
        write(&root.join(name), content);
    }
    symlink("a", root.join("fixtures/data/link")).unwrap();
    folder
}

fn planned(root: &Path, env: &dyn Fn(&str) -> Option<String>) -> Option<Plan> {
    let inputs = Inputs { project: None, env };
    let loaded = load(root, &["test-specs".into()], inputs).unwrap();
    if !loaded.mistakes.is_empty() {
        return None;
    }
    let plan = Plan::new(loaded.specs, Vec::new(), None, root).ok()?;
    let names = plan.cases.iter().map(|case| case.info.name()).collect();
    Some(fill(plan, &names))
}

/// The fingerprints by the names of the checks; nothing for a spec with mistakes.
fn prints(root: &Path) -> Option<BTreeMap<String, Option<String>>> {
    let plan = planned(root, &|_| None)?;
    let print = |case: &crate::plan::Case| (case.info.name(), case.info.fingerprint.clone());
    Some(plan.cases.iter().map(|case| print(case)).collect())
}

/// The fingerprint of the only check.
fn print(root: &Path) -> Option<String> {
    let prints = prints(root).unwrap();
    assert_eq!(prints.len(), 1);
    prints.into_values().next().unwrap()
}

/// The lists of checks in the tables of all keys.
fn tables() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "md") {
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        for block in text.split("```yaml ").skip(1) {
            let (kind, rest) = block.split_once('\n').unwrap();
            let body = rest.split("```").next().unwrap();
            if kind != "malformed" && body.starts_with("- ") {
                found.push(format!("image: debian:bookworm-slim\nchecks:\n{body}"));
            }
        }
    }
    assert!(found.len() > 200, "the tables were not found");
    found
}

/// The same in one line, with other quotes, and maps the other way round.
fn other_form(node: &Node, keep_order: bool) -> String {
    match &node.kind {
        Kind::Scalar { text, plain } => {
            let typed =
                *plain && (text.parse::<f64>().is_ok() || text == "true" || text == "false");
            if node.is_null() {
                "~".to_owned()
            } else if typed {
                text.clone()
            } else {
                serde_json::to_string(text).unwrap()
            }
        }
        Kind::Sequence(items) => {
            let items: Vec<String> = items.iter().map(|item| other_form(item, false)).collect();
            format!("[{}]", items.join(",  "))
        }
        Kind::Mapping(entries) => {
            let mut parts: Vec<String> = entries
                .iter()
                .map(|(key, value)| {
                    let ordered = matches!(key.scalar(), Some("mounts" | "tmpfs" | "each"));
                    let key = serde_json::to_string(key.scalar().unwrap()).unwrap();
                    format!("{key}: {}", other_form(value, ordered))
                })
                .collect();
            if !keep_order {
                parts.reverse();
            }
            format!("{{{}}}", parts.join(", "))
        }
    }
}

#[test]
fn another_form_of_the_same_spec_changes_no_fingerprint() {
    let mut seen = 0;
    for spec in tables() {
        let folder = project(&spec);
        let Some(first) = prints(folder.path()) else {
            continue;
        };
        let node = parse(&Source::new("it.yaml", spec.as_str())).unwrap();
        let moved = folder.path().join("test-specs/elsewhere.yaml");
        fs::remove_file(folder.path().join("test-specs/it.yaml")).unwrap();
        write(
            &moved,
            &format!("# a comment\n\n{}\n", other_form(&node, false)),
        );
        assert_eq!(prints(folder.path()), Some(first.clone()), "{spec}");
        seen += first.len();
    }
    assert!(seen > 300, "only {seen} checks were compared");
}

/// Every scalar of an entry with other text, one at a time.
fn changed(node: &Node) -> Vec<Node> {
    match &node.kind {
        Kind::Scalar { text, plain } => ["x", "1"]
            .iter()
            .map(|more| Node {
                kind: Kind::Scalar {
                    text: format!("{text}{more}"),
                    plain: *plain,
                },
                place: node.place.clone(),
            })
            .collect(),
        Kind::Sequence(items) => {
            let at = |at: usize| {
                let variants = changed(&items[at]).into_iter();
                variants.map(move |item| {
                    let mut items = items.clone();
                    items[at] = item;
                    Kind::Sequence(items)
                })
            };
            let kinds = (0..items.len()).flat_map(at);
            let place = &node.place;
            let node = |kind| Node {
                kind,
                place: place.clone(),
            };
            kinds.map(node).collect()
        }
        Kind::Mapping(entries) => {
            let at = |at: usize| {
                let variants = changed(&entries[at].1).into_iter();
                variants.map(move |value| {
                    let mut entries = entries.clone();
                    entries[at].1 = value;
                    Kind::Mapping(entries)
                })
            };
            let said = (0..entries.len()).filter(|at| {
                !matches!(
                    entries[*at].0.scalar(),
                    Some("name" | "tags" | "each" | "image")
                )
            });
            let place = &node.place;
            let node = |kind| Node {
                kind,
                place: place.clone(),
            };
            said.flat_map(at).map(node).collect()
        }
    }
}

#[test]
fn every_other_value_makes_another_fingerprint() {
    let mut seen = 0;
    for spec in tables() {
        let folder = project(&spec);
        let Some(first) = prints(folder.path()) else {
            continue;
        };
        let known: BTreeSet<_> = first.values().flatten().collect();
        let node = parse(&Source::new("it.yaml", spec.as_str())).unwrap();
        // Some of them are enough.
        for other in changed(&node).iter().step_by(11) {
            let text = other_form(other, true);
            write(&folder.path().join("test-specs/it.yaml"), &text);
            let Some(others) = prints(folder.path()) else {
                continue;
            };
            let others: BTreeSet<_> = others.values().flatten().collect();
            assert!(others != known || known.is_empty(), "{text}");
            seen += 1;
        }
    }
    assert!(seen > 60, "only {seen} changes were compared");
}

#[test]
fn values_of_the_caller_and_of_each_are_what_counts() {
    let spec = "image: a:b\nenv_inputs: {WHO: world}\ndefaults: {env: {A: '1'}}\nchecks:\n\
                - {name: it, run: 'echo ${{ env.WHO }}'}\n";
    let folder = project(spec);
    let of = |env: &dyn Fn(&str) -> Option<String>| {
        let plan = planned(folder.path(), env).unwrap();
        plan.cases[0].info.fingerprint.clone().unwrap()
    };
    let first = of(&|_| None);
    assert_eq!(of(&|_| Some("world".into())), first);
    assert_ne!(of(&|_| Some("moon".into())), first);
    let same = [
        // As if each had made it; under another name, with tags; of another image.
        "image: a:b\ndefaults: {env: {A: '1'}}\nchecks:\n\
         - {name: 'it ${{ it }}', each: {it: [world]}, run: 'echo ${{ it }}'}\n",
        "image: c:d\ndefaults: {env: {A: '1'}}\nchecks: [{name: b, tags: x, run: echo world}]\n",
    ];
    for spec in same {
        assert_eq!(print(project(spec).path()).as_ref(), Some(&first), "{spec}");
    }
    let others = [
        "image: a:b\ndefaults: {env: {A: '2'}}\nchecks: [{name: it, run: echo world}]\n",
        "image: a:b\ndefaults: {env: {A: '1'}}\nchecks: [{name: it, run: [echo, world]}]\n",
        "image: a:b\ndefaults: {env: {A: '1'}}\nchecks: [{name: it, run: echo world, retries: 1}]\n",
        "image: a:b\ndefaults: {env: {A: '1'}}\nchecks: [{run: echo world, xfail: no}]\n",
    ];
    for spec in others {
        assert_ne!(print(project(spec).path()).as_ref(), Some(&first), "{spec}");
    }
}

#[test]
fn checks_of_one_entry_keep_their_fingerprints_in_any_order() {
    let spec = |first: &str, second: &str| {
        format!("image: a:b\nchecks:\n- packages: {{dpkg: {{{first}, {second}}}}}\n")
    };
    let one = prints(project(&spec("bash: '>=5'", "dash: '>=0.5'")).path()).unwrap();
    let other = prints(project(&spec("dash: '>=0.5'", "bash: '>=5'")).path()).unwrap();
    assert_eq!(one, other);
    let distinct: BTreeSet<_> = one.values().flatten().collect();
    assert_eq!(distinct.len(), 2, "{one:?}");
}

/// Something that is done to the fixtures, and whether it makes another fingerprint.
type Change = (&'static str, fn(&Path), bool);

#[test]
fn what_host_files_hold_counts() {
    let mode = |path: PathBuf, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let mounted = "{run: cat /d/a, mounts: {fixtures/data: /d}}";
    let golden = "{run: echo hello, stdout: {equals_file: fixtures/hello.txt}}";
    let stdin = "{run: cat, stdin: {file: fixtures/hello.txt}}";
    let table: [(&str, Vec<Change>); 3] = [
        (
            mounted,
            vec![
                ("content", |it| write(&it.join("data/a"), "9"), true),
                ("deep", |it| write(&it.join("data/deep/b"), "9"), true),
                ("more", |it| write(&it.join("data/deep/c"), ""), true),
                ("other", |it| write(&it.join("hello.txt"), "9"), false),
                ("same", |it| write(&it.join("data/a"), "1"), false),
                (
                    "link",
                    |it| {
                        fs::remove_file(it.join("data/link")).unwrap();
                        symlink("deep", it.join("data/link")).unwrap();
                    },
                    true,
                ),
                (
                    "renamed",
                    |it| fs::rename(it.join("data/a"), it.join("data/z")).unwrap(),
                    true,
                ),
            ],
        ),
        (
            golden,
            vec![
                ("content", |it| write(&it.join("hello.txt"), "9"), true),
                ("other", |it| write(&it.join("data/a"), "9"), false),
            ],
        ),
        (
            stdin,
            vec![("content", |it| write(&it.join("hello.txt"), "9"), true)],
        ),
    ];
    for (check, changes) in table {
        for (name, change, differs) in changes {
            let folder = project(&format!("image: a:b\nchecks: [{check}]\n"));
            let first = print(folder.path());
            assert!(first.is_some());
            change(&folder.path().join("fixtures"));
            assert_eq!(print(folder.path()) != first, differs, "{check}: {name}");
        }
    }
    // Containers see modes; what only we read has none.
    for (check, path, differs) in [(mounted, "data/a", true), (golden, "hello.txt", false)] {
        let folder = project(&format!("image: a:b\nchecks: [{check}]\n"));
        let path = folder.path().join("fixtures").join(path);
        mode(path.clone(), 0o644);
        let first = print(folder.path());
        mode(path, 0o755);
        assert_eq!(print(folder.path()) != first, differs, "{check}");
    }
}

#[test]
fn what_cant_be_known_has_no_fingerprint() {
    let table = [
        ("{name: a, run: cat, mounts: {fixtures: /f}}", false),
        (
            "{name: a, run: cat, mounts: {'fixtures/${{ image.env.F }}': /f}}",
            false,
        ),
        (
            "{name: a, run: cat, stdout: {equals_file: 'fixtures/${{ image.env.F }}'}}",
            false,
        ),
        (
            "{name: a, run: cat, within: '${{ image.env.T }}', mounts: {fixtures/data: /f}}",
            false,
        ),
        ("{name: a, run: 'echo ${{ image.env.F }}'}", true),
        (
            "{name: a, run: 'echo ${{ image.env.F }}', mounts: {fixtures/data: /f}}",
            true,
        ),
        ("{name: a, run: cat, within: '${{ image.env.T }}'}", true),
    ];
    for (check, known) in table {
        let folder = project(&format!("image: a:b\nchecks: [{check}]\n"));
        let socket = folder.path().join("fixtures/socket");
        let _open = std::os::unix::net::UnixListener::bind(socket).unwrap();
        assert_eq!(print(folder.path()).is_some(), known, "{check}");
    }
    // A text that looks as if it waited for the image is another than one that does.
    let late = "{name: a, run: 'echo ${{ image.env.F }}'}";
    let text = "{name: a, run: \"echo ${{ '${{' }} image.env.F }}\"}";
    let of = |check: &str| print(project(&format!("image: a:b\nchecks: [{check}]\n")).path());
    assert_ne!(of(late), of(text));
}

#[test]
fn an_image_knows_the_files_of_its_checks() {
    let folder = project("image: a:b\ninclude: shared/more.yaml\nchecks: [{run: echo}]\n");
    let root = folder.path();
    write(
        &root.join("test-specs/derived.yaml"),
        "image: c:d\ninherit: 'a:b'\n",
    );
    write(
        &root.join("test-specs/alone.yaml"),
        "image: e:f\nchecks: [{run: echo}]\n",
    );
    let plan = planned(root, &|_| None).unwrap();
    let files = |image: &str| -> Vec<String> {
        let image = plan.images.iter().find(|it| it.name == image).unwrap();
        let paths = image.specs.iter().map(|it| it.path().display().to_string());
        paths.collect()
    };
    assert_eq!(files("a:b"), ["test-specs/it.yaml", "shared/more.yaml"]);
    assert_eq!(
        files("c:d"),
        [
            "test-specs/derived.yaml",
            "test-specs/it.yaml",
            "shared/more.yaml"
        ]
    );
    assert_eq!(files("e:f"), ["test-specs/alone.yaml"]);
}
