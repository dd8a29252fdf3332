//! JSON texts, by jq filters.

use super::judged::{Judged, Subject, Undecided, is_cut};
use super::text::judge as judge_text;
use crate::engine::Captured;
use crate::jq::{Filter, Output, RunError};
use crate::source::Located;
use crate::spec::{JsonExpectation, JsonRule};
use crate::verdict::{Finding, Problem};
use crate::words::shortened;

/// Outputs that a message shows, and characters of each.
const SHOWN: usize = 5;
const SHOWN_CHARS: usize = 60;

/// Judges a JSON document by all filters.
pub(super) fn judge(subject: Subject<'_>, expected: &JsonExpectation, actual: &Captured) -> Judged {
    if is_cut(actual) {
        return Err(Undecided::CutOff);
    }
    let mut findings = Vec::new();
    let mut undecided = None;
    for rule in &expected.0 {
        let (JsonRule::Holds(filter) | JsonRule::Gives(filter, _)) = rule;
        let outputs = match filter.run(actual.kept()) {
            Ok(outputs) => outputs,
            Err(RunError::NotJson(reason)) => {
                // It is so for all filters.
                let what = match reason.starts_with("trailing characters") {
                    true => "is more than one JSON document",
                    false => "is not JSON",
                };
                let message = format!("{} {what}: {reason}", subject.name);
                return Ok(vec![subject.finding(&filter.place, message)]);
            }
            Err(RunError::Failed(reason)) => {
                let (text, name) = (filter.text(), subject.name);
                let message = format!(
                    "`{text}` fails for {name}: {}",
                    shortened(&reason, SHOWN_CHARS)
                );
                findings.push(subject.finding(&filter.place, message));
                continue;
            }
            Err(RunError::Unbounded(reason)) => {
                undecided = Some(unbounded(filter, &reason));
                continue;
            }
        };
        match rule {
            JsonRule::Holds(filter) => findings.extend(holds(subject, filter, &outputs)),
            JsonRule::Gives(filter, expected) => {
                let name = format!("`{}` of {}", filter.text(), subject.name);
                let [output] = outputs.as_slice() else {
                    let given = given(&outputs);
                    let message = format!("{name} must be one value, it gives {given}");
                    findings.push(subject.finding(&filter.place, message));
                    continue;
                };
                let value = Captured::whole(output.text.as_str());
                match judge_text(subject.part(&name), expected, &value) {
                    Ok(more) => findings.extend(more),
                    Err(problem) => undecided = Some(Undecided::Problem(problem)),
                }
            }
        }
    }
    match undecided {
        Some(undecided) if findings.is_empty() => Err(undecided),
        _ => Ok(findings),
    }
}

fn holds(subject: Subject<'_>, filter: &Located<Filter>, outputs: &[Output]) -> Option<Finding> {
    if !outputs.is_empty() && outputs.iter().all(|output| output.truthy) {
        return None;
    }
    let (text, name) = (filter.text(), subject.name);
    let message = format!(
        "`{text}` does not hold for {name}: it gives {}",
        given(outputs)
    );
    Some(subject.finding(&filter.place, message))
}

fn unbounded(filter: &Located<Filter>, reason: &str) -> Undecided {
    Undecided::Problem(Problem {
        kind: "json-limit",
        message: format!("the filter `{}` was given up: {reason}", filter.text()),
    })
}

fn given(outputs: &[Output]) -> String {
    if outputs.is_empty() {
        return "nothing".to_owned();
    }
    let shown: Vec<String> = outputs
        .iter()
        .take(SHOWN)
        .map(|one| shortened(&one.json, SHOWN_CHARS))
        .collect();
    match outputs.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{}, and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cut, judged};

    const JSON: &str =
        r#"{"name": "samtools", "version": "1.16.1", "tools": [{"n": 3}, {"n": 4}], "none": null}"#;

    #[test]
    fn filters_that_hold() {
        let table = [
            "{json: .}",
            "{json: '.name == \"samtools\"'}",
            "{json: ['.name == \"samtools\"', '.tools | length == 2', {.name: samtools}]}",
            "{json: '.tools[] | .n > 2'}",
            "{json: {.name: samtools, '.tools | length': 2, .version: {version: '>=1.2'}}}",
            "{json: {.none: 'null', '.tools[0]': '{\"n\":3}'}}",
            "{json: {.name: {lines: 1, contains: tools}}}",
        ];
        for matcher in table {
            assert_eq!(judged(matcher, JSON), Ok(()), "{matcher}");
        }
    }

    #[test]
    fn filters_that_do_not_hold() {
        let told = |matcher: &str| judged(matcher, JSON).unwrap_err();
        insta::assert_snapshot!(
            told("{json: '.tools[] | .n > 3'}"),
            @"a.yaml:1:8: `.tools[] | .n > 3` does not hold for stdout: it gives false, true"
        );
        insta::assert_snapshot!(
            told("{json: empty}"),
            @"a.yaml:1:8: `empty` does not hold for stdout: it gives nothing"
        );
        insta::assert_snapshot!(
            told("{json: [., .name.x]}"),
            @r#"a.yaml:1:12: `.name.x` fails for stdout: cannot index "samtools" with "x""#
        );
        insta::assert_snapshot!(
            told("{json: {'.tools[].n': 3}}"),
            @"a.yaml:1:9: `.tools[].n` of stdout must be one value, it gives 3, 4"
        );
        insta::assert_snapshot!(told("{json: {.name: bcftools, .version: {version: ^2}}}"), @r"
        a.yaml:1:16: `.name` of stdout is not what was expected
        - expected
        + actual
        - bcftools
        + samtools
        a.yaml:1:46: `.version` of stdout has version 1.16.1, which is not ^2
        ");
        insta::assert_snapshot!(
            judged("{json: [., .]}", "no JSON").unwrap_err(),
            @"a.yaml:1:9: stdout is not JSON: expected ident at line 1 column 2"
        );
    }

    #[test]
    fn what_can_not_be_said() {
        let told = judged("{json: 'last(repeat(1))'}", JSON).unwrap_err();
        assert!(
            told.starts_with("undecided (json-limit): the filter `last(repeat(1))`"),
            "{told}"
        );
        let told = judged("{json: ['last(repeat(1))', '. == 1']}", JSON).unwrap_err();
        assert!(told.contains("`. == 1` does not hold"), "{told}");
        let told = cut("{json: .}", &format!("\"{}\"", "x".repeat(200))).unwrap_err();
        assert!(told.starts_with("undecided (output-limit)"), "{told}");
    }
}
