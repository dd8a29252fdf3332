//! TAP 14, with YAML for what did not pass.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::excerpt::{Excerpt, Limit};
use super::format::RenderError;
use super::record::{CheckRecord, FindingRecord, Judgement, PlaceRecord, Record};
use super::text::{one_line, terminal_text};

/// How much of a text is shown.
const TEXT: Limit = Limit {
    bytes: 16 * 1024,
    lines: usize::MAX,
};

/// The whole report.
#[expect(clippy::unnecessary_wraps, reason = "the signature of all formats")]
pub(super) fn render(record: &Record) -> Result<String, RenderError> {
    let mut lone: Vec<String> = record.missing.iter().map(one_line).collect();
    if record.checks.is_empty() && lone.is_empty() {
        // A plan of nothing would be a success.
        lone.push("no check was selected".to_owned());
    }
    let plan = record.checks.len() + lone.len();
    let mut out = format!("TAP version 14\n1..{plan}\n");
    let mut number = 1;
    for check in &record.checks {
        out.push_str(&test_point(number, check));
        number += 1;
    }
    for message in lone {
        let _ = writeln!(out, "not ok {number} - {}", escaped(&message));
        out.push_str(&diagnostics(&[("severity", json!("error"))]));
        number += 1;
    }
    if let Some(stopped) = record.ended.stopped() {
        let _ = writeln!(out, "# {}", one_line(stopped.to_string()));
    }
    if let Some(left) = &record.left_behind {
        let _ = writeln!(out, "# left behind: {}", one_line(left));
    }
    Ok(out)
}

fn test_point(number: usize, check: &CheckRecord) -> String {
    let name = escaped(&one_line(check.case.full_name()));
    let (word, directive) = match &check.judgement {
        Judgement::Passed => ("ok", String::new()),
        Judgement::Failed { .. } | Judgement::Error { .. } => ("not ok", String::new()),
        // What fails as is known is TAP's own idea.
        Judgement::Skipped { reason } if check.xfailed => {
            ("not ok", format!(" # TODO {}", escaped(&one_line(reason))))
        }
        Judgement::Skipped { reason } => ("ok", format!(" # SKIP {}", escaped(&one_line(reason)))),
    };
    let mut out = format!("{word} {number} - {name}{directive}\n");
    let millis = Duration::from(check.duration).as_secs_f64() * 1e3;
    let mut values = vec![("duration_ms", json!((millis * 1e3).round() / 1e3))];
    if !check.earlier.is_empty() {
        values.push(("tries", json!(check.earlier.len() + 1)));
    }
    match &check.judgement {
        Judgement::Failed { findings } => {
            let first = findings.first().map(|it| it.message.as_str());
            values.push((
                "message",
                text(first.unwrap_or("an expectation does not hold")),
            ));
            values.push(("severity", json!("fail")));
            values.push(("at", at(&check.case.place)));
            values.push(("findings", findings.iter().map(finding).collect()));
        }
        Judgement::Error { problem } => {
            values.push(("message", text(&problem.message)));
            values.push(("severity", json!("error")));
            values.push(("kind", json!(one_line(&problem.kind))));
            values.push(("at", at(&check.case.place)));
        }
        Judgement::Passed | Judgement::Skipped { .. } => {}
    }
    if check.judgement.is_bad() {
        for (name, stream) in [("stdout", &check.stdout), ("stderr", &check.stderr)] {
            if let Some(stream) = stream {
                values.push((name, json!(stream.shown(TEXT))));
            }
        }
        if let Some(command) = &check.reproduce {
            values.push(("reproduce", json!(terminal_text(command))));
        }
    }
    out.push_str(&diagnostics(&values));
    out
}

fn finding(finding: &FindingRecord) -> Value {
    let mut value = json!({
        "kind": one_line(&finding.label),
        "message": text(&finding.message),
        "at": at(&finding.place),
    });
    if let Some(detail) = &finding.detail {
        value["detail"] = text(detail);
    }
    value
}

fn at(place: &PlaceRecord) -> Value {
    json!({"file": one_line(&place.file), "line": place.line, "column": place.column})
}

fn text(text: &str) -> Value {
    let excerpt = Excerpt::of_bytes(text.as_bytes(), TEXT);
    json!(excerpt.text(|part| terminal_text(part)))
}

/// A block of YAML whose values are JSON, which YAML understands: no value can break a line, and
/// so none can end the block.
fn diagnostics(values: &[(&str, Value)]) -> String {
    let mut out = String::from("  ---\n");
    for (key, value) in values {
        match value {
            Value::Array(items) => {
                let _ = writeln!(out, "  {key}:");
                for item in items {
                    let _ = writeln!(out, "    - {item}");
                }
            }
            _ => {
                let _ = writeln!(out, "  {key}: {value}");
            }
        }
    }
    out.push_str("  ...\n");
    out
}

/// What is no directive.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('#', "\\#")
}
