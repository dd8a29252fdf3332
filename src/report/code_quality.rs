//! GitLab's code quality report: what does not hold, beside the line of the spec that says so.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::format::RenderError;
use super::record::{CheckRecord, Judgement, PlaceRecord, Record};
use super::text::one_line;
use crate::project::FILE_NAME;

/// All issues of a run.
#[derive(Default)]
struct Issues<'a> {
    /// What is put in front of paths.
    folder: &'a str,
    all: Vec<Value>,
    /// How many have had the same words; GitLab drops what has the fingerprint of another.
    seen: HashMap<String, usize>,
}

/// The whole report: one issue for each expectation that does not hold, and for each error.
pub(super) fn render(record: &Record) -> Result<String, RenderError> {
    let mut issues = Issues {
        folder: &record.folder,
        ..Issues::default()
    };
    for check in &record.checks {
        match &check.judgement {
            Judgement::Failed { findings } if findings.is_empty() => {
                let message = "an expectation does not hold";
                issues.of(check, "major", "failure", message, &check.case.place);
            }
            Judgement::Failed { findings } => {
                for it in findings {
                    issues.of(check, "major", &it.label, &it.message, &it.place);
                }
            }
            Judgement::Error { problem } => {
                let (kind, message) = (&problem.kind, &problem.message);
                issues.of(check, "critical", kind, message, &check.case.place);
            }
            Judgement::Passed | Judgement::Skipped { .. } => {}
        }
    }
    for missing in &record.missing {
        issues.lone("missing", missing);
    }
    if record.checks.is_empty() && record.missing.is_empty() && record.unaffected().is_none() {
        issues.lone("empty", "no check was selected");
    }
    let text = serde_json::to_string_pretty(&issues.all);
    let text = text.map_err(|error| RenderError(error.to_string()))?;
    Ok(text + "\n")
}

impl Issues<'_> {
    fn of(
        &mut self,
        check: &CheckRecord,
        severity: &str,
        kind: &str,
        message: &str,
        at: &PlaceRecord,
    ) {
        let name = check.case.full_name();
        let description = format!("{}: {}", one_line(&name), one_line(message));
        // Neither lines nor messages: the same issue in another branch must be the same.
        let identity = format!("{name}\0{kind}");
        self.add(&identity, &description, severity, kind, (&at.file, at.line));
    }

    fn lone(&mut self, kind: &str, message: &str) {
        let description = one_line(message);
        self.add(message, &description, "critical", kind, (FILE_NAME, 1));
    }

    fn add(
        &mut self,
        identity: &str,
        description: &str,
        severity: &str,
        kind: &str,
        at: (&str, usize),
    ) {
        let count = self.seen.entry(identity.to_owned()).or_default();
        let fingerprint = digest(&format!("{identity}\0{count}"));
        *count += 1;
        let (path, line) = at;
        self.all.push(json!({
            "description": description,
            "check_name": one_line(format!("seatrial.{kind}")),
            "fingerprint": fingerprint,
            "severity": severity,
            "location": {"path": format!("{}{}", self.folder, one_line(path)), "lines": {"begin": line}},
        }));
    }
}

fn digest(text: &str) -> String {
    let mut hex = String::new();
    for byte in Sha256::digest(text.as_bytes()) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
