//! Library checks.

use super::files::ImageFiles;
use crate::engine::Engine;
use crate::inspect::libraries::{Checked, Inspector};
use crate::spec::LibraryCheck;
use crate::verdict::{Finding, Problem};

/// As many things are named in findings.
const SHOWN: usize = 20;

/// Judges the programs that a path or glob stands for.
pub(super) fn judge(
    check: &LibraryCheck,
    files: &ImageFiles,
    engine: &dyn Engine,
) -> Result<Vec<Finding>, Problem> {
    let view = files.view_of_large(engine);
    let view = files.facts().known(&view);
    let inspector = Inspector::new(&view, files.facts(), &files.image().config);
    let path = check.path.value.as_str();
    let mut complaints = match &check.pattern {
        None => match inspector.check(path)? {
            Checked::Program(complaints) => complaints,
            Checked::Missing(at) if at == path => vec![format!("{path} does not exist")],
            Checked::Missing(at) => vec![format!("{path} leads to {at}, where nothing is")],
            Checked::Other => vec![format!("{path} is neither a program nor a library")],
        },
        Some(pattern) => {
            let mut complaints = Vec::new();
            let mut programs = 0;
            let matches = inspector.matches(pattern)?;
            for path in &matches {
                match inspector.check_match(path)? {
                    Checked::Program(more) => {
                        programs += 1;
                        complaints.extend(more);
                    }
                    Checked::Missing(at) => {
                        complaints.push(format!("{path} leads to {at}, where nothing is"));
                    }
                    Checked::Other => {}
                }
            }
            if programs == 0 && complaints.is_empty() {
                complaints.push(match matches.len() {
                    0 => format!("nothing matches {path}"),
                    _ => format!("nothing that matches {path} is a program or a library"),
                });
            }
            complaints
        }
    };
    // Programs that share a broken library share the complaint.
    let mut seen = std::collections::HashSet::new();
    complaints.retain(|complaint| seen.insert(complaint.clone()));
    let more = complaints.len().saturating_sub(SHOWN);
    complaints.truncate(SHOWN);
    if more > 0 {
        complaints.push(format!("and {more} more"));
    }
    let finding = |message| Finding::new(&check.path.place, "libraries", message);
    Ok(complaints.into_iter().map(finding).collect())
}
