//! Whatever stands in a spec: it is read or refused with messages that can be shown, and nothing
//! panics.

use std::io::Write;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::{Index, select};
use seatrial::diagnostic::{Diagnostic, Diagnostics};
use seatrial::source::Source;
use seatrial::spec::Inputs;
use seatrial::yaml::{Kind, Node};

/// Pieces that mean something in YAML, in specs or on a terminal.
const TOKENS: &[&str] = &[
    "\n",
    "\n",
    "\n",
    "\n  ",
    "\n  ",
    "\n    ",
    "\n      ",
    "\n- ",
    "\n  - ",
    "\n    - ",
    " ",
    "  ",
    "\t",
    "\r\n",
    "\r",
    ": ",
    ": ",
    ":",
    "- ",
    "? ",
    ", ",
    ",",
    "[",
    "]",
    "{",
    "}",
    "'",
    "\"",
    "|\n",
    ">-\n",
    "|+2\n",
    "# c\n",
    "&a ",
    "*a",
    "&b ",
    "*b",
    "<<: ",
    "!!str ",
    "!!binary ",
    "! ",
    "!x ",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "%TAG ! x\n",
    "\\",
    "\\n",
    "\\x1b",
    "\\ud800",
    "~",
    "null",
    "true",
    "0",
    "-1",
    "1e400",
    "0755",
    "@",
    "`",
    "%",
    "\u{feff}",
    "\u{1b}[31m",
    "\u{9b}",
    "\u{7}",
    "\u{202e}",
    "\u{2028}",
    "\u{85}",
    "\0",
    "ä",
    "日本",
    "👩‍👩‍👧",
    "e\u{301}",
    "##[x]",
    "::x::",
    "\nimage: ",
    "\nimage: img:1",
    "\nchecks:",
    "\nchecks:\n  - run: x",
    "\ndefaults:\n  ",
    "run: ",
    "file: ",
    "config: ",
    "stdout: ",
    "exit: ",
    "env: ",
    "mounts: ",
    "timeout: 5s",
    "name: ",
    "mode: ",
    "${{ x }}",
    "${{ ",
    "}}",
    "each: {x: [1, 2]}",
    "include: ",
    "spec.yaml",
    "tags: ",
    "retries: ",
    "{contains: x}",
    "matches: '('",
    "x",
    "a: 1",
];

/// What must hold for every message.
fn can_be_shown(mistake: &Diagnostic) -> Result<(), TestCaseError> {
    let place = mistake.place();
    let (source, range) = (place.source(), place.range());
    prop_assert!(range.start <= range.end && range.end <= source.text().len());
    let (line, column) = (place.line(), place.column());
    let lines = source.text().matches('\n').count() + 1;
    prop_assert!((1..=lines).contains(&line) && column >= 1, "{place}");

    let plain = mistake.render(false);
    prop_assert!(
        plain.starts_with("error: ") && plain.lines().count() >= 4,
        "{plain}"
    );
    prop_assert!(
        plain.contains(&format!("--> {place}")),
        "{place} in {plain}"
    );
    prop_assert!(plain.contains('^') || plain.contains("|_"), "{plain}");
    let acts = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2028}\u{feff}".contains(c);
    prop_assert!(!plain.contains(acts), "{plain:?}");
    prop_assert!(!plain.contains("##[") && plain.len() < 40_000, "{plain}");
    let styled = mistake.render(true);
    let uncoloured = anstream::adapter::strip_str(&styled).to_string();
    prop_assert!(!uncoloured.contains(acts), "{uncoloured:?}");
    Ok(())
}

/// A text without quotes in one line is what stands at its place.
fn places_are_right(node: &Node) -> Result<(), TestCaseError> {
    match &node.kind {
        Kind::Scalar { text, plain } => {
            let place = node.place.text();
            if *plain && !node.is_null() && !place.contains(['\n', '\r']) {
                prop_assert_eq!(place, text);
            }
        }
        Kind::Sequence(items) => items.iter().try_for_each(places_are_right)?,
        Kind::Mapping(entries) => {
            for (key, value) in entries {
                places_are_right(key)?;
                places_are_right(value)?;
                prop_assert!(key.scalar().is_some());
            }
        }
    }
    Ok(())
}

fn survives(spec: &[u8]) -> Result<(), TestCaseError> {
    let text = String::from_utf8_lossy(spec);
    match seatrial::yaml::parse(&Source::new("spec.yaml", &*text)) {
        Ok(node) => places_are_right(&node)?,
        Err(mistake) => can_be_shown(&mistake)?,
    }
    let folder = tempfile::tempdir().unwrap();
    let mut file = std::fs::File::create(folder.path().join("spec.yaml")).unwrap();
    file.write_all(spec).unwrap();
    let inputs = Inputs {
        project: None,
        env: &|_| None,
    };
    let loaded = seatrial::spec::load(folder.path(), &[PathBuf::from(".")], inputs).unwrap();
    prop_assert_eq!(loaded.specs.is_empty(), !loaded.mistakes.is_empty());
    loaded.mistakes.iter().try_for_each(can_be_shown)?;
    let all = Diagnostics(loaded.mistakes).render(false);
    prop_assert!(!all.contains('\r'), "{all:?}");
    Ok(())
}

fn real_specs() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("test-specs");
    let files = std::fs::read_dir(folder).unwrap();
    let mut specs: Vec<String> = files
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    specs.sort();
    assert!(!specs.is_empty());
    specs
}

/// One change to a spec, of lines or of characters.
#[derive(Debug, Clone)]
enum Change {
    Delete,
    Double,
    Swap(Index),
    Insert(&'static str),
}

fn change() -> impl Strategy<Value = (bool, Index, Change)> {
    let change = prop_oneof![
        Just(Change::Delete),
        Just(Change::Double),
        any::<Index>().prop_map(Change::Swap),
        select(TOKENS).prop_map(Change::Insert),
    ];
    (any::<bool>(), any::<Index>(), change)
}

fn apply(text: &str, (by_line, at, change): &(bool, Index, Change)) -> String {
    let mut parts: Vec<String> = if *by_line {
        text.split_inclusive('\n').map(str::to_owned).collect()
    } else {
        text.chars().map(String::from).collect()
    };
    if parts.is_empty() {
        return text.to_owned();
    }
    let at = at.index(parts.len());
    match change {
        Change::Delete => drop(parts.remove(at)),
        Change::Double => parts.insert(at, parts[at].clone()),
        Change::Swap(other) => {
            let other = other.index(parts.len());
            parts.swap(at, other);
        }
        Change::Insert(token) => parts.insert(at, (*token).to_owned()),
    }
    parts.concat()
}

proptest! {
    // What fails becomes a case in `tests/hostile.rs`, not a file of seeds.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(spec in proptest::collection::vec(any::<u8>(), 0..300)) {
        survives(&spec)?;
    }

    #[test]
    fn any_tokens(tokens in proptest::collection::vec(select(TOKENS), 0..60)) {
        survives(tokens.concat().as_bytes())?;
    }

    #[test]
    fn any_tokens_in_a_check(tokens in proptest::collection::vec(select(TOKENS), 0..30)) {
        let spec = format!("image: img:1\nchecks:\n  - run: x\n    {}", tokens.concat());
        survives(spec.as_bytes())?;
    }

    #[test]
    fn any_change_of_a_real_spec(
        spec in select(real_specs()),
        changes in proptest::collection::vec(change(), 1..6),
    ) {
        let spec = changes.iter().fold(spec, |spec, change| apply(&spec, change));
        survives(spec.as_bytes())?;
    }
}
