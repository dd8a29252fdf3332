//! Texts by their lines, whole and cut.

use super::super::tests::{cut, judged};

#[test]
fn lines_that_hold() {
    let table = [
        ("{lines: 2}", "a\nb\n"),
        ("{lines: 2}", "a\nb"),
        ("{lines: 3}", "a\nb\n\n"),
        ("{lines: 0}", ""),
        ("{lines: 1}", "\n"),
        ("{lines: [a, b]}", "a\nb\n"),
        ("{lines: {count: 2, first: a, last: b}}", "a\nb\n"),
        ("{lines: {min: 1, max: 2}}", "a\nb\n"),
        ("{lines: {any_order: [b, a, a]}}", "a\nb\na\n"),
        ("{lines: {each: {matches: '^[ab]$'}}}", "a\nb\n"),
        ("{lines: {equals: [a, ''], last: {empty: true}}}", "a\n\n"),
    ];
    for (matcher, text) in table {
        assert_eq!(judged(matcher, text), Ok(()), "{matcher} {text:?}");
    }
}

#[test]
fn lines_that_do_not_hold() {
    let told = |matcher: &str, text: &str| judged(matcher, text).unwrap_err();
    insta::assert_snapshot!(
        told("{lines: 1}", "a\nb\n"),
        @"a.yaml:1:9: stdout must have exactly 1 line, it has 2 lines"
    );
    insta::assert_snapshot!(
        told("{lines: {min: 2}}", "a\n"),
        @"a.yaml:1:15: stdout must have at least 2 lines, it has 1 line"
    );
    insta::assert_snapshot!(
        told("{lines: {max: 1, first: b}}", "a\nb\n"),
        @r"
    a.yaml:1:15: stdout must have at most 1 line, it has 2 lines
    a.yaml:1:25: the first line of stdout is not what was expected
    - expected
    + actual
    - b
    + a
    "
    );
    insta::assert_snapshot!(told("{lines: [a, b]}", "b\na\n"), @r"
    a.yaml:1:9: the lines of stdout are not what was expected
    - expected
    + actual
    + b
      a
    - b
    ");
    insta::assert_snapshot!(told("{lines: {any_order: [a, b, b]}}", "c\nb\na\n"), @r"
    a.yaml:1:21: stdout has not the expected lines, in any order
    - expected
    + actual
    - b
    + c
    ");
    insta::assert_snapshot!(told("{lines: {each: {contains: x}}}", "x\na\nb\nc\nd\ne\n"), @r"
    a.yaml:1:27: line 2 of stdout does not contain `x`
    a.yaml:1:27: line 3 of stdout does not contain `x`
    a.yaml:1:27: line 4 of stdout does not contain `x`
    a.yaml:1:27: 2 lines more of stdout are wrong
    ");
    insta::assert_snapshot!(
        told("{lines: {each: {not_contains: x}, first: {empty: true}, last: {empty: true}}}", ""),
        @r"
    a.yaml:1:31: stdout has no line
    a.yaml:1:50: stdout has no first line
    a.yaml:1:71: stdout has no last line
    "
    );
    for (matcher, text) in [
        ("{lines: [a]}", "a\r\n"),
        ("{lines: [a]}", ""),
        ("{lines: {any_order: [a]}}", "a\na\n"),
        ("{lines: {any_order: [a, a]}}", "a\n"),
        ("{lines: 0}", "\n"),
    ] {
        assert!(judged(matcher, text).is_err(), "{matcher} {text:?}");
    }
}

#[test]
fn what_was_cut_off_is_never_guessed() {
    // Kept are the first and the last 16 bytes: whole are `one`, `two`, and `eight`, `nine`.
    let long = format!(
        "one\ntwo\nthree and\n{}\nseven\neight\nnine\n",
        "x".repeat(100)
    );
    let table = [
        ("{lines: {max: 3}}", "fails"),
        ("{lines: {max: 5}}", "undecided"),
        ("{lines: {max: 1000}}", "holds"),
        ("{lines: {min: 3}}", "holds"),
        ("{lines: {min: 7}}", "undecided"),
        ("{lines: {min: 1000}}", "fails"),
        ("{lines: 2}", "fails"),
        ("{lines: 7}", "undecided"),
        ("{lines: 1000}", "fails"),
        ("{lines: [one]}", "fails"),
        ("{lines: [one, 2, 3, 4, 5, 6, nine]}", "fails"),
        ("{lines: [one, two, 3, 4, 5, eight, ten]}", "fails"),
        ("{lines: [one, two, 3, 4, 5, eight, nine]}", "undecided"),
        ("{lines: {any_order: [1, 2, 3, 4, 5, 6, 7]}}", "fails"),
        (
            "{lines: {any_order: [nine, eight, 3, 4, 5, two, one]}}",
            "undecided",
        ),
        ("{lines: {each: {not_contains: two}}}", "fails"),
        ("{lines: {each: {not_contains: nine}}}", "fails"),
        ("{lines: {each: {not_contains: zzz}}}", "undecided"),
        ("{lines: {first: one, last: nine}}", "holds"),
        ("{lines: {first: one, last: ten}}", "fails"),
        ("{lines: {first: two}}", "fails"),
    ];
    for (matcher, outcome) in table {
        assert_eq!(outcome_of(matcher, &long), outcome, "{matcher}");
    }
    let one_line = "x".repeat(200);
    for matcher in [
        "{lines: {first: x}}",
        "{lines: {last: x}}",
        "{lines: 1}",
        "{lines: {each: x}}",
    ] {
        assert_eq!(outcome_of(matcher, &one_line), "undecided", "{matcher}");
    }
    assert_eq!(outcome_of("{lines: 0}", &one_line), "fails");
}

#[track_caller]
fn outcome_of(matcher: &str, text: &str) -> &'static str {
    match cut(matcher, text) {
        Ok(()) => "holds",
        Err(told) if told.starts_with("undecided (output-limit)") => "undecided",
        Err(_) => "fails",
    }
}
