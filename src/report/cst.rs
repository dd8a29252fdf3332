//! The JSON of container-structure-test, which Azure DevOps reads.

use std::time::Duration;

use serde::Serialize;

use super::excerpt::{Excerpt, Limit};
use super::format::RenderError;
use super::record::{CheckRecord, Judgement, Record};
use super::text::{one_line, terminal_text};

/// How much of each text is shown.
const TEXT: Limit = Limit {
    bytes: 64 * 1024,
    lines: usize::MAX,
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    pass: usize,
    fail: usize,
    total: usize,
    /// Nanoseconds, as Go writes a duration.
    duration: u64,
    results: Vec<TestResult>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TestResult {
    name: String,
    pass: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    stdout: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    stderr: String,
    /// Never empty for what did not pass: there are readers that can't do without.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<String>,
    duration: u64,
}

/// The whole report. The format knows only passing and failing: errors are failures that say so,
/// and what was skipped did neither.
pub(super) fn render(record: &Record) -> Result<String, RenderError> {
    let mut results: Vec<TestResult> = record.checks.iter().filter_map(result).collect();
    results.extend(record.missing.iter().map(|missing| lone(missing)));
    if record.checks.is_empty() && results.is_empty() && record.unaffected().is_none() {
        results.push(lone("no check was selected"));
    }
    let pass = results.iter().filter(|result| result.pass).count();
    let summary = Summary {
        pass,
        fail: results.len() - pass,
        total: results.len(),
        duration: nanos(record.duration.into()),
        results,
    };
    let text = serde_json::to_string_pretty(&summary);
    let text = text.map_err(|error| RenderError(error.to_string()))?;
    Ok(text + "\n")
}

fn result(check: &CheckRecord) -> Option<TestResult> {
    let errors = match &check.judgement {
        Judgement::Passed => Vec::new(),
        Judgement::Skipped { .. } => return None,
        Judgement::Failed { findings } if findings.is_empty() => {
            vec!["an expectation does not hold".to_owned()]
        }
        Judgement::Failed { findings } => {
            let told = findings.iter().map(|finding| {
                let place = &finding.place;
                let place = one_line(format!("{}:{}:{}", place.file, place.line, place.column));
                let mut told = format!("{place}: {}", terminal_text(&finding.message));
                if let Some(detail) = &finding.detail {
                    told.push('\n');
                    let excerpt = Excerpt::of_bytes(detail.as_bytes(), TEXT);
                    told.push_str(&excerpt.text(|part| terminal_text(part)));
                }
                told
            });
            told.collect()
        }
        Judgement::Error { problem } => vec![error(&problem.message)],
    };
    let shown = |stream: &Option<super::record::StreamRecord>| {
        let stream = stream.as_ref();
        stream.map_or_else(String::new, |stream| stream.shown(TEXT))
    };
    Some(TestResult {
        name: one_line(check.case.full_name()),
        pass: matches!(check.judgement, Judgement::Passed),
        stdout: shown(&check.stdout),
        stderr: shown(&check.stderr),
        errors,
        duration: nanos(check.duration.into()),
    })
}

/// What no check stands for.
fn lone(message: &str) -> TestResult {
    TestResult {
        name: one_line(message),
        pass: false,
        stdout: String::new(),
        stderr: String::new(),
        errors: vec![error(message)],
        duration: 0,
    }
}

fn error(message: &str) -> String {
    format!("error: {}", terminal_text(message))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
