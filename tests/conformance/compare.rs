//! Two reports, check by check.

use similar::TextDiff;

use crate::differences::{DIFFERENCES, Difference};
use crate::report::{Check, Report};

/// What differs from the reference though it should not, and what should and does not.
pub fn compare(engine: &str, reference: &Report, report: &Report) -> Vec<String> {
    let mut wrong = Vec::new();
    let listed: Vec<&Difference> = DIFFERENCES
        .iter()
        .filter(|difference| difference.engines.contains(&engine))
        .collect();
    let mut used = vec![false; listed.len()];
    for ((spec, name), found) in &report.checks {
        let expected = &reference.checks[&(spec.clone(), name.clone())];
        if expected == found {
            continue;
        }
        let full = format!("{spec}: {name}");
        let known = listed.iter().position(|difference| {
            let is_meant = difference.checks.iter().any(|check| is_match(check, &full));
            is_meant && difference.allows(expected, found)
        });
        match known {
            Some(at) => used[at] = true,
            None => wrong.push(format!("== {engine}, {full}\n{}", shown(expected, found))),
        }
    }
    // The others differ from host to host and from release to release.
    for (difference, used) in listed.iter().zip(used) {
        if !used && engine == "embedded" {
            wrong.push(format!("== {engine} does not differ: {}", difference.why));
        }
    }
    wrong
}

/// A `*` at the end stands for anything.
fn is_match(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

fn shown(expected: &Check, found: &Check) -> String {
    let parts = expected.parts().into_iter().zip(found.parts());
    let differ = parts.filter(|((_, expected), (_, found))| expected != found);
    let shown = differ.map(|((part, expected), (_, found))| {
        let diff = TextDiff::from_lines(expected, found);
        format!("{part}:\n{}", diff.unified_diff().context_radius(1))
    });
    shown.collect()
}
