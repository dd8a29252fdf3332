//! What the health check of an image must be.

use serde_json::{Value, json};
use std::time::Duration;

use super::list::ListExpectation;
use crate::diagnostic::Diagnostic;
use crate::source::{Located, Place};
use crate::yaml::{Context, Decode, Definitions, Describe, Kind, Node, object};

object! {
    /// What the image must say about its health check. Expects at least one thing.
    pub struct HealthExpectation: "a health check" {
        /// Whether there must be one.
        optional exists: Located<bool>,
        /// The command: `[CMD, …]` or `[CMD-SHELL, …]`.
        optional test: HealthTest,
        /// The time between two of them.
        optional interval: Located<Duration>,
        /// The time that one may take.
        optional timeout: Located<Duration>,
        /// The time in which failures don't count.
        optional start_period: Located<Duration>,
        /// How many failures in a row make a container unhealthy.
        optional retries: Located<i64>,
    }
}

/// The command of a health check.
#[derive(Debug, Clone)]
pub struct HealthTest(pub ListExpectation);

impl Decode for HealthTest {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        if !matches!(node.kind, Kind::Scalar { .. }) {
            return ListExpectation::decode(node, context).map(Self);
        }
        // Shell form, as in a Dockerfile.
        let line = String::decode(node, context)?;
        if line.trim().is_empty() {
            context.report(
                Diagnostic::new(&node.place, "there is no command here")
                    .help("say `exists: false` where there must be no health check"),
            );
            return None;
        }
        let test = vec!["CMD-SHELL".to_owned(), line];
        Some(Self(ListExpectation {
            equals: Some(Located::new(test, node.place.clone())),
            contains: Vec::new(),
            not_contains: Vec::new(),
            empty: None,
        }))
    }
}

impl HealthExpectation {
    /// Whether it expects anything of the check itself.
    pub fn expects_more(&self) -> bool {
        self.test.is_some()
            || self.interval.is_some()
            || self.timeout.is_some()
            || self.start_period.is_some()
            || self.retries.is_some()
    }

    pub(super) fn validate(&self, place: &Place, context: &mut Context) {
        if let Some(exists) = self.exists.as_ref().filter(|exists| !exists.value)
            && self.expects_more()
        {
            context.report(
                Diagnostic::new(
                    &exists.place,
                    "a health check that must not exist can't be looked at",
                )
                .help("remove `exists: false` or the other expectations"),
            );
        }
        if let Some(retries) = self.retries.as_ref().filter(|retries| retries.value < 0) {
            let message = "a number of retries is never below 0";
            context.report(Diagnostic::new(&retries.place, message));
        }
        if self.exists.is_none() && !self.expects_more() {
            context.report(
                Diagnostic::new(place, "this expects nothing").help("say `{exists: true}`"),
            );
        }
    }
}

impl Describe for HealthTest {
    fn schema(definitions: &mut Definitions) -> Value {
        let shell = String::schema(definitions);
        json!({"anyOf": [shell, ListExpectation::schema(definitions)]})
    }
}
