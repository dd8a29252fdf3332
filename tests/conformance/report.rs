//! What a run came to, as far as engines can be compared by it.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

/// The checks by spec and name, in order.
pub struct Report {
    pub checks: BTreeMap<(String, String), Check>,
}

/// What one check came to.
#[derive(Debug, PartialEq)]
pub struct Check {
    pub verdict: String,
    /// Messages of findings, the kind of a problem, the reason why it was skipped.
    pub why: String,
    pub stdout: String,
    pub stderr: String,
}

impl Report {
    pub fn read(json: &str) -> Self {
        let json: Value = serde_json::from_str(json).unwrap();
        let checks = json["checks"].as_array().unwrap().iter().map(|check| {
            let file = text(&check["place"]["file"]);
            let spec = file.trim_start_matches("test-specs/");
            let spec = spec.trim_end_matches(".yaml").to_owned();
            ((spec, text(&check["name"])), Check::read(check))
        });
        Self {
            checks: checks.collect(),
        }
    }
}

impl Check {
    fn read(check: &Value) -> Self {
        let findings = check["findings"].as_array().into_iter().flatten();
        let mut why: Vec<String> = findings.map(|finding| text(&finding["message"])).collect();
        // How an engine tells of what it could not do is its own affair.
        why.push(text(&check["problem"]["kind"]));
        why.push(text(&check["reason"]));
        Self {
            verdict: text(&check["verdict"]),
            why: stable(why.join("\n").trim()),
            stdout: stream(&check["stdout"]),
            stderr: stream(&check["stderr"]),
        }
    }

    /// The same without some lines of its outputs.
    pub fn without(&self, beginnings: &[&str]) -> Self {
        let filter = |text: &str| {
            let lines = text.lines();
            let others =
                lines.filter(|line| !beginnings.iter().any(|known| line.starts_with(known)));
            others.collect::<Vec<_>>().join("\n")
        };
        Self {
            verdict: self.verdict.clone(),
            why: self.why.clone(),
            stdout: filter(&self.stdout),
            stderr: filter(&self.stderr),
        }
    }

    /// The parts that can differ, with their names.
    pub fn parts(&self) -> [(&'static str, &str); 4] {
        [
            ("verdict", &self.verdict),
            ("why", &self.why),
            ("stdout", &self.stdout),
            ("stderr", &self.stderr),
        ]
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn stream(stream: &Value) -> String {
    let omitted = match stream["omitted"].as_u64() {
        None | Some(0) => String::new(),
        Some(omitted) => format!("[{omitted} bytes]"),
    };
    let all = [text(&stream["head"]), omitted, text(&stream["tail"])];
    stable(&all.concat())
}

/// Without what is another thing in every run.
fn stable(text: &str) -> String {
    let replaced = [
        (r"\b[0-9a-f]{64}\b", "[ID]"),
        (r"\b[0-9a-f]{12}\b", "[HOST]"),
        (r"\b\d+(\.\d+)? ?(s|ms)\b", "[TIME]"),
    ];
    replaced
        .iter()
        .fold(text.to_owned(), |text, (pattern, by)| {
            Regex::new(pattern)
                .unwrap()
                .replace_all(&text, *by)
                .into_owned()
        })
}
