//! Requirements of versions in specs.

use crate::diagnostic::Diagnostic;
use crate::version::{RequirementError, VersionRequirement};
use crate::yaml::{Context, Decode, Definitions, Describe, Node, text};
use serde_json::Value;

const FORMS: &str = "the forms are `1.16.1`, `1.16.*`, `>=1.16, <2` (also `=`, `!=`, `<=`, `>`), `^1.16`, \
                     `~1.16`, and `||` between alternatives";

impl Decode for VersionRequirement {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let text = String::decode(node, context)?;
        match Self::parse(&text) {
            Ok(requirement) => Some(requirement),
            Err(error) => {
                let diagnostic = Diagnostic::new(&node.place, error.to_string());
                context.report(match error {
                    RequirementError::NotAComparator(_) => diagnostic.help(FORMS),
                    RequirementError::NeverHolds(_) => diagnostic,
                });
                None
            }
        }
    }
}

impl Describe for VersionRequirement {
    fn schema(_: &mut Definitions) -> Value {
        text("", &[">=1.16, <2", "1.16.1", "~1.16", "1.16.*"])
    }
}
