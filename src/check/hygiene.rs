//! Hygiene checks.

use super::files::ImageFiles;
use crate::engine::Engine;
use crate::inspect::hygiene::offences;
use crate::spec::HygieneCheck;
use crate::verdict::{Finding, Problem};

/// As many things are named in a finding.
const SHOWN: usize = 20;

/// Judges the image by one rule.
pub(super) fn judge(
    check: &HygieneCheck,
    files: &ImageFiles,
    engine: &dyn Engine,
) -> Result<Vec<Finding>, Problem> {
    let rule = check.rule.value;
    let is_allowed = |path: &str| check.allow.iter().any(|pattern| pattern.is_match(path));
    let view = files.view_of_large(engine);
    let view = files.facts().known(&view);
    let env = &files.image().config.env;
    let found = offences(rule, &view, files.facts(), env, &is_allowed)?;
    let Some(first) = found.first() else {
        return Ok(Vec::new());
    };
    let others = match found.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let message = format!("expected {}, found {first}{others}", rule.title());
    let mut finding = Finding::new(&check.rule.place, "hygiene", message);
    if found.len() > 1 {
        let more = found.len().saturating_sub(SHOWN);
        let mut lines = found[..found.len() - more].join("\n");
        if more > 0 {
            lines.push_str(&format!("\nand {more} more"));
        }
        finding.detail = Some(lines);
    }
    Ok(vec![finding])
}
