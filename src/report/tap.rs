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
    if let Some(reason) = record.unaffected() {
        return Ok(format!("TAP version 14\n1..0 # SKIP {}\n", escaped(reason)));
    }
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

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::report::golden;
    use crate::report::text::nasty_bytes;

    /// What stands between `---` and `...`, and nothing but test points and comments beside it.
    fn blocks(tap: &str) -> Vec<Value> {
        let mut lines = tap.lines().skip(2);
        let mut blocks = Vec::new();
        while let Some(line) = lines.next() {
            if line == "  ---" {
                let yaml = lines.by_ref().take_while(|line| *line != "  ...");
                let yaml: String = yaml.map(|line| format!("{line}\n")).collect();
                blocks.push(serde_saphyr::from_str(&yaml).expect(&yaml));
            } else {
                let is_known = ["ok ", "not ok ", "# "]
                    .iter()
                    .any(|it| line.starts_with(it));
                assert!(is_known, "{line}");
            }
        }
        blocks
    }

    #[test]
    fn diagnostics_are_yaml() {
        let record = golden::record(&golden::events());
        let blocks = blocks(&render(&record).unwrap());
        assert_eq!(blocks.len(), record.checks.len());
        assert_eq!(blocks[2]["findings"][1]["at"]["line"], 10);
        assert_eq!(blocks[2]["stdout"], "chr1 248956421\nchr2 242193529\n");
    }

    /// Without the long output.
    static SHORT: LazyLock<Record> = LazyLock::new(|| {
        let mut record = golden::record(&golden::events());
        record
            .checks
            .iter_mut()
            .for_each(|check| check.stdout = None);
        record
    });

    proptest! {
        #[test]
        fn no_text_breaks_the_lines(bytes in nasty_bytes()) {
            let mut record = SHORT.clone();
            let nasty = String::from_utf8_lossy(&bytes).into_owned();
            for check in &mut record.checks {
                check.case.name.clone_from(&nasty);
                check.case.place.file.clone_from(&nasty);
                check.reproduce = Some(nasty.clone());
                match &mut check.judgement {
                    Judgement::Failed { findings } => findings[0].detail = Some(nasty.clone()),
                    Judgement::Error { problem } => problem.message.clone_from(&nasty),
                    Judgement::Skipped { reason } => reason.clone_from(&nasty),
                    Judgement::Passed => {}
                }
            }
            prop_assert_eq!(blocks(&render(&record).unwrap()).len(), record.checks.len());
        }
    }
}
