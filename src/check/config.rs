//! Config checks.

use std::path::Path;

use crate::engine::{Captured, Image};
use crate::expect::{Subject, judge as judge_text};
use crate::source::Located;
use crate::spec::{ConfigCheck, TextExpectation};
use crate::verdict::{Finding, Problem};
use crate::yaml::Pairs;

/// Judges the image's configuration.
pub(super) fn judge(
    check: &ConfigCheck,
    image: &Image,
    root: &Path,
) -> Result<Vec<Finding>, Problem> {
    let config = &image.config;
    let mut findings = Vec::new();
    let texts = [
        (&check.user, "config.user", "user", &config.user),
        (
            &check.workdir,
            "config.workdir",
            "working directory",
            &config.workdir,
        ),
        (
            &check.architecture,
            "config.architecture",
            "architecture",
            &config.architecture,
        ),
        (&check.os, "config.os", "operating system", &config.os),
    ];
    for (expected, kind, name, actual) in texts {
        if let Some(expected) = expected
            && expected.value != *actual
        {
            let message = format!(
                "the {name} must be {}, it is {}",
                shown(&expected.value),
                shown(actual)
            );
            findings.push(Finding::new(&expected.place, kind, message));
        }
    }
    findings.extend(list(
        "config.entrypoint",
        "entrypoint",
        check.entrypoint.as_ref(),
        &config.entrypoint,
    ));
    findings.extend(list(
        "config.cmd",
        "command",
        check.cmd.as_ref(),
        &config.cmd,
    ));
    let env = |name: &str| {
        // The last of several wins, as in a process.
        let found = config.env.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    };
    let label = |name: &str| config.labels.get(name).map(String::as_str);
    findings.extend(pairs(
        "config.env",
        "variable",
        check.env.as_ref(),
        &env,
        root,
    )?);
    findings.extend(pairs(
        "config.labels",
        "label",
        check.labels.as_ref(),
        &label,
        root,
    )?);
    Ok(findings)
}

fn list(
    kind: &'static str,
    name: &str,
    expected: Option<&Located<Vec<String>>>,
    actual: &[String],
) -> Option<Finding> {
    let expected = expected.filter(|expected| expected.value != actual)?;
    let message = format!(
        "the {name} must be {}, it is {}",
        shown_list(&expected.value),
        shown_list(actual)
    );
    Some(Finding::new(&expected.place, kind, message))
}

fn pairs<'a>(
    kind: &'static str,
    word: &str,
    expected: Option<&Pairs<TextExpectation>>,
    actual: &dyn Fn(&str) -> Option<&'a str>,
    root: &Path,
) -> Result<Vec<Finding>, Problem> {
    let mut findings = Vec::new();
    for (name, expected) in expected.into_iter().flat_map(|pairs| &pairs.0) {
        let shown = format!("the {word} `{}`", name.value);
        match actual(&name.value) {
            Some(value) => {
                let subject = Subject {
                    kind,
                    name: &shown,
                    root,
                };
                findings.extend(judge_text(subject, expected, &Captured::whole(value))?);
            }
            None => findings.push(Finding::new(
                &name.place,
                kind,
                format!("{shown} is not set"),
            )),
        }
    }
    Ok(findings)
}

fn shown(text: &str) -> String {
    if text.is_empty() {
        "empty".to_owned()
    } else {
        format!("`{text}`")
    }
}

/// In exec form, so that `["a b"]` and `["a", "b"]` don't look the same.
fn shown_list(list: &[String]) -> String {
    if list.is_empty() {
        return "empty".to_owned();
    }
    let words: Vec<String> = list.iter().map(|word| format!("{word:?}")).collect();
    format!("[{}]", words.join(", "))
}
