//! Mistakes in text expectations, as people see them.

use super::*;
use crate::source::Source;
use crate::yaml::parse;

fn read(text: &str) -> Result<TextExpectation, String> {
    let source = Source::new("a.yaml", text);
    let node = parse(&source).map_err(|mistake| mistake.render(false))?;
    let mut context = Context::default();
    let expected = TextExpectation::decode(&node, &mut context);
    let mistakes = context.into_diagnostics();
    assert_eq!(expected.is_some(), mistakes.is_empty(), "{text}");
    let mistakes: Vec<String> = mistakes.iter().map(|one| one.render(false)).collect();
    expected.ok_or_else(|| mistakes.join("\n\n"))
}

#[track_caller]
fn mistake(text: &str) -> String {
    read(text).unwrap_err()
}

#[test]
fn a_map_that_expects_nothing() {
    insta::assert_snapshot!(mistake("{}"), @r"
    error: this expects nothing
     --> a.yaml:1:1
      |
    1 | {}
      | ^^
      |
      = help: say what the text must be: `equals`, `equals_file`, `contains`, `not_contains`, `matches`, `not_matches`, `lines`, `sha256`, `json`, `version` or `empty`
    ");
    insta::assert_snapshot!(mistake("{lines: {}}"), @r"
    error: this expects nothing
     --> a.yaml:1:9
      |
    1 | {lines: {}}
      |         ^^
      |
      = help: say `count`, `min`, `max`, `equals`, `any_order`, `each`, `first` or `last`
    ");
    insta::assert_snapshot!(mistake("{json: []}"), @r"
    error: this expects nothing
     --> a.yaml:1:8
      |
    1 | {json: []}
      |        ^^
      |
      = help: say a jq filter that must hold, or a map of filters and what they give
    ");
    for text in [
        "[]",
        "{contains: []}",
        "{version: []}",
        "{json: {}}",
        "{lines: []}",
        "{lines: {any_order: []}}",
    ] {
        mistake(text);
    }
}

#[test]
fn unknown_matchers() {
    insta::assert_snapshot!(mistake("{line: 3}"), @r"
    error: unknown key `line` in a text expectation
     --> a.yaml:1:2
      |
    1 | {line: 3}
      |  ^^^^
      |
      = help: did you mean `lines`?
    ");
    insta::assert_snapshot!(mistake("{lines: {frist: a}}"), @r"
    error: unknown key `frist` in a `lines` expectation
     --> a.yaml:1:10
      |
    1 | {lines: {frist: a}}
      |          ^^^^^
      |
      = help: did you mean `first`?
    ");
}

#[test]
fn lines() {
    insta::assert_snapshot!(mistake("{lines: many}"), @r"
    error: expected a number of lines, found `many`
     --> a.yaml:1:9
      |
    1 | {lines: many}
      |         ^^^^
    ");
    insta::assert_snapshot!(mistake("{lines: {min: 3, max: 2}}"), @r"
    error: `min` is larger than `max`
     --> a.yaml:1:15
      |
    1 | {lines: {min: 3, max: 2}}
      |               ^
    ");
    for text in [
        "{lines: -1}",
        "{lines: 1.5}",
        "{lines: {min: 0}}",
        "{lines: {count: 3, max: 4}}",
        "{lines: [\"a\\nb\"]}",
        "{lines: {each: {}}}",
        "{lines: {first: []}}",
    ] {
        mistake(text);
    }
}

#[test]
fn versions() {
    insta::assert_snapshot!(mistake("{version: latest}"), @r"
    error: not a requirement of a version: `latest`
     --> a.yaml:1:11
      |
    1 | {version: latest}
      |           ^^^^^^
      |
      = help: the forms are `1.16.1`, `1.16.*`, `>=1.16, <2` (also `=`, `!=`, `<=`, `>`), `^1.16`, `~1.16`, and `||` between alternatives
    ");
    insta::assert_snapshot!(mistake("{version: '>2, <1'}"), @r"
    error: no version can be >2, <1
     --> a.yaml:1:11
      |
    1 | {version: '>2, <1'}
      |           ^^^^^^^^
    ");
    mistake("{version: {min: 1}}");
}

#[test]
fn digests() {
    insta::assert_snapshot!(mistake("{sha256: abc}"), @r"
    error: expected a SHA-256 digest (64 hexadecimal digits), found `abc`
     --> a.yaml:1:10
      |
    1 | {sha256: abc}
      |          ^^^
    ");
    mistake(&format!("{{sha256: {}}}", "g".repeat(64)));
    mistake(&format!("{{sha256: 'md5:{}'}}", "a".repeat(64)));
}

#[test]
fn filters() {
    insta::assert_snapshot!(mistake("{json: '.tools | foo == 1'}"), @r"
    error: not a jq filter: unknown filter `foo`
     --> a.yaml:1:18
      |
    1 | {json: '.tools | foo == 1'}
      |                  ^^^
    ");
    insta::assert_snapshot!(mistake("{json: {'.a |': 1, .b: {}}}"), @r"
    error: not a jq filter: expected term at its end
     --> a.yaml:1:14
      |
    1 | {json: {'.a |': 1, .b: {}}}
      |              ^

    error: this expects nothing
     --> a.yaml:1:24
      |
    1 | {json: {'.a |': 1, .b: {}}}
      |                        ^^
      |
      = help: say what the text must be: `equals`, `equals_file`, `contains`, `not_contains`, `matches`, `not_matches`, `lines`, `sha256`, `json`, `version` or `empty`
    ");
    // Where the text of the file is not the filter, the place is all of it.
    insta::assert_snapshot!(mistake("{json: \"\\x2ea | foo\"}"), @r#"
    error: not a jq filter: unknown filter `foo`
     --> a.yaml:1:8
      |
    1 | {json: "\x2ea | foo"}
      |        ^^^^^^^^^^^^^
    "#);
}

#[test]
fn files_are_found_wherever_they_stand() {
    let text = "[{equals_file: a}, {lines: {each: {equals_file: b}, last: {equals_file: c}}}, \
                {json: [., {.x: {equals_file: d}}]}, {equals_file: [e, f]}, other]";
    let expected = read(text).unwrap();
    let files: Vec<String> = expected
        .host_files()
        .map(|path| format!("{} {}", path.value.display(), path.place.column()))
        .collect();
    assert_eq!(files, ["a 16", "b 49", "c 73", "d 109", "e 131", "f 134"]);
    mistake("{equals_file: ''}");
}
