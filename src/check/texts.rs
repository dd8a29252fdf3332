//! Short texts, such as a user or the target of a link.

use std::path::Path;

use super::judged::Judged;
use crate::engine::Captured;
use crate::expect::{Subject, judge as judge_text};
use crate::spec::{TextExpectation, TextMatcher};
use crate::verdict::{Finding, Problem};

/// Longer texts are easier to read as a diff.
const SHORT: usize = 60;

/// Judges a text that is mostly one short line: what must be equal is shown in the message.
pub(super) fn judge(
    kind: &'static str,
    name: &str,
    expected: &TextExpectation,
    actual: &str,
    root: &Path,
) -> Result<Vec<Finding>, Problem> {
    let mut judged = Judged::default();
    for matcher in &expected.0 {
        judged.add(match &matcher.value {
            TextMatcher::Equals(text) if is_short(text) && is_short(actual) => {
                let message = format!("{name} must be {}, it is {}", shown(text), shown(actual));
                let finding = Finding {
                    matcher: Some(matcher.value.key()),
                    ..Finding::new(&matcher.place, kind, message)
                };
                Ok((text != actual).then_some(finding).into_iter().collect())
            }
            _ => {
                let subject = Subject { kind, name, root };
                let one = TextExpectation(vec![matcher.clone()]);
                judge_text(subject, &one, &Captured::whole(actual))
            }
        });
    }
    judged.finish()
}

fn is_short(text: &str) -> bool {
    text.chars().count() <= SHORT && !text.contains('\n')
}

fn shown(text: &str) -> String {
    if text.is_empty() {
        "empty".to_owned()
    } else {
        format!("`{text}`")
    }
}
